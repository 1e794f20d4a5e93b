"""What a comparison of evaluations says: which measures got worse, and whether that is tolerated.

It stands in the attestation; where it does not, in what `tyrian eval compare --format json` wrote.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tyrian.supply.attest.regression import (
    MeasureChange,
    Regression,
    Tolerance,
    in_words,
    losses,
)
from tyrian.supply.gate.finding import GateFinding, Place, found


def read_comparison(told: Any) -> Regression | None:
    """A comparison from the JSON of `tyrian eval compare`; None where it is none, or is empty."""
    rows = told.get("changes") if isinstance(told, dict) else None
    if not isinstance(rows, list) or not rows:
        return None
    try:
        changes = tuple(_change(row) for row in rows)
        return Regression(base=str(told["base"]), tuned=str(told["tuned"]), changes=changes)
    except (KeyError, TypeError, ValueError):
        return None


def _change(row: Mapping[str, Any]) -> MeasureChange:
    one, measure = row["compared"], row["measure"]
    base, tuned = float(one["base"]), float(one["tuned"])
    return MeasureChange(
        benchmark=str(row["benchmark"]),
        measure=str(measure["name"]),
        better="lower" if str(measure["better"]).lower() == "lower" else "higher",
        base=base,
        tuned=tuned,
        difference=tuned - base,
        low=float(one["low"]),
        high=float(one["high"]),
        p=float(one["p"]),
        n=int(one["n"]),
    )


def judge_comparison(
    place: Place, subject: str, comparison: Regression, tolerance: Tolerance
) -> Iterator[GateFinding]:
    """Each measure that is worse than is tolerated, and each tolerance that nothing was held to."""
    for change in losses(comparison, tolerance):
        most = tolerance.of(change)
        why = f"{in_words(change)}: worse by more than the {most:g} that is tolerated"
        yield found(place, "evaluation-worse", subject, why)
    for name in comparison.uncompared:
        why = f"{name} was run on one of the models alone"
        yield found(place, "evaluation-not-compared", subject, why)
    compared = {
        name
        for one in comparison.changes
        for name in (one.id, one.benchmark, plain(one), f"{plain(one)}.{one.measure}")
    }
    for name in sorted(tolerance.measures.keys() - compared):
        why = f"{name} has a tolerance, and was not compared"
        yield found(place, "evaluation-not-compared", subject, why)


def plain(change: MeasureChange) -> str:
    """The benchmark's name without its variant."""
    return change.benchmark.partition(" (")[0]
