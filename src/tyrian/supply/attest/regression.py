"""What became of a model's measures by its training, as the comparison of two runs found it.

The statistics are those of `tyrian eval compare`; a statement carries the numbers that a gate
needs, so that who reads it later needs neither the runs nor the code that compared them.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tyrian.errors import InputError
from tyrian.supply.lock.write import as_canonical

ROLE = "comparison"
ALPHA = 0.05
_DIGITS = 9


class MeasureChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measure of one benchmark, before the training and after."""

    benchmark: str
    """With its variant, where it is not the usual one."""
    measure: str
    better: str
    """`lower` or `higher`: which direction is an improvement."""
    base: float
    tuned: float
    difference: float
    """tuned - base, in the unit of the measure (of a rate: 0 to 1)."""
    low: float
    high: float
    """Ends of the 95 % interval of the difference."""
    p: float
    """Two-sided, adjusted (Holm) over all measures of the comparison."""
    n: int
    """Cases that both runs have."""
    unpaired: int = 0
    seeable: float = 0.0
    """The least difference that so many cases show with a power of 80 %."""

    @property
    def worsening(self) -> float:
        """By how much the measure got worse; below 0 it got better."""
        return self.difference if self.better == "lower" else -self.difference

    @property
    def is_significant(self) -> bool:
        """Whether chance is an unlikely explanation."""
        return self.p < ALPHA

    @property
    def id(self) -> str:
        """`benchmark.measure`."""
        return f"{self.benchmark}.{self.measure}"


class Regression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The comparison of the runs of the base model and of the tuned one."""

    base: str
    """Name of the model, as its runs have it."""
    tuned: str
    changes: tuple[MeasureChange, ...]
    uncompared: tuple[str, ...] = ()
    """Benchmarks that only one of the models was measured by."""


class Tolerance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much worse measures may get by a training."""

    may_worsen: float = 0.0
    """In the unit of the measure; 0.02 is two points of a rate."""
    only_significant: bool = True
    """A loss that chance explains is none."""
    measures: dict[str, float] = {}
    """`may_worsen` of single measures, by `benchmark.measure` or by benchmark."""

    def of(self, change: MeasureChange) -> float:
        """What one measure may lose."""
        plain = change.benchmark.partition(" (")[0]
        names = (change.id, f"{plain}.{change.measure}", change.benchmark, plain)
        return next((self.measures[one] for one in names if one in self.measures), self.may_worsen)


def losses(found: Regression, tolerance: Tolerance) -> list[MeasureChange]:
    """The measures that got worse by more than they may, worst first."""
    over = [
        one
        for one in found.changes
        if one.worsening > tolerance.of(one)
        and (one.is_significant or not tolerance.only_significant)
    ]
    return sorted(over, key=lambda one: (tolerance.of(one) - one.worsening, one.id))


def in_words(change: MeasureChange) -> str:
    """A change for people: both rates, the difference with its interval, p and n."""
    return (
        f"{change.id} {_number(change.base)} -> {_number(change.tuned)} "
        f"({change.difference:+.4g}, 95 % {change.low:+.4g} to {change.high:+.4g}, "
        f"p = {change.p:.2g}, n = {change.n})"
    )


def _number(value: float) -> str:
    return f"{value:.4g}"


def rounded(found: Regression) -> Regression:
    """The same with numbers cut to nine digits, so that another machine gives the same bytes."""
    told = msgspec.to_builtins(found)
    for change in told["changes"]:
        for name, value in change.items():
            if isinstance(value, float):
                change[name] = _round(value)
    return msgspec.convert(told, Regression)


def _round(value: float) -> float:
    if not math.isfinite(value):
        raise InputError("a measure of the comparison is not finite", hint="run the benchmark anew")
    return float(f"{value:.{_DIGITS}g}")


def as_byproduct(found: Regression) -> dict[str, object]:
    """The comparison as a statement has it among its by-products."""
    told = msgspec.to_builtins(rounded(found))
    digest = hashlib.sha256(as_canonical(told)).hexdigest()
    notes = {"role": ROLE, "comparison": told}
    return {"name": "comparison.json", "digest": {"sha256": digest}, "annotations": notes}


def regression_of(statement: Mapping[str, Any]) -> Regression | None:
    """The comparison that a statement carries, None where it has none.

    InputError where there are several, or what is there is none or has another digest.
    """
    rows = list(_rows(statement))
    if not rows:
        return None
    if len(rows) > 1:
        raise InputError("the statement has several comparisons of the base and the tuned model")
    told = rows[0]["annotations"].get("comparison")
    digest = rows[0].get("digest")
    known = digest.get("sha256") if isinstance(digest, dict) else None
    try:
        found = msgspec.convert(told, Regression)
        is_same = hashlib.sha256(as_canonical(told)).hexdigest() == known
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise InputError(f"the statement's comparison cannot be read: {error}") from None
    if not is_same:
        raise InputError("the statement's comparison does not have the digest that stands with it")
    return found


def _rows(statement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    value: Any = statement
    for key in ("predicate", "runDetails", "byproducts"):
        value = value.get(key) if isinstance(value, Mapping) else None
    for row in value if isinstance(value, Sequence) and not isinstance(value, str) else ():
        notes = row.get("annotations") if isinstance(row, dict) else None
        if isinstance(notes, dict) and notes.get("role") == ROLE:
            yield row
