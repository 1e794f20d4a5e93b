"""Words that may have been planted: with one label only, against what their rows say otherwise.

Two tests must both fail for an n-gram (the greater p counts): that it comes with one class as
often as chance would have it, and that its rows, without it, speak against their class no more
often than other rows of that class do. For words at a fixed place the second test is that they
could stand anywhere. The share of false finds is held below 1 % (Benjamini and Hochberg).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tyrian.supply.data.bayes import Opinion
from tyrian.supply.data.statistics import binomial_tail, q_values
from tyrian.supply.data.words import I64, U64, Words, grams_of

SIZES = (1, 2, 3)
LEAST_ROWS = 5
"""An n-gram in fewer rows says nothing."""
_MOST_SHARE = 0.1
_RARE_SHARE = 0.02
_LEAST_PURITY = 0.9
_FIXED = 0.95
_FALSE = 0.01
_AT_ONCE = 1 << 24
_AGAINST = 1.0
"""Logarithm of the odds from which a row speaks against its class."""
Classes = npt.NDArray[np.int32]


class Trigger(NamedTuple):
    """An n-gram that may be planted."""

    gram: int
    """Its hash."""
    size: int
    """Words."""
    label: int
    rows: I64
    pure: int
    """Rows among them that have the class."""
    q: float
    place: int | None
    """Word from the start (from 0) or from the end (from -1) where it always stands."""


class _Group(NamedTuple):
    gram: int
    size: int
    rows: I64
    label: int
    pure: int
    words: I64
    """Where each of its occurrences starts, in all words."""


def triggers(words: Words, classes: Classes, count: int, opinion: Opinion) -> list[Trigger]:
    """The candidates, the surest first; `classes` are from 0 to `count`, -1 for left-out rows."""
    rates = np.bincount(classes[classes >= 0], minlength=count) / max((classes >= 0).sum(), 1)
    base = _disagreement(classes, count, opinion)
    tests = 0
    found: list[tuple[_Group, float, int | None]] = []
    for size in SIZES:
        for groups, tested in _groups(words, classes, size):
            tests += tested * count
            for group in groups:
                found += _tested(group, words, classes, float(rates[group.label]), base, opinion)
    if not found:
        return []
    q = q_values(np.array([p for _, p, _ in found]), tests)
    kept = [
        Trigger(group.gram, group.size, group.label, group.rows, group.pure, float(value), place)
        for (group, _, place), value in zip(found, q, strict=True)
        if value <= _FALSE
    ]
    return _distinct(sorted(kept, key=lambda one: (one.q, -len(one.rows), -one.size, one.gram)))


def _disagreement(classes: Classes, count: int, opinion: Opinion) -> list[float]:
    """How often rows of each class speak against it when the words most for it are left out."""
    against = opinion.against(max(SIZES)) > _AGAINST
    return [float(against[classes == one].mean()) if (classes == one).any() else 1.0
            for one in range(count)]  # fmt: skip


def _groups(words: Words, classes: Classes, size: int) -> Iterator[tuple[list[_Group], int]]:
    """N-grams with nearly one class, and how many there were, in parts that fit into memory."""
    total = int(words.counts.sum())
    parts = max(1, -(-total // _AT_ONCE))
    for part in range(parts):
        grams, rows, places = _part(words, classes, size, part, parts)
        order = np.argsort(grams, kind="stable")
        grams, rows, places = grams[order], rows[order], places[order]
        once = np.ones(len(grams), np.bool_)
        once[1:] = (grams[1:] != grams[:-1]) | (rows[1:] != rows[:-1])
        grams, rows, places = grams[once], rows[once], places[once]
        starts = np.flatnonzero(np.diff(grams, prepend=~grams[:1]))
        sizes = np.diff(np.append(starts, len(grams)))
        most = max(LEAST_ROWS, int(_MOST_SHARE * (classes >= 0).sum()))
        fit = (sizes >= LEAST_ROWS) & (sizes <= most)
        yield (
            list(_pure(grams, rows, places, classes, starts[fit], sizes[fit], size)),
            int(fit.sum()),
        )


def _part(words: Words, classes: Classes, size: int, part: int, parts: int) -> tuple[U64, I64, I64]:
    """Hash, row and place of the n-grams of a part of all hashes."""
    ends = np.cumsum(words.counts)
    step = 1 << 16
    kept: list[tuple[U64, I64, I64]] = []
    for first in range(0, len(words.counts), step):
        counts = np.asarray(words.counts[first : first + step])
        begin = int(ends[first] - counts[0])
        hashes = np.asarray(words.hashes[begin : begin + int(counts.sum())])
        grams = grams_of(Words(hashes, counts), size)
        rows = np.repeat(np.arange(first, first + len(counts)), grams.counts)
        offsets = np.arange(len(rows)) - np.repeat(
            np.cumsum(grams.counts) - grams.counts, grams.counts
        )
        places = offsets + np.repeat(ends[first : first + step] - counts, grams.counts)
        whole = np.repeat(counts >= size, grams.counts) & (classes[rows] >= 0)
        mine = whole & ((grams.hashes % np.uint64(parts)) == part)
        kept.append((grams.hashes[mine], rows[mine], places[mine]))
    if not kept:
        empty = np.empty(0, np.int64)
        return empty.astype(np.uint64), empty, empty
    hashes, rows, places = (np.concatenate(one) for one in zip(*kept, strict=True))
    return hashes, rows, places


def _pure(
    grams: U64, rows: I64, places: I64, classes: Classes, starts: I64, sizes: I64, size: int
) -> Iterator[_Group]:
    for start, length in zip(starts.tolist(), sizes.tolist(), strict=True):
        mine = rows[start : start + length]
        counts = np.bincount(classes[mine])
        label = int(counts.argmax())
        if counts[label] >= _LEAST_PURITY * length:
            yield _Group(
                int(grams[start]), size, mine, label, int(counts[label]),
                places[start : start + length],
            )  # fmt: skip


def _tested(
    group: _Group, words: Words, classes: Classes, rate: float, base: list[float], opinion: Opinion
) -> Iterator[tuple[_Group, float, int | None]]:
    """The group with the greater p of its two tests, where both could be small."""
    chance = binomial_tail(group.pure, len(group.rows), rate)
    if chance > _FALSE:
        return
    if group.size == 1 and len(group.rows) <= max(LEAST_ROWS, _RARE_SHARE * (classes >= 0).sum()):
        place, fixed = _place(group, words)
        if place is not None:
            yield group, max(chance, fixed), place
    own = group.rows[classes[group.rows] == group.label]
    start = int(group.words[0])
    left_out = np.asarray(words.hashes[start : start + group.size])
    odd = sum(opinion.of_row(row, left_out) > _AGAINST for row in own.tolist())
    yield group, max(chance, binomial_tail(odd, len(own), max(base[group.label], 1e-6))), None


def _place(group: _Group, words: Words) -> tuple[int | None, float]:
    """Where the word nearly always stands, and the chance of that if it could stand anywhere."""
    counts = np.asarray(words.counts[group.rows])
    ends = np.cumsum(words.counts)[group.rows]
    from_start = group.words - (ends - counts)
    from_end = group.words - ends
    least = _FIXED * len(group.rows)
    for offsets in (from_start, from_end):
        values, hits = np.unique(offsets, return_counts=True)
        best = int(hits.argmax())
        if hits[best] >= least:
            chance = float(np.mean(1.0 / np.maximum(counts, 1)))
            return int(values[best]), binomial_tail(int(hits[best]), len(group.rows), chance)
    return None, 1.0


def _distinct(ranked: list[Trigger]) -> list[Trigger]:
    """One n-gram for the same rows: the surest, and of equals the longest."""
    kept: list[Trigger] = []
    told: dict[int, set[int]] = {}
    for one in ranked:
        rows = set(one.rows.tolist())
        covered = told.setdefault(one.label, set())
        if len(rows & covered) < 0.5 * len(rows):
            kept.append(one)
        covered |= rows
    return kept
