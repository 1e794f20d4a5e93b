"""Overlapping windows over the grams of a text, and sums of weights over them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tyrian.models.features import F64, I64, U32, Grams

F32 = npt.NDArray[np.float32]

SIZES = (64, 160, 400, 1000)
"""Window sizes in characters: from one sentence to a page."""
_SIZES = np.array(SIZES, dtype=np.int64)
_NUMBERS = np.arange(len(SIZES), dtype=np.int64)


class Table(Protocol):
    """Weights by bucket."""

    def take(self, buckets: U32) -> F32:
        """The weight of each bucket, in the shape of the buckets."""


@dataclass(frozen=True, slots=True)
class Grid:
    """All windows over a text of one length; sizes that hold it whole count once."""

    starts: I64
    ends: I64
    sizes: I64
    """Per window, the index of its size in SIZES."""


@lru_cache(maxsize=32)
def grid(length: int) -> Grid:
    """The windows over a text of this length, every size overlapping by three quarters."""
    starts: list[int] = []
    counts: list[int] = []
    for size in SIZES:
        before = len(starts)
        starts += range(0, length - size, size // 4)
        starts.append(max(length - size, 0))
        counts.append(len(starts) - before)
        if length <= size:
            break
    sizes = np.repeat(_NUMBERS[: len(counts)], counts)
    begins = np.array(starts, dtype=np.int64)
    return Grid(begins, np.minimum(begins + _SIZES.take(sizes), length), sizes)


def window_scores(grams: Grams, table: Table, windows: Grid) -> F64:
    """Per window, the sum of its grams' weights over the root of their number."""
    values = np.add.reduce(table.take(grams.chars), axis=0, dtype=np.float64)
    values[grams.word_starts] += np.add.reduce(table.take(grams.words), axis=0)
    sums = np.empty(grams.length + 1)
    sums[0] = 0.0
    np.add.accumulate(values, out=sums[1:])
    totals = sums.take(windows.ends)
    totals -= sums.take(windows.starts)
    counts = grams.mass.take(windows.ends)
    counts -= grams.mass.take(windows.starts)
    totals /= np.sqrt(counts, out=counts)
    return totals


def buckets_of(grams: Grams, start: int, end: int) -> tuple[U32, float]:
    """Every bucket of a window, and the gram count whose root its score is divided by."""
    first, last = grams.word_starts.searchsorted((start, end)).tolist()
    parts = (grams.chars[:, start:end].ravel(), grams.words[:, first:last].ravel())
    return np.concatenate(parts), float(grams.mass[end] - grams.mass[start])
