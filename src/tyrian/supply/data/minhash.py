"""Which texts are nearly the same: MinHash, buckets of bands, and the true overlap of each pair.

Signatures only propose pairs: a pair stands when the sets of its shingles were compared.
Sources: Broder 1997, "On the resemblance and containment of documents"; Leskovec, Rajaraman and
Ullman, "Mining of Massive Datasets", section 3.4.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from tyrian.supply.data.words import I64, SHINGLE, U32, U64, Words, grams_of, mixed

PERMUTATIONS = 64
_LEAST_RECALL = 0.985
"""Share of the pairs just at the threshold that the bands propose."""
_PAIRS = 1 << 15
"""Pairs whose sets are compared at once."""
_EMPTY = np.uint32(0xFFFFFFFF)
_MARGIN = 4.0
"""Standard deviations below the threshold, from which a proposal is not compared."""
F64 = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.int64]
"""Rows of two texts each, the later one first."""


def shingles_of(words: Words) -> Words:
    """The shingles of texts, as they go into signatures."""
    return grams_of(words, SHINGLE)


def signatures_of(shingles: Words) -> U32:
    """A row of `PERMUTATIONS` minima for each text; all ones for a text without words."""
    counts = shingles.counts
    found = np.full((len(counts), PERMUTATIONS), _EMPTY, np.uint32)
    full = np.flatnonzero(counts)
    if not len(full):
        return found
    low = (shingles.hashes >> np.uint64(32)).astype(np.uint32)
    starts = (np.cumsum(counts) - counts)[full]
    minima = np.empty((PERMUTATIONS, len(full)), np.uint32)
    turned = np.empty_like(low)
    for number, (factor, shift) in enumerate(_permutations()):
        np.multiply(low, factor, out=turned)
        turned ^= shift
        np.minimum.reduceat(turned, starts, out=minima[number])
    found[full] = minima.T
    return found


@cache
def _permutations() -> list[tuple[np.uint32, np.uint32]]:
    seeds = mixed(np.arange(2 * PERMUTATIONS, dtype=np.uint64))
    values = (seeds >> np.uint64(32)).astype(np.uint32)
    return [
        (np.uint32(int(values[2 * at]) | 1), np.uint32(values[2 * at + 1]))
        for at in range(PERMUTATIONS)
    ]


def rows_per_band(threshold: float) -> int:
    """As many as still propose nearly all pairs at the threshold."""
    fitting = [
        rows
        for rows in (1, 2, 4, 8)
        if 1.0 - (1.0 - threshold**rows) ** (PERMUTATIONS // rows) >= _LEAST_RECALL
    ]
    return max(fitting, default=1)


def proposals(signatures: U32, threshold: float) -> Pairs:
    """Pairs that share a band, each once, that their signatures do not already rule out.

    In each bucket a text is paired with the first one and with the one before it.
    """
    rows = rows_per_band(threshold)
    usable = np.flatnonzero((signatures != _EMPTY).any(axis=1))
    found: list[U64] = []
    for band in range(PERMUTATIONS // rows):
        keys = _band_keys(signatures[usable, band * rows : (band + 1) * rows])
        found += (_packed(usable[later], usable[earlier]) for later, earlier in _bucket_mates(keys))
    if not found:
        return np.empty((0, 2), np.int64)
    packed = _distinct(np.concatenate(found))
    pairs = np.stack((packed >> np.uint64(32), packed & np.uint64(0xFFFFFFFF)), axis=1)
    return _likely(signatures, pairs.astype(np.int64), threshold)


def _band_keys(part: U32) -> U64:
    keys = np.zeros(len(part), np.uint64)
    for column in range(part.shape[1]):
        keys = mixed(keys ^ part[:, column].astype(np.uint64))
    return keys


def _bucket_mates(keys: U64) -> Iterator[tuple[I64, I64]]:
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    same = ranked[1:] == ranked[:-1]
    if not same.any():
        return
    later = order[1:][same]
    yield later, order[:-1][same]
    heads = np.flatnonzero(np.concatenate(([True], ~same)))
    group = np.repeat(heads, np.diff(np.append(heads, len(ranked))))
    yield later, order[group[1:][same]]


def _packed(later: I64, earlier: I64) -> U64:
    low = np.minimum(later, earlier).astype(np.uint64)
    high = np.maximum(later, earlier).astype(np.uint64)
    return (high << np.uint64(32)) | low


def _likely(signatures: U32, pairs: Pairs, threshold: float) -> Pairs:
    least = threshold - _MARGIN * (threshold * (1.0 - threshold) / PERMUTATIONS) ** 0.5
    kept = []
    for start in range(0, len(pairs), _PAIRS):
        part = pairs[start : start + _PAIRS]
        shared = (signatures[part[:, 0]] == signatures[part[:, 1]]).mean(axis=1)
        kept.append(part[shared >= least])
    return np.concatenate(kept) if kept else pairs


class Sets:
    """The shingles of all texts, as sets that can be compared."""

    def __init__(self, lows: U32, counts: I64) -> None:
        """Upper halves of the shingles of all texts, and how many each text has."""
        self._low = lows
        self._counts = counts
        self._starts = np.cumsum(counts) - counts

    def overlap(self, pairs: Pairs) -> F64:
        """The Jaccard index of each pair, 0..1."""
        found = np.empty(len(pairs), np.float64)
        for start in range(0, len(pairs), _PAIRS):
            found[start : start + _PAIRS] = self._overlap(pairs[start : start + _PAIRS])
        return found

    def _overlap(self, pairs: Pairs) -> F64:
        left, right = self._keys(pairs[:, 0]), self._keys(pairs[:, 1])
        number = len(pairs)
        both = np.concatenate((left, right))
        both.sort()
        shared = both[1:][both[1:] == both[:-1]]
        common = np.bincount((shared >> np.uint64(32)).astype(np.int64), minlength=number)
        sizes = sum(
            np.bincount((side >> np.uint64(32)).astype(np.int64), minlength=number)
            for side in (left, right)
        )
        union = np.maximum(sizes - common, 1)
        return np.asarray(common / union, np.float64)

    def _keys(self, texts: I64) -> U64:
        """Number of the pair and shingle in one, sorted, each once."""
        counts = self._counts[texts]
        total = int(counts.sum())
        firsts = np.cumsum(counts) - counts
        at = np.arange(total) + np.repeat(self._starts[texts] - firsts, counts)
        pair = np.repeat(np.arange(len(texts), dtype=np.uint64), counts)
        return _distinct((pair << np.uint64(32)) | self._low[at])


def _distinct(values: U64) -> U64:
    """Sorted, each once; the library's own way hashes, which is slower here."""
    values.sort()
    return values[np.concatenate(([True], values[1:] != values[:-1]))] if len(values) else values


def near_pairs(signatures: U32, sets: Sets, threshold: float) -> tuple[Pairs, F64]:
    """Pairs whose overlap reaches the threshold, and their overlaps."""
    pairs = proposals(signatures, threshold)
    overlaps = sets.overlap(pairs)
    kept = overlaps >= threshold
    return pairs[kept], overlaps[kept]
