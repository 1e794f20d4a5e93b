"""The paired tests err as often as they say, and see what they say they see: by simulation.

Binomial noise of the simulations themselves is far below the bounds: 4,000 draws of a rate of 5 %
have a standard error of a third of a point.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from tyrian.evals.statistics.paired import compare, least_difference, mcnemar

DRAWS = 4000
Scores = NDArray[np.float64]


@cache
def p_of(only_base: int, only_tuned: int) -> float:
    return mcnemar(only_base, only_tuned)


def rejected(ups: NDArray[np.int64], downs: NDArray[np.int64]) -> float:
    """The share of simulated comparisons that McNemar's test calls different."""
    return float(np.mean([p_of(int(d), int(u)) < 0.05 for u, d in zip(ups, downs, strict=True)]))


def discordant(n: int, up: float, down: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts of both kinds of discordant pairs in many comparisons of n cases."""
    drawn = np.random.default_rng(n).multinomial(n, [up, down, 1 - up - down], size=DRAWS)
    return drawn[:, 0], drawn[:, 1]


@pytest.mark.parametrize(("n", "share"), [(250, 0.2), (500, 0.15), (1000, 0.1), (1916, 0.1)])
def test_mcnemar_errs_in_4_to_6_of_100_comparisons_of_equals(n: int, share: float) -> None:
    assert 0.04 <= rejected(*discordant(n, share / 2, share / 2)) <= 0.06


@pytest.mark.parametrize(("n", "share"), [(250, 0.2), (500, 0.15), (1000, 0.1), (1916, 0.3)])
def test_the_least_difference_is_seen_in_80_of_100_comparisons(n: int, share: float) -> None:
    least = least_difference(n, share)
    power = rejected(*discordant(n, (share + least) / 2, (share - least) / 2))
    assert 0.77 <= power <= 0.83


def clustered(
    rng: np.random.Generator, groups: int, size: int, shift: float
) -> tuple[Scores, Scores, list[str]]:
    """Grades of two runs whose cases share their source, and lean together within it."""
    names = [str(group) for group in range(groups) for _ in range(size)]
    source = np.repeat(rng.normal(0, 0.5, groups), size)
    lean = np.repeat(rng.normal(shift, 0.3, groups), size)
    base = source + rng.normal(0, 1, groups * size)
    tuned = source + lean + rng.normal(0, 1, groups * size)
    return base, tuned, names


def seen(make: Callable[[np.random.Generator], tuple[Scores, Scores, list[str]]]) -> float:
    """The share of 900 simulated comparisons that the cluster bootstrap calls different."""
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(900):
        base, tuned, names = make(rng)
        found += compare(base.tolist(), tuned.tolist(), names, is_rate=False).p < 0.05
    return found / 900


def test_the_cluster_bootstrap_errs_in_4_to_6_of_100_comparisons_of_equals() -> None:
    # 900 draws of 5 % have a standard error of 0.7 points: the mean of two designs is bounded.
    errors = [seen(lambda rng, g=g: clustered(rng, g, 4, 0.0)) for g in (30, 60)]  # type: ignore[misc]
    assert 0.04 <= sum(errors) / 2 <= 0.06


def test_the_cluster_bootstrap_sees_what_is_there() -> None:
    # Each cluster's mean difference has variance 0.3² + 2/4; over 40 clusters that is 0.121 in
    # standard error, and 2.8 of it is seen four times in five.
    assert 0.74 <= seen(lambda rng: clustered(rng, 40, 4, 2.8 * 0.1214)) <= 0.86
