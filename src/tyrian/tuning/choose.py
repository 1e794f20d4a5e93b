"""The least threshold that keeps a false-positive rate, and the curve behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from tyrian.tuning.rates import Rate

F64 = npt.NDArray[np.float64]
STEP = 1e-6
"""Thresholds are written with six decimals."""
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Chosen:
    """A threshold, and what it did on the rows given."""

    threshold: float
    false_positives: Rate
    recall: Rate


def rows_needed(max_fpr: float) -> int:
    """Rows without a label below which one false positive would be more than is allowed."""
    return ceil(1.0 / max_fpr - _SLACK)


def least_threshold(without: F64, max_fpr: float) -> float | None:
    """The least threshold that at most this share of the scores (0..1) reaches.

    None where even the score 1 is reached by more of them.
    """
    allowed = floor(max_fpr * len(without) + _SLACK)
    if allowed >= len(without):
        return 0.0
    # The first score that must stay below: the one after the highest `allowed`.
    barred = float(np.partition(without, len(without) - allowed - 1)[len(without) - allowed - 1])
    threshold = round(ceil(barred / STEP) * STEP, 6)
    while threshold <= barred:
        threshold = round(threshold + STEP, 6)
    return threshold if threshold <= 1.0 else None


def choose(
    with_label: Sequence[float] | F64, without: Sequence[float] | F64, max_fpr: float
) -> Chosen | None:
    """The least threshold within the limit and its rates; None where no score is high enough.

    At least `rows_needed` rows without the label are wanted; it is the caller who checks.
    """
    positive = np.asarray(with_label, dtype=np.float64)
    negative = np.asarray(without, dtype=np.float64)
    threshold = least_threshold(negative, max_fpr)
    if threshold is None:
        return None
    return Chosen(threshold, reached(negative, threshold), reached(positive, threshold))


def reached(scores: F64, threshold: float) -> Rate:
    """How many scores reach a threshold."""
    return Rate(int((scores >= threshold).sum()), len(scores))


def roc(with_label: F64, without: F64) -> tuple[F64, F64]:
    """False-positive and true-positive rates from (0, 0) to (1, 1), one point per score."""
    scores = np.concatenate((with_label, without))
    positive = np.arange(len(scores)) < len(with_label)
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(positive[order])[last]
    alarms = np.cumsum(~positive[order])[last]
    zero = np.zeros(1)
    fpr: F64 = np.concatenate((zero, alarms / max(len(without), 1)))
    tpr: F64 = np.concatenate((zero, hits / max(len(with_label), 1)))
    return fpr, tpr


def auc(with_label: F64, without: F64) -> float:
    """The chance that a row with the label scores above one without, ties counting half."""
    fpr, tpr = roc(with_label, without)
    return float(np.trapezoid(tpr, fpr))
