"""Put decoded pieces in the place of what they were decoded from, with offsets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tyrian.text.offsets import Offsets

COARSE = 0
"""Every character of the piece stands for the whole of its source."""
BACKWARD = -1
"""The piece is its source from back to front."""


class Piece(NamedTuple):
    """Text that stands for `source[start:end]`.

    `step` tells how: COARSE, BACKWARD, or the number of source characters for each one of it.
    """

    start: int
    end: int
    text: str
    step: int = COARSE


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A derived text and the way back to its source."""

    text: str
    offsets: Offsets


_LONG_ENOUGH = 24
_MARGIN = 120


def rewrite(source: str, pieces: Iterable[Piece]) -> Rewritten:
    """The source with pieces (in order, apart) put in; far from any piece it is left out.

    Long pieces speak for themselves and come without what stands around them, so that a benign
    text around an attack does not dilute it; short ones keep some context.
    """
    chosen = list(pieces)
    is_alone = all(len(p.text) >= _LONG_ENOUGH for p in chosen)
    return assemble(len(source), list(_with_context(source, chosen, 0 if is_alone else _MARGIN)))


def _with_context(source: str, pieces: list[Piece], margin: int) -> Iterable[Piece]:
    shown = 0
    for number, piece in enumerate(pieces):
        low = max(shown, piece.start - margin)
        if low > shown and number:
            yield Piece(piece.start, piece.end, "\n")
        if piece.start > low:
            yield Piece(low, piece.start, source[low : piece.start], 1)
        yield piece
        after = pieces[number + 1].start if number + 1 < len(pieces) else len(source)
        shown = min(piece.end + margin, after)
        if shown > piece.end:
            yield Piece(piece.end, shown, source[piece.end : shown], 1)


def assemble(length: int, pieces: list[Piece]) -> Rewritten:
    """The pieces one after another, as a text derived from a source of that length."""
    pieces = [p for p in pieces if p.text]
    sizes = np.array([len(p.text) for p in pieces], dtype=np.intp)
    firsts = np.array([p.start for p in pieces], dtype=np.intp)
    lasts = np.array([p.end for p in pieces], dtype=np.intp)
    steps = np.array([p.step for p in pieces], dtype=np.intp)
    owner = np.repeat(np.arange(len(pieces)), sizes)
    within = np.arange(len(owner)) - (np.cumsum(sizes) - sizes)[owner]
    step = steps[owner]
    forward = firsts[owner] + within * np.maximum(step, 0)
    starts = np.where(step == BACKWARD, lasts[owner] - 1 - within, forward)
    ends = np.where(step == COARSE, lasts[owner], starts + np.abs(step))
    return Rewritten("".join(p.text for p in pieces), Offsets(length, starts, ends))
