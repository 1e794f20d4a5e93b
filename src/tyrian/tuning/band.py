"""The trade-off of a cascade: where the first model is unsure, and what asking further gives."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tyrian.tuning.answers import GuardRows, table_of
from tyrian.tuning.choose import F64
from tyrian.tuning.rates import Rate
from tyrian.tuning.tune import B1, GuardTuning, sides, tune_guard

EDGES = 14
"""Candidates for each end of a band, taken from the first model's scores."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band of scores of the first model, and what a cascade with it does on the rows."""

    low: float
    high: float
    """A greatest score of at least `low` and less than `high` asks the guard's own model."""
    asked: Rate
    """Share of rows without any label about which the larger model is asked."""
    asked_unsafe: Rate
    recall: Rate
    false_positives: Rate
    cpu_s: float
    """Mean CPU seconds of this process per row without any label, both models."""
    elapsed_s: float
    """Mean seconds per such row, which counts the wait for a server too."""
    tuning: GuardTuning
    """The thresholds that hold the limit for this band."""


def edges_of(scores: F64) -> list[float]:
    """Places to cut: quantiles of the scores, with four decimals, 0 and 1 among them."""
    marks = np.quantile(scores, np.linspace(0.0, 1.0, EDGES)) if len(scores) else np.zeros(0)
    fixed = (0.0, 0.02, 0.5, 0.9, 1.0)
    return sorted({round(float(mark), 4) for mark in (*marks, *fixed)})


def bands(rows: GuardRows, max_fpr: float) -> list[Band]:
    """A cascade for every pair of edges; each with thresholds of its own within the limit."""
    if not rows.first or len(rows.first) != len(rows.own):
        return []
    first = np.array([answer.score for answer in rows.first])
    edges = edges_of(first)
    found = {(0.0, 0.0), *((a, b) for a in edges for b in edges if a < b)}
    if rows.unsure is not None:
        found.add(rows.unsure)
    return [_band(rows, edge, max_fpr) for edge in sorted(found)]


def mixed(rows: GuardRows, edge: tuple[float, float]) -> tuple[F64, B1]:
    """The scores [rows, labels] of a cascade with that band, and which rows were asked about."""
    first = np.array([answer.score for answer in rows.first])
    asks: B1 = (first >= edge[0]) & (first < edge[1])
    tables = (table_of(rows.first, rows.labels), table_of(rows.own, rows.labels))
    return np.where(asks[:, None], tables[1], tables[0]), asks


def _band(rows: GuardRows, edge: tuple[float, float], max_fpr: float) -> Band:
    scores, asks = mixed(rows, edge)
    tuning = tune_guard(rows, max_fpr, scores)
    benign, unsafe = sides(rows.counted())
    cpu = _spent([a.cpu_s for a in rows.first], [b.cpu_s for b in rows.own], asks)
    wall = _spent([a.elapsed_s for a in rows.first], [b.elapsed_s for b in rows.own], asks)
    counted = benign if benign.any() else ~benign
    return Band(
        *edge,
        Rate(int(asks[benign].sum()), int(benign.sum())),
        Rate(int(asks[unsafe].sum()), int(unsafe.sum())),
        tuning.any_recall,
        tuning.any_false_positives,
        float(np.mean(cpu[counted])),
        float(np.mean(wall[counted])),
        tuning,
    )


def _spent(first: Sequence[float], own: Sequence[float], asks: B1) -> F64:
    """Seconds per row: the first model always, the guard's own where it is asked."""
    return np.array(first) + np.where(asks, np.array(own), 0.0)


def frontier(found: Iterable[Band]) -> list[Band]:
    """The bands that no other beats: more recall for each larger share asked, cheapest first."""
    best: list[Band] = []
    for band in sorted(found, key=lambda b: (b.asked.value, -b.recall.value, b.high - b.low)):
        if not best or band.recall.value > best[-1].recall.value:
            best.append(band)
    return best


def best_within(found: Sequence[Band], share: float) -> Band | None:
    """The band of the greatest recall that asks about at most this share of ordinary rows.

    None where no band that asks at all fits.
    """
    fit = [b for b in found if b.low < b.high and b.asked.value <= share]
    return max(fit, key=lambda b: (b.recall.value, -b.asked.value, b.low - b.high), default=None)
