"""Windows as rows of hashed n-grams, and a minimiser; numpy only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tyrian.models.features import Grams
from tyrian.models.windows import F32, buckets_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
B1 = npt.NDArray[np.bool_]

_HISTORY = 8
_SUFFICIENT = 1e-4
_HALVINGS = 20


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a text, in compacted characters, and the index of its size."""

    grams: Grams
    start: int
    end: int
    size: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Windows by the buckets that occur in them; rows divided by the root of their gram count.

    `columns` are the buckets [columns] in the model's table, `places` their indices per gram.
    """

    columns: I64
    places: I64
    starts: I64
    scale: F64
    counts: I64

    @classmethod
    def of(cls, windows: Sequence[Window], fold: int = 0) -> "Rows":
        """The windows' buckets, folded into `fold` of them (a power of two) where that is given."""
        parts, sizes = [], []
        for window in windows:
            buckets, count = buckets_of(window.grams, window.start, window.end)
            parts.append(buckets.astype(np.int64) & (fold - 1) if fold else buckets)
            sizes.append(count)
        flat = np.concatenate(parts).astype(np.int64)
        columns, places = np.unique(flat, return_inverse=True)
        counts = np.array([len(part) for part in parts], dtype=np.int64)
        starts = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)[:-1]))
        return cls(columns, places.ravel(), starts, 1.0 / np.sqrt(np.array(sizes)), counts)

    def dot(self, weights: F64 | F32) -> F64:
        """Per row, the sum of its buckets' weights [columns], scaled."""
        found: F64 = np.add.reduceat(weights[self.places].astype(np.float64), self.starts)
        return found * self.scale

    def back(self, gradient: F64) -> F64:
        """The gradient of the weights [columns] from that of the rows."""
        spread = np.repeat(gradient * self.scale, self.counts)
        found = np.bincount(self.places, weights=spread, minlength=len(self.columns))
        return found.astype(np.float64)

    def spread(self, groups: I64) -> I64:
        """In how many groups of rows (texts, say) each column occurs."""
        owner = np.repeat(groups, self.counts)
        pairs = np.unique(self.places * (int(groups.max()) + 1) + owner)
        found: I64 = np.bincount(pairs // (int(groups.max()) + 1), minlength=len(self.columns))
        return found


Loss = Callable[[F64], tuple[float, F64]]


def minimise(loss: Loss, start: F64, *, rounds: int = 60, tolerance: float = 1e-5) -> F64:
    """L-BFGS with backtracking (Nocedal, Math. Comp. 35, 1980) for a smooth convex loss."""
    point = start
    value, slope = loss(point)
    steps: list[tuple[F64, F64]] = []
    for _ in range(rounds):
        if float(np.abs(slope).max(initial=0.0)) < tolerance:
            break
        direction = _direction(slope, steps)
        rate = float(direction @ slope)
        if rate >= 0:
            direction, rate, steps = -slope, -float(slope @ slope), []
        length = 1.0 if steps else min(1.0, 1.0 / float(np.abs(slope).sum()))
        for _ in range(_HALVINGS):
            reached = point + length * direction
            new, new_slope = loss(reached)
            if new <= value + _SUFFICIENT * length * rate:
                break
            length /= 2.0
        else:
            break
        pair = (reached - point, new_slope - slope)
        if float(pair[0] @ pair[1]) > 1e-12:
            steps = [*steps, pair][-_HISTORY:]
        point, value, slope = reached, new, new_slope
    return point


def _direction(slope: F64, steps: Sequence[tuple[F64, F64]]) -> F64:
    """The two loops: minus the slope, turned by the curvature seen so far."""
    found = slope.copy()
    factors = []
    for moved, changed in reversed(steps):
        factor = float(moved @ found) / float(moved @ changed)
        found -= factor * changed
        factors.append(factor)
    if steps:
        moved, changed = steps[-1]
        found *= float(moved @ changed) / float(changed @ changed)
    for (moved, changed), factor in zip(steps, reversed(factors), strict=True):
        found += (factor - float(changed @ found) / float(moved @ changed)) * moved
    return -found
