"""What a comparison of evaluations says: which measures got worse, and whether that is tolerated.

Reads what `tyrian eval compare --format json` writes, as a file or within an attestation.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tyrian.supply.attest.verify import at
from tyrian.supply.gate.finding import GateFinding, Place, found

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse a measure may get."""

    benchmark: str
    measure: str
    may_worsen: float
    """In the measure's own unit: 0.02 is two points of a rate."""
    only_significant: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one measure."""

    benchmark: str
    measure: str
    base: float
    tuned: float
    low: float
    high: float
    p: float
    n: int
    is_lower_better: bool

    @property
    def worsening(self) -> float:
        """By how much it got worse; below 0: better."""
        return (self.tuned - self.base) * (1 if self.is_lower_better else -1)

    def told(self) -> str:
        """In words."""
        return (
            f"{self.benchmark}, {self.measure}: {self.base:.1%} -> {self.tuned:.1%} "
            f"(95 % {self.low * 100:+.1f} to {self.high * 100:+.1f} points, p = {self.p:.2g}, "
            f"n = {self.n})"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every measure that both models were given."""

    changes: tuple[Change, ...]

    @classmethod
    def read(cls, told: Any) -> "Comparison | None":
        """A comparison from its JSON; None where it is none, or says nothing."""
        rows = told.get("changes") if isinstance(told, dict) else None
        if not isinstance(rows, list) or not rows:
            return None
        try:
            return cls(tuple(_change(row) for row in rows))
        except (KeyError, TypeError, ValueError):
            return None


def _change(row: Mapping[str, Any]) -> Change:
    one, measure = row["compared"], row["measure"]
    name = measure["name"] if isinstance(measure, dict) else measure
    better = measure.get("better") if isinstance(measure, dict) else row.get("better", "higher")
    return Change(
        benchmark=str(row["benchmark"]),
        measure=str(name),
        base=float(one["base"]),
        tuned=float(one["tuned"]),
        low=float(one["low"]),
        high=float(one["high"]),
        p=float(one["p"]),
        n=int(one["n"]),
        is_lower_better=str(better).lower() == "lower",
    )


def read_comparison(statement: Mapping[str, Any]) -> Comparison | None:
    """The comparison within a statement: by-products of the role `comparison`, with content."""
    rows = at(statement, "predicate", "runDetails", "byproducts")
    changes: list[Change] = []
    for row in rows if isinstance(rows, list) else ():
        if at(row, "annotations", "role") != "comparison":
            continue
        told = at(row, "annotations", "comparison")
        content = at(row, "content")
        if told is None and isinstance(content, str):
            try:
                told = json.loads(base64.b64decode(content, validate=True))
            except ValueError:
                continue
        read = Comparison.read(told)
        changes += read.changes if read is not None else ()
    return Comparison(tuple(changes)) if changes else None


def judge_comparison(
    place: Place, subject: str, comparison: Comparison, tolerances: Sequence[Tolerance]
) -> Iterator[GateFinding]:
    """Each measure that is worse than is tolerated; without a tolerance, significantly worse."""
    known = {(one.benchmark, one.measure): one for one in tolerances}
    for change in comparison.changes:
        of = change.benchmark.split(" (")[0]
        limit = known.get((of, change.measure)) or Tolerance(of, change.measure, 0.0)
        is_sure = change.p < ALPHA or not limit.only_significant
        if change.worsening > limit.may_worsen and is_sure:
            why = f"{change.told()}: worse by more than the {limit.may_worsen:g} that is tolerated"
            yield found(place, "evaluation-worse", subject, why)
    compared = {(one.benchmark.split(" (")[0], one.measure) for one in comparison.changes}
    for one in tolerances:
        if (one.benchmark, one.measure) not in compared:
            why = f"{one.benchmark}.{one.measure} has a tolerance, and was not compared"
            yield found(place, "evaluation-not-compared", subject, why)
