"""Thresholds per window size and one slope, so that a probability of one half is the threshold."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

F64 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]

STEEPEST = 2.0
"""Bound on the slope: in-distribution templates alone would ask for certainty."""


def thresholds_at(benign: F64, rate: float) -> F64:
    """Per size, thresholds such that at most this share of benign documents passes any of them.

    Few of the documents are long, so a large window is never let off with less than the next
    smaller one; only the smallest, which sees the most noise, may have a higher threshold.
    """
    low, high = 0.0, rate
    for _ in range(40):
        middle = (low + high) / 2
        limits = np.quantile(benign, 1.0 - middle, axis=0, method="higher")
        if (benign > limits).any(axis=1).mean() <= rate:
            low = middle
        else:
            high = middle
    limits = np.quantile(benign, 1.0 - low, axis=0, method="higher")
    limits[1:] = np.maximum.accumulate(limits[1:])
    return limits


def slope_for(margins: F64, positive: B1) -> float:
    """The Platt slope for margins whose zero is the threshold.

    Attacks below the threshold are left out: what a weak model cannot see at all says nothing of
    how sure it may be of what it sees.
    """
    used = ~positive | (margins > 0)
    signs = np.where(positive, 1.0, -1.0)[used]
    seen = margins[used]
    weight = np.where(signs > 0, 0.5 / (signs > 0).sum(), 0.5 / (signs < 0).sum())

    def cost(slope: float) -> float:
        return float((weight * np.logaddexp(0.0, -signs * slope * seen)).sum())

    return float(minimize_scalar(cost, bounds=(0.2, STEEPEST), method="bounded").x)


def auc(positive: F64, negative: F64) -> float:
    """The chance that a positive scores above a negative."""
    scores = np.concatenate((positive, negative))
    ranks = scores.argsort(kind="stable").argsort(kind="stable") + 1.0
    count = len(positive)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(negative)))


def average_precision(positive: F64, negative: F64) -> float:
    """The area below the curve of precision over recall."""
    scores = np.concatenate((positive, negative))
    hits = np.concatenate((np.ones(len(positive)), np.zeros(len(negative))))
    hits = hits[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits == 1].mean())
