"""Put decoded pieces in the place of what they were decoded from, with offsets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tyrian.text.offsets import (
    BACKWARD,
    COARSE,
    Codes,
    Index,
    Offsets,
    Stretches,
    codes_of,
    text_of,
)
from tyrian.text.source import Bools, spread_out

__all__ = ["BACKWARD", "COARSE", "Piece", "Pieces", "Rewritten", "assemble", "rewrite"]


class Piece(NamedTuple):
    """Text that stands for `source[start:end]`.

    `step` tells how: COARSE, BACKWARD, or the number of source characters for each one of it.
    """

    start: int
    end: int
    text: str
    step: int = COARSE


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Many pieces, in order and apart, as one row of numbers each."""

    starts: Index
    ends: Index
    sizes: Index
    """Length of each piece's text."""
    codes: Codes
    """The texts of all pieces, one after another."""
    steps: Index

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> "Pieces":
        """The same pieces in rows."""
        return cls(
            np.array([p.start for p in pieces], dtype=np.intp),
            np.array([p.end for p in pieces], dtype=np.intp),
            np.array([len(p.text) for p in pieces], dtype=np.intp),
            codes_of("".join(p.text for p in pieces)),
            np.array([p.step for p in pieces], dtype=np.intp),
        )

    @classmethod
    def signs(cls, starts: Index, ends: Index, codes: Codes) -> "Pieces":
        """Pieces of one character each."""
        return cls(
            starts, ends, np.ones(len(starts), np.intp), codes, np.zeros(len(starts), np.intp)
        )

    @classmethod
    def in_place(cls, starts: Index, ends: Index, codes: Codes, step: int = 1) -> "Pieces":
        """Pieces as long as what they stand for; BACKWARD ones are turned round already."""
        return cls(starts, ends, ends - starts, codes, np.full(len(starts), step, np.intp))

    @classmethod
    def of_texts(cls, starts: Index, ends: Index, texts: Sequence[str]) -> "Pieces":
        """Coarse pieces of the places that have a text."""
        sizes = np.fromiter(map(len, texts), np.intp, len(texts))
        kept = sizes > 0
        steps = np.full(int(kept.sum()), COARSE, dtype=np.intp)
        return cls(starts[kept], ends[kept], sizes[kept], codes_of("".join(texts)), steps)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def text(self) -> str:
        """All texts joined."""
        return text_of(self.codes)

    def texts(self) -> list[str]:
        """The text of each piece."""
        ends = np.cumsum(self.sizes)
        text = self.text
        spans = zip((ends - self.sizes).tolist(), ends.tolist(), strict=True)
        return [text[start:end] for start, end in spans]

    def only(self, mask: Bools) -> "Pieces":
        """The pieces that the mask is true for."""
        kept = np.repeat(mask, self.sizes)
        return Pieces(
            self.starts[mask], self.ends[mask], self.sizes[mask], self.codes[kept], self.steps[mask]
        )

    def merged(self, other: "Pieces") -> "Pieces":
        """The pieces of both, which lie apart, in order."""
        starts = np.concatenate((self.starts, other.starts))
        order = np.argsort(starts, kind="stable")
        sizes = np.concatenate((self.sizes, other.sizes))
        begins = (np.cumsum(sizes) - sizes)[order]
        codes = np.concatenate((self.codes, other.codes))
        return Pieces(
            starts[order],
            np.concatenate((self.ends, other.ends))[order],
            sizes[order],
            codes[spread_out(begins, sizes[order])],
            np.concatenate((self.steps, other.steps))[order],
        )


NONE = Pieces.of(())


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A derived text and the way back to its source."""

    text: str
    offsets: Offsets


_LONG_ENOUGH = 24
_MARGIN = 120


def rewrite(source: Codes, pieces: Pieces) -> Rewritten:
    """The source with pieces put in; far from any piece it is left out.

    Long stretches of pieces speak for themselves and come without what stands around them, so
    that a benign text around an attack does not dilute it; short ones keep some context.
    """
    margin = 0 if _is_alone(pieces) else _MARGIN
    count = len(pieces)
    before = np.concatenate(([0], pieces.ends))
    after = np.concatenate((pieces.starts, [len(source)]))
    gaps = after - before
    is_wide = gaps > 2 * margin
    is_wide[0], is_wide[-1] = gaps[0] > margin, gaps[-1] > margin
    # Four slots for each piece: what follows the one before, a break, what leads up, itself.
    starts = np.zeros((count + 1, 4), dtype=np.intp)
    ends = np.zeros((count + 1, 4), dtype=np.intp)
    steps = np.ones((count + 1, 4), dtype=np.intp)
    starts[:, 0] = before
    ends[:, 0] = np.where(is_wide, before + margin, before)
    ends[0, 0] = 0
    starts[:, 2] = np.where(is_wide, after - margin, before)
    ends[:, 2] = after
    starts[-1, 2] = before[-1]
    ends[-1, 2] = min(int(before[-1]) + margin, len(source)) if is_wide[-1] else after[-1]
    ends[-1, 0] = starts[-1, 0]
    starts[:-1, 1], ends[:-1, 1] = pieces.starts, pieces.ends
    starts[:-1, 3], ends[:-1, 3], steps[:-1, 3] = pieces.starts, pieces.ends, pieces.steps
    steps[:, 1] = COARSE
    sizes = ends - starts
    sizes[:, 1] = is_wide
    sizes[0, 1] = sizes[-1, 1] = 0
    sizes[:-1, 3] = pieces.sizes
    # Where each slot's text stands in: source, pieces, break.
    texts = starts.copy()
    texts[:-1, 3] = len(source) + np.cumsum(pieces.sizes) - pieces.sizes
    texts[:, 1] = len(source) + len(pieces.codes)
    store = np.concatenate((source, pieces.codes, np.array([10], dtype=np.uint32)))
    kept = sizes.ravel() > 0
    sizes = sizes.ravel()[kept]
    made = np.cumsum(sizes) - sizes
    text = text_of(store[spread_out(texts.ravel()[kept], sizes)])
    link = Stretches(made, starts.ravel()[kept], ends.ravel()[kept], steps.ravel()[kept])
    return Rewritten(text, Offsets(len(source), len(text), (link,)))


def _is_alone(pieces: Pieces) -> bool:
    """True where the pieces that touch each other are long together, everywhere."""
    if len(pieces) < 2:
        return not len(pieces) or int(pieces.sizes[0]) >= _LONG_ENOUGH
    firsts = np.flatnonzero(pieces.starts[1:] != pieces.ends[:-1]) + 1
    lengths = np.add.reduceat(pieces.sizes, np.concatenate(([0], firsts)))
    return bool((lengths >= _LONG_ENOUGH).all())


def assemble(length: int, pieces: Pieces) -> Rewritten:
    """The pieces one after another, as a text derived from a source of that length."""
    kept = pieces.only(pieces.sizes > 0)
    made = np.cumsum(kept.sizes) - kept.sizes
    link = Stretches(made, kept.starts, kept.ends, kept.steps)
    return Rewritten(kept.text, Offsets(length, len(kept.codes), (link,)))
