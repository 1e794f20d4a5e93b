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


def _edges(length: int, size: int) -> I64:
    if length <= size:
        return np.zeros(1, dtype=np.int64)
    starts = np.arange(0, length - size + size // 4, size // 4, dtype=np.int64)
    return np.minimum(starts, length - size)


@lru_cache(maxsize=32)
def grid(length: int) -> Grid:
    """The windows over a text of this length, every size overlapping by three quarters."""
    starts, ends, sizes = [], [], []
    for index, size in enumerate(SIZES):
        edges = _edges(length, size)
        starts.append(edges)
        ends.append(np.minimum(edges + size, length))
        sizes.append(np.full(len(edges), index, dtype=np.int64))
        if length <= size:
            break
    return Grid(np.concatenate(starts), np.concatenate(ends), np.concatenate(sizes))


def window_scores(grams: Grams, table: Table, windows: Grid) -> F64:
    """Per window, the sum of its grams' weights over the root of their number."""
    values = table.take(grams.chars).sum(axis=0, dtype=np.float64)
    values[grams.word_starts] += table.take(grams.words).sum(axis=0)
    sums = np.zeros(grams.length + 1)
    np.cumsum(values, out=sums[1:])
    totals = sums[windows.ends] - sums[windows.starts]
    scores: F64 = totals / np.sqrt(grams.mass[windows.ends] - grams.mass[windows.starts])
    return scores


def buckets_of(grams: Grams, start: int, end: int) -> tuple[U32, float]:
    """Every bucket of a window, and the gram count whose root its score is divided by."""
    first, last = np.searchsorted(grams.word_starts, (start, end))
    parts = (grams.chars[:, start:end].ravel(), grams.words[:, first:last].ravel())
    return np.concatenate(parts), float(grams.mass[end] - grams.mass[start])
