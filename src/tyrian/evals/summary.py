"""From the cases of a run to its figures: each measure, whole and by slice, with intervals.

Whatever could not be scored is counted by reason, with what the figure would be if all of it had
gone the best or the worst way.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tyrian.evals.benchmark import Measure
from tyrian.evals.run.log import Record
from tyrian.evals.statistics.corrections import Bounds, above_chance, at_k, missing_bounds
from tyrian.evals.statistics.intervals import Estimate, estimate


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure over some cases."""

    measure: str
    estimate: Estimate
    above_chance: Estimate | None
    """Corrected for guessing, where the measure has a floor."""
    floor: float | None
    missing: int
    bounds: Bounds
    at_k: Mapping[str, Estimate] = field(default_factory=dict)
    """Of several passes: the chance that at least one of k tries hits, unbiased."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures of one benchmark and model."""

    cases: int
    scored: int
    missing: Mapping[str, int]
    """How many cases have no score, by reason."""
    duplicates: int
    invalid: Mapping[str, int]
    labels: Mapping[str, int]
    whole: tuple[Figure, ...]
    slices: Mapping[str, Mapping[str, tuple[Figure, ...]]]
    """By dimension and value."""
    prompt_tokens: int
    completion_tokens: int


@dataclass(slots=True)
class _Cell:
    values: dict[str, list[float]] = field(default_factory=dict)
    clusters: dict[str, list[str]] = field(default_factory=dict)
    cases: dict[str, list[str]] = field(default_factory=dict)
    missing: int = 0

    def add(self, record: Record) -> None:
        if record.missing:
            self.missing += 1
        for name, value in record.values.items():
            self.values.setdefault(name, []).append(value)
            self.clusters.setdefault(name, []).append(record.cluster or record.id)
            self.cases.setdefault(name, []).append(record.id)


def summarise(
    records: Iterable[Record], measures: Iterable[Measure], *, is_strict: bool
) -> Summary:
    """Figures of a run; in strict scoring, repeated and invalid cases do not count."""
    whole = _Cell()
    cells: dict[str, dict[str, _Cell]] = {}
    missing: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    invalid: Counter[str] = Counter()
    cases = scored = duplicates = prompt = completion = 0
    for record in records:
        cases += 1
        prompt += record.prompt_tokens
        completion += record.completion_tokens
        duplicates += bool(record.duplicate_of)
        invalid.update([record.invalid] if record.invalid else [])
        if is_strict and (record.duplicate_of or record.invalid):
            continue
        missing.update([record.missing] if record.missing else [])
        labels.update([record.label] if record.label else [])
        scored += not record.missing
        whole.add(record)
        for name, value in record.slices.items():
            cells.setdefault(name, {}).setdefault(value, _Cell()).add(record)
    measures = tuple(measures)
    return Summary(
        cases=cases,
        scored=scored,
        missing=dict(sorted(missing.items())),
        duplicates=duplicates,
        invalid=dict(sorted(invalid.items())),
        labels=dict(sorted(labels.items())),
        whole=_figures(whole, measures),
        slices={
            name: {value: _figures(cell, measures) for value, cell in sorted(values.items())}
            for name, values in sorted(cells.items())
        },
        prompt_tokens=prompt,
        completion_tokens=completion,
    )


def _figures(cell: _Cell, measures: Iterable[Measure]) -> tuple[Figure, ...]:
    return tuple(_figure(cell, m) for m in measures if m.name in cell.values or cell.missing)


def _figure(cell: _Cell, measure: Measure) -> Figure:
    values = cell.values.get(measure.name, [])
    clusters = cell.clusters.get(measure.name, [])
    of_clusters = clusters if len(set(clusters)) < len(clusters) else ()
    floors = cell.values.get(measure.floor, []) if measure.floor else []
    corrected = None
    if floors and len(floors) == len(values):
        gains = [above_chance(v, f) for v, f in zip(values, floors, strict=True)]
        corrected = estimate(gains, of_clusters, is_rate=False)
    return Figure(
        measure=measure.name,
        estimate=estimate(values, of_clusters, is_rate=measure.is_rate),
        above_chance=corrected,
        floor=sum(floors) / len(floors) if floors else None,
        missing=cell.missing,
        bounds=missing_bounds(sum(values), len(values), cell.missing, measure.highest),
        at_k=_at_k(values, cell.cases.get(measure.name, []), clusters) if measure.is_rate else {},
    )


def _at_k(
    values: Iterable[float], cases: Iterable[str], clusters: Iterable[str]
) -> dict[str, Estimate]:
    """For k = 1 and the greatest k that every case has tries for; empty for single passes."""
    tries: dict[str, list[float]] = {}
    of: dict[str, str] = {}
    for value, case, cluster in zip(values, cases, clusters, strict=True):
        tries.setdefault(case, []).append(value)
        of[case] = cluster
    most = min((len(found) for found in tries.values()), default=0)
    if most < 2:
        return {}
    return {
        str(k): estimate(
            [at_k(len(found), sum(v == 1.0 for v in found), k) for found in tries.values()],
            [of[case] for case in tries],
            is_rate=False,
        )
        for k in (1, most)
    }
