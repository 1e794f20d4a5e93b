"""Rows that say the same as an earlier one, exactly or nearly; every removal names its row."""

from collections.abc import Iterator

import msgspec
import numpy as np

from tyrian.supply.data.corpus import Corpus, first_of_equals
from tyrian.supply.data.minhash import Sets, near_pairs

DEFAULT_THRESHOLD = 0.7


class Removal(msgspec.Struct, frozen=True):
    """One row that goes, and the row that stays in its place."""

    file: str
    row: int
    reason: str
    """`exact-duplicate`, or `near-duplicate`."""
    of_file: str
    of_row: int
    overlap: float
    """Jaccard index of both rows' shingles of three words, 0..1."""


def removals(corpus: Corpus, threshold: float) -> Iterator[Removal]:
    """The rows to remove, in order; rows that differ in their label are never duplicates.

    A row goes where it equals an earlier row that stays, or overlaps with one by the threshold.
    """
    count = corpus.size
    if not count:
        return
    labels = np.asarray(corpus.label_numbers)
    keys = np.array(corpus.keys)
    keys["low"] ^= labels.astype(np.int64).view(np.uint64)  # the same text with another label stays
    first = first_of_equals(keys)
    fates = {int(row): (int(first[row]), 1.0) for row in np.flatnonzero(first != np.arange(count))}
    exact = set(fates)
    sets = Sets(*corpus.shingles)
    pairs, overlaps = near_pairs(_only_first(corpus, first), sets, threshold)
    same = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    near: dict[int, list[tuple[int, float]]] = {}
    for (later, earlier), overlap in zip(
        pairs[same].tolist(), overlaps[same].tolist(), strict=True
    ):
        near.setdefault(later, []).append((earlier, overlap))
    for row in sorted(near):
        if fate := _fate(row, near[row], fates, sets, threshold):
            fates[row] = fate
    for row in sorted(fates):
        kept, overlap = fates[row]
        if row in exact and kept in fates:  # its like went as well, for a third one
            kept, overlap = fates[kept]
        (file, number), (of_file, of_number) = corpus.place(row), corpus.place(kept)
        reason = "exact-duplicate" if row in exact and overlap == 1.0 else "near-duplicate"
        yield Removal(file, number, reason, of_file, of_number, round(overlap, 4))


def _only_first(corpus: Corpus, first: np.ndarray) -> np.ndarray:
    """Signatures, empty for rows that equal another: those need no comparison."""
    signatures = corpus.signatures
    found = np.array(signatures)
    found[first != np.arange(len(first))] = 0xFFFFFFFF
    return found


def _fate(
    row: int,
    mates: list[tuple[int, float]],
    fates: dict[int, tuple[int, float]],
    sets: Sets,
    threshold: float,
) -> tuple[int, float] | None:
    """The kept row that a row is removed for, and their overlap; None where it stays."""
    for mate, overlap in sorted(mates):
        if mate not in fates:
            return mate, overlap
    for kept in sorted({fates[mate][0] for mate, _ in mates}):
        overlap = float(sets.overlap(np.array([[row, kept]]))[0])
        if overlap >= threshold:
            return kept, overlap
    return None
