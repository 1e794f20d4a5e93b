"""Two runs over the same cases: is one better, and how sure is that.

Sources: McNemar (1947), exact form; paired cluster bootstrap; Holm (1979) over slices; the least
difference that could be seen follows Connor (1987) for paired rates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, sqrt
from statistics import NormalDist

import numpy as np

from tyrian.evals.statistics.intervals import LEVEL, cluster_sums, drawn_means


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference `tuned - base` of a measure over the cases that both have."""

    base: float
    tuned: float
    difference: float
    low: float
    high: float
    p: float
    n: int
    clusters: int
    only_base: int
    """Cases where the base alone scored, the discordant pairs of McNemar's table."""
    only_tuned: int
    test: str


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def mcnemar(only_base: int, only_tuned: int) -> float:
    """Exact two-sided p-value of the discordant pairs, mid-p (Fagerland and others, 2013).

    The mid-p form keeps the error of the first kind near its level where few pairs differ; the
    plain exact test is far below it.
    """
    n = only_base + only_tuned
    if n == 0:
        return 1.0
    least = min(only_base, only_tuned)
    terms = [exp(_log_choose(n, k) - n * log(2)) for k in range(least + 1)]
    tail = 2 * sum(terms) - terms[-1]
    return min(1.0, tail)


def compare(
    base: Sequence[float],
    tuned: Sequence[float],
    clusters: Sequence[str] = (),
    *,
    is_rate: bool = True,
) -> Comparison:
    """Compare paired scores, case for case in the same order.

    Independent cases with rates are tested by McNemar's exact test; where cases share a source, or
    scores are no rates, by the paired cluster bootstrap with a studentised statistic.
    """
    n = len(base)
    if n != len(tuned) or (clusters and n != len(clusters)):
        raise ValueError("paired scores must be of the same length")
    if n == 0:
        return Comparison(0, 0, 0, -1, 1, 1.0, 0, 0, 0, 0, "none")
    first, second = np.asarray(base, float), np.asarray(tuned, float)
    delta = second - first
    groups = list(clusters) or [str(i) for i in range(n)]
    sums, counts = cluster_sums(delta, groups)
    low, high = _interval(sums, counts)
    ups, downs = int((delta > 0).sum()), int((delta < 0).sum())
    is_independent = len(counts) == n
    if is_rate and is_independent:
        p, test = mcnemar(downs, ups), "McNemar (exact, mid-p)"
    else:
        p, test = _bootstrap_p(sums, counts), "paired cluster bootstrap"
    return Comparison(
        base=float(first.mean()),
        tuned=float(second.mean()),
        difference=float(delta.mean()),
        low=low,
        high=high,
        p=p,
        n=n,
        clusters=len(counts),
        only_base=downs,
        only_tuned=ups,
        test=test,
    )


def _interval(sums: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    means = sums / counts
    if len(counts) < 2 or means.min() == means.max():
        # Of n pairs that are all alike, the rule of three bounds the share that could differ.
        bound = min(1.0, 3.0 / len(counts))
        middle = float(means[0])
        return max(-1.0, middle - bound), min(1.0, middle + bound)
    drawn = drawn_means(sums, counts)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _spread(sums: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error of ratio estimates; the last axis holds clusters."""
    groups = sums.shape[-1]
    mean = sums.sum(-1) / counts.sum(-1)
    residual = sums - mean[..., None] * counts
    scale = groups / (groups - 1) if groups > 1 else 1.0
    return mean, np.sqrt(scale * (residual**2).sum(-1)) / counts.sum(-1)


def _bootstrap_p(
    sums: np.ndarray, counts: np.ndarray, draws: int = 1999, seed: int = 20262
) -> float:
    """Two-sided p-value by the bootstrap of t, drawn around the mean that was seen."""
    mean, error = (float(x) for x in _spread(sums, counts))
    if len(counts) < 2 or error == 0.0:
        return 1.0 if mean == 0.0 else (1.0 if len(counts) < 2 else 0.0)
    seen = abs(mean) / error
    rng = np.random.default_rng(seed)
    groups, beyond = len(counts), 0
    step = max(1, 2_000_000 // groups)
    for start in range(0, draws, step):
        picked = rng.integers(0, groups, (min(step, draws - start), groups))
        means, errors = _spread(sums[picked], counts[picked])
        off = np.abs(means - mean)
        ratio = np.divide(off, errors, out=np.full_like(off, inf), where=errors > 0)
        ratio[(errors == 0) & (off == 0)] = 0.0
        beyond += int((ratio >= seen).sum())
    return (beyond + 1) / (draws + 1)


def holm(values: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted for their number, so that a look at many slices finds no chance ones."""
    ordered = sorted(values.items(), key=lambda item: item[1])
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, (name, p) in enumerate(ordered):
        largest = max(largest, min(1.0, p * (len(ordered) - rank)))
        adjusted[name] = largest
    return {name: adjusted[name] for name in values}


def least_difference(
    n: int, discordant: float, *, level: float = LEVEL, power: float = 0.8
) -> float:
    """Smallest difference of paired rates that n cases show with this power.

    `discordant` is the share of cases expected to differ between the runs (0..1).
    """
    if n < 1:
        return 1.0
    normal = NormalDist()
    z_level, z_power = normal.inv_cdf(0.5 + level / 2), normal.inv_cdf(power)
    low, high = 0.0, discordant
    for _ in range(60):
        middle = (low + high) / 2
        need = (z_level * sqrt(discordant) + z_power * sqrt(max(0.0, discordant - middle**2))) ** 2
        if middle and need / middle**2 <= n:
            high = middle
        else:
            low = middle
    return high
