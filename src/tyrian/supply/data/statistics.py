"""The tests behind the statistics of a dataset, and the control of their number."""

from math import exp, lgamma, log, log1p

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def binomial_tail(hits: int, trials: int, rate: float) -> float:
    """The chance of at least so many hits, each with that rate: exact, by summing the tail."""
    if hits <= 0:
        return 1.0
    if rate <= 0.0:
        return 0.0
    if rate >= 1.0:
        return 1.0
    chosen = lgamma(trials + 1) - lgamma(hits + 1) - lgamma(trials - hits + 1)
    term = exp(chosen + hits * log(rate) + (trials - hits) * log1p(-rate))
    total, odds = 0.0, rate / (1.0 - rate)
    for count in range(hits, trials + 1):
        total += term
        term *= (trials - count) / (count + 1) * odds
        if term < total * 1e-15:
            break
    return min(total, 1.0)


def q_values(p: F64, tests: int) -> F64:
    """Share of false finds to expect when all up to each p are taken (Benjamini and Hochberg).

    `tests` counts those with greater p as well, which need not be given.
    """
    order = np.argsort(p)
    ranked = p[order] * tests / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return found


def normal_tail(z: F64) -> F64:
    """The chance of a normal value above z."""
    from math import erfc

    return np.array([0.5 * erfc(value / 2**0.5) for value in z.tolist()])
