"""The runs of the base model and of the tuned one, compared for an attestation."""

from pathlib import Path

from tyrian.supply.attest.regression import MeasureChange, Regression


def compared(base: Path, tuned: Path) -> Regression:
    """What `tyrian eval compare` finds, as an attestation has it; InputError without runs."""
    from tyrian.evals.compare import compare_runs
    from tyrian.evals.run.results import finished_below

    before, after = finished_below(base), finished_below(tuned)
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
