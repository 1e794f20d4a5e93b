"""Figures of detection with bootstrap intervals: rows within sources, and sources as clusters."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
BySource = Mapping[str, F64]
Statistic = Callable[[F64, F64], float]

SEED = 20260
ROUNDS = 400
AT = 0.01


def auc(attacks: F64, benign: F64) -> float:
    """The chance that an attack scores above a benign text, ties counting half."""
    if not len(attacks) or not len(benign):
        return float("nan")
    ordered = np.sort(benign)
    below = np.searchsorted(ordered, attacks, "left")
    upto = np.searchsorted(ordered, attacks, "right")
    return float((below + upto).mean() / 2 / len(benign))


def recall_at(attacks: F64, benign: F64, rate: float = AT) -> float:
    """The share of attacks above the score that this share of the benign texts exceeds."""
    if not len(attacks) or not len(benign):
        return float("nan")
    barred = np.sort(benign)[len(benign) - 1 - int(rate * len(benign))]
    return float((attacks > barred).mean())


def _drawn(sources: Sequence[F64], dice: np.random.Generator) -> F64:
    """Sources drawn with replacement, and rows of each."""
    chosen = dice.integers(0, len(sources), len(sources))
    parts = [sources[n][dice.integers(0, len(sources[n]), len(sources[n]))] for n in chosen]
    return np.concatenate(parts)


def interval(
    attacks: BySource, benign: BySource, statistic: Statistic, rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """The statistic on all rows, and its 95 % interval; sources are the clusters."""
    left, right = (list(attacks.values()) or [np.zeros(0)], list(benign.values()) or [np.zeros(0)])
    value = statistic(np.concatenate(left), np.concatenate(right))
    dice = np.random.default_rng(SEED)
    if value != value:
        return value, value, value
    found = [statistic(_drawn(left, dice), _drawn(right, dice)) for _ in range(rounds)]
    low, high = np.quantile(found, (0.025, 0.975))
    return value, float(low), float(high)


def shown(found: tuple[float, float, float], scale: float = 1.0, digits: int = 3) -> str:
    """`value [low, high]`; `-` where there is none."""
    if found[0] != found[0]:
        return "-"
    value, low, high = (f"{one * scale:.{digits}f}" for one in found)
    return f"{value} [{low}, {high}]"
