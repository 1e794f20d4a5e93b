"""What the words of a row say of its label, the row left out: naive Bayes on hashed words."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tyrian.supply.data.words import I64, U64, Words

SLOTS = 1 << 18
_SMOOTH = 0.5
_ROWS = 20_000
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


class Opinion:
    """For each row and class the evidence of its words, in logarithms of odds."""

    def __init__(self, words: Words, classes: npt.NDArray[np.int32], count: int) -> None:
        """`classes` has a class from 0 for each row, or -1 for rows that teach nothing."""
        self._words, self._classes, self._count = words, classes, count
        self._ends = np.cumsum(words.counts)
        self._table = np.zeros((SLOTS, count), np.float32)
        self._totals = np.bincount(classes[classes >= 0], minlength=count).astype(np.float64)
        for rows, slots in self._distinct():
            kept = classes[rows] >= 0
            flat = slots[kept] * count + classes[rows[kept]]
            self._table.reshape(-1)[:] += np.bincount(flat, minlength=SLOTS * count)

    def _distinct(self, chosen: I64 | None = None) -> Iterator[tuple[I64, I64]]:
        """Row and slot of each word, a word once a row."""
        rows = np.arange(len(self._ends)) if chosen is None else chosen
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            counts = np.asarray(self._words.counts[part])
            firsts = np.cumsum(counts) - counts
            at = np.arange(int(counts.sum())) + np.repeat(
                self._ends[part] - counts - firsts, counts
            )
            slots = slots_of(np.asarray(self._words.hashes[at]))
            packed = np.unique(np.repeat(part, counts).astype(np.int64) * SLOTS + slots)
            yield packed // SLOTS, packed % SLOTS

    def against(self, without: int) -> F64:
        """For each row the odds of the likeliest other class over its own, as a logarithm.

        The row's own words are not counted in the table, and of them the `without` that speak
        most for its class are left out, so that no single phrase decides.
        """
        found = np.full(len(self._ends), -np.inf)
        for rows, slots in self._distinct():
            has = self._classes[rows] >= 0
            rows, slots = rows[has], slots[has]
            if len(rows):
                weights = self._weights(slots, self._classes[rows])
                self._decide(found, rows, weights, without)
        return found

    def of_row(self, row: int, left_out: U64) -> float:
        """As `against`, of one row without certain words."""
        for rows, slots in self._distinct(np.array([row])):
            kept = ~np.isin(slots, slots_of(left_out))
            weights = self._weights(slots[kept], self._classes[rows[kept]])
            total = weights.sum(axis=0) + self._prior(int(self._classes[row]))
            total[self._classes[row]] = -np.inf
            return float(total.max())
        return -np.inf

    def _weights(self, slots: I64, own: npt.NDArray[np.int32]) -> F64:
        """Each word's evidence for each class against its row's own, that row not counted."""
        counts = self._table[slots].astype(np.float64)
        at = np.arange(len(slots))
        counts[at, own] -= 1.0
        totals = np.broadcast_to(self._totals, counts.shape).copy()
        totals[at, own] -= 1.0
        logs = np.log((counts + _SMOOTH) / (totals + 2 * _SMOOTH))
        found: F64 = logs - logs[at, own][:, None]
        return found

    def _prior(self, own: int) -> F64:
        found: F64 = np.log((self._totals + _SMOOTH) / (self._totals[own] + _SMOOTH))
        return found

    def _decide(self, found: F64, rows: I64, weights: F64, without: int) -> None:
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        heads = rows[starts]
        own = self._classes[heads]
        total = np.add.reduceat(weights, starts, axis=0)
        total += np.stack([self._prior(one) for one in range(self._count)])[own]
        total[np.arange(len(heads)), own] = -np.inf
        other = total.argmax(axis=1)
        best = total[np.arange(len(heads)), other]
        group = np.repeat(np.arange(len(heads)), np.diff(np.append(starts, len(rows))))
        for_own = weights[np.arange(len(rows)), other[group]]
        order = np.lexsort((for_own, group))
        for step in range(without):
            place = starts + step
            inside = place < np.append(starts[1:], len(rows))
            taken = for_own[order[np.minimum(place, len(rows) - 1)]]
            best = best - np.where(inside & (taken < 0), taken, 0.0)
        found[heads] = best


def slots_of(hashes: U64) -> I64:
    """Where words are counted; few share a place."""
    return (hashes >> np.uint64(64 - 18)).astype(np.int64)
