"""The n-grams of every view of a text, made once and shared by the embedded models."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from tyrian.core.detection import View
from tyrian.detectors.marks import unmarked
from tyrian.models.classifier import Scored
from tyrian.models.embedded import Begun, Block, blocks_of
from tyrian.text.views import TextView, text_views

KEPT = 1 << 20
"""Characters up to which grams are kept for the next detector; longer texts are hashed again."""


@dataclass(frozen=True, slots=True)
class Located:
    """The scores of a whole message and the place in `view.text` that they come from."""

    scored: Scored
    start: int
    end: int


def _blocks(text: TextView) -> Iterator[Block]:
    return blocks_of(unmarked(text.text))


def _grams(view: View) -> tuple[tuple[TextView, tuple[Block, ...]], ...]:
    return tuple((text, tuple(_blocks(text))) for text in text_views(view).all)


def view_blocks(view: View) -> Iterator[tuple[TextView, Iterator[Block]]]:
    """Every view of the text with its blocks of grams."""
    if len(view.text) > KEPT:
        for text in text_views(view).all:
            yield text, _blocks(text)
        return
    for text, blocks in view.derive("text-grams", lambda: _grams(view)):
        yield text, iter(blocks)


class Staged(Protocol):
    """A model that judges in two stages, the second of which is slow and seldom needed."""

    def begin(self, blocks: Iterable[Block]) -> Begun:
        """The first stage."""

    def end(self, begun: Begun) -> Scored:
        """The second stage, and the scores."""


def _begun(view: View, model: Staged) -> Iterable[tuple[TextView, Begun]]:
    """The first stage on every view of the text, done once where its grams are kept."""
    each = ((text, model.begin(blocks)) for text, blocks in view_blocks(view))
    if len(view.text) > KEPT:
        return each
    return view.derive(f"begun-{id(model)}", lambda: tuple(each))


def is_slow(view: View, model: Staged) -> bool:
    """Whether the first stage leaves something for the second; its answer is kept for `locate`.

    So it is said, before that is known, of a text that takes long to read.
    """
    return text_views(view).is_slow or any(begun.suspects for _, begun in _begun(view, model))


def locate(view: View, model: Staged, rank: Callable[[Scored], float]) -> Located:
    """Judge every view; the highest-ranked one stands, with its span in the original."""
    best: Located | None = None
    for text, begun in _begun(view, model):
        scored = model.end(begun)
        if best is None or rank(scored) > rank(best.scored):
            start, end = text.span(scored.start, scored.end)
            best = Located(scored, start, end)
    return best or Located(model.end(model.begin(())), 0, 0)
