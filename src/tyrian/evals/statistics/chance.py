"""What is left of a mean when the part of chance is taken out, with its interval."""

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from tyrian.evals.statistics.corrections import above_chance
from tyrian.evals.statistics.intervals import Estimate, Groups, estimate

Numbers = Sequence[float] | NDArray[np.float64]


def estimate_above_chance(values: Numbers, floors: Numbers, clusters: Groups = ()) -> Estimate:
    """Mean of the scores above the floors of their cases, as shares of what is left above them.

    Where all cases have one floor and are right or wrong, it is the rate on another scale, and has
    the interval of the rate: with a dozen cases that is truer than any resampling. An interval
    leaves 0 out only where guessing, with the spread that guessing has, would seldom get so far:
    a rare hit that did not occur says less than the likeness of the misses makes believe.
    """
    scores, chances = np.asarray(values, float), np.asarray(floors, float)
    found = _estimate(scores, chances, clusters)
    spread = _spread_of_guessing(chances)
    if abs(found.value) > spread:
        return found
    return replace(found, low=min(found.low, 0.0), high=max(found.high, 0.0))


def _estimate(
    scores: NDArray[np.float64], chances: NDArray[np.float64], clusters: Groups
) -> Estimate:
    is_one = len(scores) > 0 and chances.min() == chances.max() < 1.0
    if is_one and bool(np.isin(scores, (0.0, 1.0)).all()):
        seen, floor = estimate(scores, clusters), float(chances[0])
        value, low, high = (above_chance(x, floor) for x in (seen.value, seen.low, seen.high))
        return replace(seen, value=value, low=low, high=high)
    gains = [above_chance(v, f) for v, f in zip(scores.tolist(), chances.tolist(), strict=True)]
    return estimate(gains, clusters, is_rate=False)


def _spread_of_guessing(chances: NDArray[np.float64]) -> float:
    """How far guessing gets from 0 in 19 of 20 runs, at most.

    No score of mean f within 0 and 1 varies more than one that is 0 or 1. Options stand in an order
    of their own in every case, so that guesses are independent whatever the cases share.
    """
    open_ones = chances[chances < 1.0]
    variance = float((open_ones / (1.0 - open_ones)).sum())
    return 1.96 * sqrt(variance) / len(chances) if len(chances) else 0.0
