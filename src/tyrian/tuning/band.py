"""The trade-off of a cascade: where the first model is unsure, and what asking further gives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tyrian.core.decision import Effect
from tyrian.tuning.answers import GuardRows, table_of
from tyrian.tuning.choose import F64
from tyrian.tuning.rates import Rate
from tyrian.tuning.tune import B1, GuardTuning, fires, sides, tune_guard

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


def mixed(rows: GuardRows, edge: tuple[float, float]) -> F64:
    """The scores [rows, labels] of a cascade with that band, whatever the thresholds.

    Where the first model leaves something out, a hit that it is sure of stands only if it blocks,
    else the own model's answer does. The greater of both scores, for labels that block, reaches a
    threshold exactly where such a row is stopped, at any threshold.
    """
    labels = rows.labels
    own, first = table_of(rows.own, labels), table_of(rows.first, labels)
    blocking = np.array([rows.effect_of(label) is Effect.BLOCK for label in labels], dtype=bool)
    either = np.where(blocking, np.maximum(own, first), own)
    settled, hits = _settled(rows, edge)
    table = np.where(settled[:, None], first, own)
    return np.where(hits[:, None], either, table)


def asked(rows: GuardRows, edge: tuple[float, float], thresholds: Mapping[str, float]) -> B1:
    """The rows about which a cascade with that band and these thresholds asks the own model."""
    settled, hits = _settled(rows, edge)
    first = table_of(rows.first, rows.labels)
    return ~settled & ~(hits & fires(rows, first, thresholds, Effect.BLOCK))


def _settled(rows: GuardRows, edge: tuple[float, float]) -> tuple[B1, B1]:
    """Rows that the first model settles, and those that it does if what it is sure of blocks."""
    low, high = edge
    score = np.array([answer.score for answer in rows.first])
    left_out = np.array([answer.left_out for answer in rows.first], dtype=bool)
    is_hit = score >= high
    return (is_hit | (score < low)) & ~left_out, is_hit & left_out


def _band(rows: GuardRows, edge: tuple[float, float], max_fpr: float) -> Band:
    tuning = tune_guard(rows, max_fpr, mixed(rows, edge))
    asks = asked(rows, edge, tuning.thresholds)
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


def least_asked(found: Iterable[Band]) -> float:
    """The least share of ordinary rows about which any band asks.

    Above 0 where the first model leaves something out of rows that it does not block.
    """
    return min((band.asked.value for band in found), default=0.0)


def best_within(found: Sequence[Band], share: float) -> Band | None:
    """The band of the greatest recall that asks about at most this share of ordinary rows.

    None where no band that asks at all fits.
    """
    fit = [b for b in found if b.low < b.high and b.asked.value <= share]
    return max(fit, key=lambda b: (b.recall.value, -b.asked.value, b.low - b.high), default=None)
