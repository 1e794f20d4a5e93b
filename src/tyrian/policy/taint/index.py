"""An index of fingerprints that grows without being changed: who holds an old one keeps it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tyrian.policy.taint.prints import Prints

Sources = npt.NDArray[np.uint32]
Places = npt.NDArray[np.intp]

_SLOTS_PER_PRINT = 16
_LEAST_SLOTS = 4096
_RATIO = 16
"""A segment is merged into the one before it unless that is so many times larger."""


_SIDES: tuple[tuple[Literal["left", "right"], int], ...] = (("left", 0), ("right", 1))


@dataclass(slots=True, eq=False)
class Sieve:
    """Slots for fingerprints by their highest bits; what falls into an empty one is not there.

    Slots are only ever filled, so that indexes which grow from one another may share a sieve: what
    the others put in makes it coarser for each, never wrong.
    """

    slots: npt.NDArray[np.bool_]
    shift: np.uint64
    count: int = 0

    @classmethod
    def of(cls, size: int) -> "Sieve":
        """An empty sieve with room for twice as many fingerprints."""
        bits = max(_LEAST_SLOTS, size * _SLOTS_PER_PRINT).bit_length()
        return cls(np.zeros(1 << bits, dtype=np.bool_), np.uint64(64 - bits))

    def has_room(self, more: int) -> bool:
        """Whether it stays fine enough with so many more."""
        return (self.count + more) * _SLOTS_PER_PRINT <= len(self.slots)

    def add(self, prints: Prints) -> None:
        """Fill the slots of these."""
        self.slots[prints >> self.shift] = True
        self.count += len(prints)

    def places(self, wanted: Prints) -> Places:
        """The places of those that may be there."""
        return self.slots.take((wanted >> self.shift).view(np.intp)).nonzero()[0]


_NO_SIEVE = Sieve.of(0)
"""Of an index that holds nothing; never filled."""


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
    sieve: Sieve = _NO_SIEVE

    def with_prints(self, prints: Prints, source: int) -> "Index":
        """The index with these fingerprints (sorted, each once) of that source in it."""
        new = prints[~self._has(prints, source)]
        if not len(new):
            return self
        last = Segment(new, np.full(len(new), source, dtype=np.uint32))
        segments = list(self.segments)
        while segments and len(segments[-1].prints) < _RATIO * len(last.prints):
            last = _merged(segments.pop(), last)
        segments.append(last)
        size = self.size + len(new)
        if self.size and self.sieve.has_room(len(new)):
            sieve = self.sieve
            sieve.add(new)
        else:
            sieve = Sieve.of(size)
            for segment in segments:
                sieve.add(segment.prints)
        return Index(tuple(segments), size, sieve)

    def places(self, wanted: Prints) -> Places:
        """The places of those of the wanted fingerprints that are there, in order."""
        places = self.sieve.places(wanted)
        if not len(places):
            return places
        likely = wanted[places]
        found = np.zeros(len(likely), dtype=np.bool_)
        for segment in self.segments:
            at = segment.prints.searchsorted(likely)
            found |= segment.prints.take(at, mode="clip") == likely
        return places[found]

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
