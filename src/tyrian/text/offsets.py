"""From positions in a derived text back to the text that it came from."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.intp]
Codes = npt.NDArray[np.uint32]

COARSE = 0
"""Every character of a stretch stands for the whole of its source."""
BACKWARD = -1
"""The stretch is its source from back to front."""


class Link(Protocol):
    """One step back: from a derived text to the text that it was made of."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The source of the characters `start:end`, which are at least one."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Picks:
    """Character `i` comes from `starts[i]:ends[i]`; neither ever falls."""

    starts: Index
    ends: Index | None = None
    """None where each character stands for one."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The source of the characters `start:end`."""
        last = self.starts[end - 1] + 1 if self.ends is None else self.ends[end - 1]
        return int(self.starts[start]), int(last)


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Stretches of a derived text, one after another, in the order of their sources."""

    made: Index
    """Where each stretch begins in the derived text."""
    starts: Index
    ends: Index
    steps: Index
    """COARSE, BACKWARD, or how many source characters stand for one."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The source of the characters `start:end`."""
        first, last = (np.searchsorted(self.made, [start, end - 1], side="right") - 1).tolist()
        if first == last:
            return self._within(first, start, end)
        low, _ = self._within(first, start, int(self.made[first + 1]))
        _, high = self._within(last, int(self.made[last]), end)
        return low, high

    def _within(self, number: int, start: int, end: int) -> tuple[int, int]:
        low, high = int(self.starts[number]), int(self.ends[number])
        step, made = int(self.steps[number]), int(self.made[number])
        if step == COARSE:
            return low, high
        if step == BACKWARD:
            return high - (end - made), high - (start - made)
        return low + (start - made) * step, low + (end - made) * step


@dataclass(frozen=True, slots=True, eq=False)
class Offsets:
    """Where each character of a derived text stands in its source.

    Steps are kept one by one and followed only when a span is asked for, so that a text which
    nobody finds anything in pays nothing for them. No step: the derived text is the source.
    """

    length: int
    """Length of the source."""
    size: int
    """Length of the derived text."""
    links: tuple[Link, ...] = ()
    """From the source outward."""

    @classmethod
    def identity(cls, length: int) -> Self:
        """Offsets of a text derived by no change at all."""
        return cls(length, length)

    @classmethod
    def picked(cls, length: int, positions: Index) -> Self:
        """Offsets of a text made of the source's characters at `positions`, which rise."""
        return cls(length, len(positions), (Picks(positions),))

    def then(self, after: "Offsets") -> "Offsets":
        """Offsets of a text derived from the text that these offsets describe."""
        return Offsets(self.length, after.size, self.links + after.links)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The smallest span of the source that holds characters `start:end` of the text."""
        start = min(max(start, 0), self.size)
        end = min(end, self.size)
        if end <= start:
            at = self._source(start, start + 1)[0] if start < self.size else self.length
            return at, at
        return self._source(start, end)

    def _source(self, start: int, end: int) -> tuple[int, int]:
        for link in reversed(self.links):
            start, end = link.span(start, end)
        return start, end


def codes_of(text: str) -> Codes:
    """The code points of a text, lone surrogates included."""
    try:
        return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    except UnicodeEncodeError:
        # The codec's own handler for surrogates takes ten times as long.
        return np.fromiter(map(ord, text), dtype=np.uint32, count=len(text))


def text_of(codes: Codes) -> str:
    """The text of code points."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")
