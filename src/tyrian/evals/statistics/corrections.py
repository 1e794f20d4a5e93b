"""Rates corrected for what is not the model's: chance, the judge's errors, several tries.

Sources: Rogan and Gladen (1978) for judges; Chen and others (2021) for k tries; Cohen (1960).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

from tyrian.evals.statistics.intervals import Estimate, estimate, wilson


def above_chance(value: float, floor: float) -> float:
    """A score as a share of what is left above chance: 0 for guessing, 1 for all right.

    Guessing worse than chance is below 0, so that a constant answer averages 0.
    """
    return (value - floor) / (1.0 - floor) if floor < 1.0 else 0.0


def exact_floor(options: int, right: int, chosen: int) -> float:
    """Chance that `chosen` letters drawn blindly are just the `right` ones of `options`."""
    return 1.0 / comb(options, right) if chosen == right else 0.0


def overlap_floor(options: int, right: int, chosen: int) -> float:
    """Mean Jaccard overlap of `chosen` letters drawn blindly with the `right` ones.

    Hypergeometric: how many of the drawn letters are right.
    """
    ways = comb(options, chosen)
    least, most = max(0, chosen + right - options), min(chosen, right)
    return sum(
        comb(right, hits) * comb(options - right, chosen - hits) * hits / (chosen + right - hits)
        for hits in range(least, most + 1)
        if hits
    ) / ways if ways else 0.0  # fmt: skip


def at_k(n: int, hits: int, k: int) -> float:
    """Unbiased chance that at least one of k tries hits, from `hits` of n tries (k <= n)."""
    if k > n:
        raise ValueError(f"{k} tries cannot be estimated from {n}")
    return 1.0 - comb(n - hits, k) / comb(n, k)


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """How a judge does on cases whose answer is known."""

    sensitivity: float
    specificity: float
    positives: int
    negatives: int
    abstained: int = 0


def judge_quality(truth: Sequence[bool], said: Sequence[bool | None]) -> JudgeQuality:
    """Sensitivity and specificity on labelled cases; None is an abstention and counts as wrong."""
    hits = sum(1 for t, s in zip(truth, said, strict=True) if t and s)
    calm = sum(1 for t, s in zip(truth, said, strict=True) if not t and s is False)
    positives = sum(truth)
    negatives = len(truth) - positives
    return JudgeQuality(
        hits / positives if positives else float("nan"),
        calm / negatives if negatives else float("nan"),
        positives,
        negatives,
        sum(1 for s in said if s is None),
    )


def corrected(seen: Estimate, judge: JudgeQuality) -> Estimate | None:
    """The true rate behind what an imperfect judge saw, with the judge's own uncertainty in it.

    None where the judge is no better than chance, so that nothing can be said.
    """
    gain = judge.sensitivity + judge.specificity - 1.0
    if not gain > 0.0 or not judge.positives or not judge.negatives:
        return None
    value = min(1.0, max(0.0, (seen.value + judge.specificity - 1.0) / gain))
    half = (seen.high - seen.low) / 2 / 1.96
    se = _error(judge.sensitivity, judge.positives)
    sp = _error(judge.specificity, judge.negatives)
    spread = 1.96 * sqrt(half**2 + (value * se) ** 2 + ((1 - value) * sp) ** 2) / gain
    return Estimate(
        value, max(0.0, value - spread), min(1.0, value + spread), seen.n, seen.clusters,
        "Rogan-Gladen",
    )  # fmt: skip


def _error(share: float, n: int) -> float:
    low, high = wilson(share * n, n)
    return (high - low) / 2 / 1.96


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two judges agree on the same cases."""

    share: Estimate
    kappa: float
    n: int


def agreement(first: Sequence[bool], second: Sequence[bool]) -> Agreement:
    """Share of equal answers, and Cohen's kappa (1 where neither ever differs)."""
    same = [float(a == b) for a, b in zip(first, second, strict=True)]
    share = estimate(same)
    n = len(same)
    if not n:
        return Agreement(share, float("nan"), 0)
    yes_a, yes_b = sum(first) / n, sum(second) / n
    by_chance = yes_a * yes_b + (1 - yes_a) * (1 - yes_b)
    kappa = (share.value - by_chance) / (1 - by_chance) if by_chance < 1 else 1.0
    return Agreement(share, kappa, n)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a mean would be if every missing case had been the worst, or the best."""

    low: float
    high: float


def missing_bounds(total: float, n: int, missing: int, highest: float = 1.0) -> Bounds:
    """Bounds of a mean over n scored and `missing` unscored cases."""
    cases = n + missing
    if not cases:
        return Bounds(0.0, highest)
    return Bounds(total / cases, (total + missing * highest) / cases)
