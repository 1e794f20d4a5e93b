"""The runs of the base model and of the tuned one, compared for an attestation."""

from collections.abc import Sequence
from pathlib import Path

from tyrian.supply.attest.regression import MeasureChange, Regression


def compared(base: Path, tuned: Path) -> Regression:
    """What `tyrian eval compare` finds, as an attestation has it; InputError without runs."""
    return compared_runs([base], [tuned])


def compared_runs(base: Sequence[Path], tuned: Sequence[Path]) -> Regression:
    """The same over the runs below several directories."""
    from tyrian.evals.compare import compare_runs
    from tyrian.evals.run.results import finished_below

    before, after = (
        [run for place in places for run in finished_below(place)] for places in (base, tuned)
    )
    report = compare_runs(before, after)
    titles = {one.title for one in before} ^ {one.title for one in after}
    return Regression(
        base=report.base,
        tuned=report.tuned,
        changes=tuple(
            MeasureChange(
                benchmark=one.benchmark,
                measure=one.measure.name,
                better=one.measure.better.value,
                base=one.compared.base,
                tuned=one.compared.tuned,
                difference=one.compared.difference,
                low=one.compared.low,
                high=one.compared.high,
                p=one.compared.p,
                n=one.compared.n,
                unpaired=one.unpaired,
                seeable=one.seeable,
            )
            for one in report.changes
        ),
        uncompared=tuple(sorted(titles)),
    )
