"""Shares counted on rows, with exact intervals.

The intervals are those of Clopper and Pearson (Biometrika 26, 1934). They are chosen over narrower
ones because a threshold is picked on the very rows on which its false-positive rate is counted: for
a threshold just above an order statistic of n scores, k of which lie at or above it, the true rate
follows Beta(k + 1, n - k) whatever the scores look like (Wilks, Ann. Math. Stat. 12, 1941), and the
upper limit of Clopper and Pearson is the quantile of just that distribution. So it holds in spite
of the picking.
"""

from dataclasses import dataclass
from math import exp, lgamma, log, log1p

LEVEL = 0.95
_STEPS = 60
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many rows."""

    hits: int
    rows: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.rows:
            raise ValueError(f"{self.hits} of {self.rows} rows is no share")

    @property
    def value(self) -> float:
        """The share, 0..1; 0 of no rows."""
        return self.hits / self.rows if self.rows else 0.0

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The limits of Clopper and Pearson for the true share; (0, 1) where there are no rows."""
        rest = (1.0 - level) / 2.0
        low = 0.0 if not self.hits else beta_quantile(rest, self.hits, self.rows - self.hits + 1)
        if self.hits == self.rows:
            return low, 1.0
        return low, beta_quantile(1.0 - rest, self.hits + 1, self.rows - self.hits)


def beta_quantile(share: float, a: float, b: float) -> float:
    """The point below which a Beta(a, b) variable falls with this probability; by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if beta_cdf(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation; converges in about sqrt(max(a, b)) steps."""
    c = 1.0
    d = _inverse(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = _inverse(1.0 + step * d)
            c = 1.0 + step / c
            c = c if abs(c) > _TINY else _TINY
            value *= d * c
        if abs(d * c - 1.0) < 1e-14:
            break
    return value


def _inverse(value: float) -> float:
    return 1.0 / (value if abs(value) > _TINY else _TINY)
