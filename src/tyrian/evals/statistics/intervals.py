"""Intervals for rates and means; where cases share a source, whole clusters are drawn.

Sources: Wilson (1927); Newcombe (1998), method 10; Efron and Tibshirani (1993) for the bootstrap;
Cameron, Gelbach and Miller (2008) for drawing clusters; Hanley and Lippman-Hand (1983) for the rule
of three.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
DRAWS = 2000
SEED = 20261
FEWEST_CLUSTERS = 2
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201)
"""97.5 % quantiles of Student's t for 1 to 11 degrees of freedom: one less than there are clusters.

With so few, a bootstrap never leaves the span of what was seen, and is far too sure of itself.
"""
_AT_ONCE = 250_000
"""Numbers drawn at once, so that memory stays small however many cases there are."""
Groups = Sequence[str] | NDArray[np.uint64]
"""The cluster of each case: by name, or by a number that stands for it."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval; `n` cases in `clusters` groups that are independent."""

    value: float
    low: float
    high: float
    n: int
    clusters: int
    method: str


def wilson(hits: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval for a rate of `hits` of `n`; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, square = hits / n, z * z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = z * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(hits_a: int, n_a: int, hits_b: int, n_b: int) -> tuple[float, float]:
    """Interval of the difference `b - a` of two independent rates."""
    if not n_a or not n_b:
        return -1.0, 1.0
    a, b = hits_a / n_a, hits_b / n_b
    (low_a, high_a), (low_b, high_b) = wilson(hits_a, n_a), wilson(hits_b, n_b)
    low = b - a - sqrt((b - low_b) ** 2 + (high_a - a) ** 2)
    high = b - a + sqrt((high_b - b) ** 2 + (a - low_a) ** 2)
    return low, high


def cluster_sums(
    values: Sequence[float] | NDArray[np.float64], clusters: Groups
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and count of the values in each cluster, in order of first appearance."""
    of = _numbered(clusters)
    groups = int(of.max()) + 1 if len(of) else 0
    sums = np.bincount(of, weights=np.asarray(values, float), minlength=groups)
    counts = np.bincount(of, minlength=groups)
    return sums.astype(np.float64), counts.astype(np.float64)


def _numbered(clusters: Groups) -> NDArray[np.int64]:
    if isinstance(clusters, np.ndarray):
        _, first, of = np.unique(clusters, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first)).astype(np.int64)[of]
    index: dict[str, int] = {}
    return np.fromiter((index.setdefault(name, len(index)) for name in clusters), np.int64)


def _count(clusters: Groups) -> int:
    return len(np.unique(clusters) if isinstance(clusters, np.ndarray) else set(clusters))


def drawn_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], draws: int = DRAWS, seed: int = SEED
) -> NDArray[np.float64]:
    """Means of `draws` resamples of whole clusters."""
    rng = np.random.default_rng(seed)
    groups = len(sums)
    found = np.empty(draws)
    step = max(1, _AT_ONCE // max(1, groups))
    for start in range(0, draws, step):
        size = min(step, draws - start)
        picked = rng.integers(0, groups, (size, groups))
        found[start : start + size] = sums[picked].sum(axis=1) / counts[picked].sum(axis=1)
    return found


def _error_of_mean(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    """Standard error of a mean of clusters of different sizes (ratio estimate)."""
    groups, mean = len(sums), sums.sum() / counts.sum()
    residual = sums - mean * counts
    return float(np.sqrt(groups / (groups - 1) * (residual**2).sum()) / counts.sum())


def estimate(
    values: Sequence[float] | NDArray[np.float64], clusters: Groups = (), *, is_rate: bool = True
) -> Estimate:
    """Mean and interval of values of independent clusters; each case its own where none is given.

    Rates of independent cases get Wilson's interval, all else the percentiles of a cluster
    bootstrap, or Student's interval over the clusters where they are few. A mean that no resample
    can move (all values equal) gets Wilson's bounds too, over the number of clusters, or the rule
    of three: certainty is not to be had from a handful of equal cases.
    """
    n = len(values)
    if n == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0, 0, "none")
    array = np.asarray(values, float)
    value = float(array.mean())
    has_clusters = len(clusters) > 0
    groups = _count(clusters) if has_clusters else n
    if is_rate and (groups == n or array.min() == array.max()):
        low, high = wilson(value * groups, groups)
        return Estimate(value, low, high, n, groups, "wilson")
    if groups < FEWEST_CLUSTERS:
        return Estimate(value, float(array.min()), float(array.max()), n, groups, "range")
    if array.min() == array.max():
        bound = min(1.0, 3.0 / groups)
        return Estimate(value, value - bound, value + bound, n, groups, "rule of three")
    if has_clusters:
        sums, counts = cluster_sums(array, clusters)
    else:
        sums, counts = array, np.ones(n)
    if groups <= len(_STUDENT) + 1:
        half = _STUDENT[groups - 2] * _error_of_mean(sums, counts)
        low, high = value - half, value + half
        if is_rate:
            low, high = max(0.0, low), min(1.0, high)
        return Estimate(value, low, high, n, groups, "Student")
    means = drawn_means(sums, counts)
    tail = (1 - LEVEL) / 2
    low, high = (float(x) for x in np.quantile(means, [tail, 1 - tail]))
    method = "cluster bootstrap" if has_clusters else "bootstrap"
    return Estimate(value, low, high, n, groups, method)
