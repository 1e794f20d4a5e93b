"""Where the published protocol and the strict one give different figures for the same model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tyrian.evals.benchmark import Measure
from tyrian.evals.statistics.intervals import Estimate

Figures = Iterable[tuple[Mapping[str, object], str, Measure, Estimate]]
"""Manifest, model, measure and figure of each reading."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure in both protocols."""

    benchmark: str
    model: str
    measure: Measure
    strict: Estimate
    upstream: Estimate


def differences(figures: Figures) -> tuple[Difference, ...]:
    """Measures that both protocols have and that differ, or rest upon another number of cases."""
    strict: dict[tuple[str, str, str, str], Estimate] = {}
    upstream: dict[tuple[str, str, str, str], tuple[Measure, Estimate]] = {}
    for manifest, model, measure, figure in figures:
        key = (str(manifest["benchmark"]), str(manifest["variant"]), model, measure.name)
        if manifest["fidelity"] == "upstream":
            upstream[key] = measure, figure
        else:
            strict[key] = figure
    return tuple(
        Difference(key[0], key[2], measure, strict[key], figure)
        for key, (measure, figure) in upstream.items()
        if key in strict and (strict[key].value, strict[key].n) != (figure.value, figure.n)
    )
