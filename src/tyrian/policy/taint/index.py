"""An index of fingerprints that grows without being changed: who holds an old one keeps it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tyrian.policy.taint.prints import Prints

Sources = npt.NDArray[np.uint32]

_RATIO = 16
"""A segment is merged into the one before it unless that is so many times larger."""


_SIDES: tuple[tuple[Literal["left", "right"], int], ...] = (("left", 0), ("right", 1))


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Sorted fingerprints, and the number of the source of each."""

    prints: Prints
    sources: Sources


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Fingerprints with their sources, in few sorted segments, the largest first."""

    segments: tuple[Segment, ...] = ()
    size: int = 0

    def with_prints(self, prints: Prints, source: int) -> "Index":
        """The index with these fingerprints (sorted, each once) of that source in it."""
        new = prints[~self._has(prints, source)]
        if not len(new):
            return self
        last = Segment(new, np.full(len(new), source, dtype=np.uint32))
        segments = list(self.segments)
        while segments and len(segments[-1].prints) < _RATIO * len(last.prints):
            last = _merged(segments.pop(), last)
        return Index((*segments, last), self.size + len(new))

    def hits(self, wanted: Prints) -> npt.NDArray[np.bool_]:
        """Which of the wanted fingerprints are there."""
        found = np.zeros(len(wanted), dtype=np.bool_)
        for segment in self.segments:
            at = segment.prints.searchsorted(wanted)
            found |= segment.prints.take(at, mode="clip") == wanted
        return found

    def sources(self, wanted: Prints) -> set[int]:
        """The sources of all fingerprints that are wanted."""
        found: set[int] = set()
        for segment in self.segments:
            first = segment.prints.searchsorted(wanted, "left")
            stop = segment.prints.searchsorted(wanted, "right")
            for one, end in zip(first.tolist(), stop.tolist(), strict=True):
                found.update(segment.sources[one:end].tolist())
        return found

    def _has(self, prints: Prints, source: int) -> npt.NDArray[np.bool_]:
        """Which of the fingerprints are there already, from that very source.

        Looks at the first and the last of equal ones; one between them may come in again.
        """
        known = np.zeros(len(prints), dtype=np.bool_)
        for segment in self.segments:
            for side, step in _SIDES:
                at = segment.prints.searchsorted(prints, side) - step
                is_it = segment.prints.take(at, mode="clip") == prints
                known |= is_it & (segment.sources.take(at, mode="clip") == source)
        return known


def _merged(one: Segment, two: Segment) -> Segment:
    prints = np.concatenate((one.prints, two.prints))
    sources = np.concatenate((one.sources, two.sources))
    order = prints.argsort(kind="stable")
    return Segment(prints[order], sources[order])
