"""The n-grams of every view of a text, made once and shared by the embedded models."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tyrian.core.detection import View
from tyrian.models.classifier import Scored
from tyrian.models.embedded import Block, blocks_of
from tyrian.text.views import TextView, text_views

KEPT = 1 << 20
"""Characters up to which grams are kept for the next detector; longer texts are hashed again."""


@dataclass(frozen=True, slots=True)
class Located:
    """The scores of a whole message and the place in `view.text` that they come from."""

    scored: Scored
    start: int
    end: int


def _grams(view: View) -> tuple[tuple[TextView, tuple[Block, ...]], ...]:
    return tuple((text, tuple(blocks_of(text.text))) for text in text_views(view).all)


def view_blocks(view: View) -> Iterator[tuple[TextView, Iterator[Block]]]:
    """Every view of the text with its blocks of grams."""
    if len(view.text) > KEPT:
        for text in text_views(view).all:
            yield text, blocks_of(text.text)
        return
    for text, blocks in view.derive("text-grams", lambda: _grams(view)):
        yield text, iter(blocks)


def locate(
    view: View,
    judge: Callable[[Iterator[Block]], Scored],
    rank: Callable[[Scored], float],
) -> Located:
    """Judge every view; the highest-ranked one stands, with its span in the original."""
    best: Located | None = None
    for text, blocks in view_blocks(view):
        scored = judge(blocks)
        if best is None or rank(scored) > rank(best.scored):
            start, end = text.span(scored.start, scored.end)
            best = Located(scored, start, end)
    return best or Located(judge(iter(())), 0, 0)
