"""From the cases of a run to its figures: each measure, whole and by slice, with intervals.

Whatever could not be scored is counted by reason, with what the figure would be if all of it had
gone the best or the worst way.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from tyrian.evals.benchmark import Measure
from tyrian.evals.run.log import Record
from tyrian.evals.statistics.chance import estimate_above_chance
from tyrian.evals.statistics.corrections import Bounds, at_k, missing_bounds
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
class _Series:
    """The values of one measure, with numbers that stand for cluster and case: 24 bytes a case."""

    values: "array[float]" = field(default_factory=lambda: array("d"))
    clusters: "array[int]" = field(default_factory=lambda: array("Q"))
    cases: "array[int]" = field(default_factory=lambda: array("Q"))


@dataclass(slots=True)
class _Cell:
    series: dict[str, _Series] = field(default_factory=dict)
    missing: int = 0

    def add(self, record: Record, cluster: int, case: int) -> None:
        self.missing += bool(record.missing)
        for name, value in record.values.items():
            series = self.series.setdefault(name, _Series())
            series.values.append(value)
            series.clusters.append(cluster)
            series.cases.append(case)


def _number(text: str) -> int:
    """64 bits that stand for a text; two texts of a run with the same ones are not to be feared."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


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
        case = _number(record.id)
        cluster = _number(record.cluster) if record.cluster else case
        whole.add(record, cluster, case)
        for name, value in record.slices.items():
            cells.setdefault(name, {}).setdefault(value, _Cell()).add(record, cluster, case)
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
    return tuple(_figure(cell, m) for m in measures if m.name in cell.series or cell.missing)


def _figure(cell: _Cell, measure: Measure) -> Figure:
    series = cell.series.get(measure.name, _Series())
    values = np.frombuffer(series.values) if series.values else np.empty(0)
    clusters = np.array(series.clusters, np.uint64)
    of_clusters = clusters if len(np.unique(clusters)) < len(clusters) else clusters[:0]
    floor = cell.series.get(measure.floor, _Series()).values if measure.floor else array("d")
    corrected = None
    if len(floor) and len(floor) == len(values):
        corrected = estimate_above_chance(values, floor, of_clusters)
    return Figure(
        measure=measure.name,
        estimate=estimate(values, of_clusters, is_rate=measure.is_rate),
        above_chance=corrected,
        floor=sum(floor) / len(floor) if len(floor) else None,
        missing=cell.missing,
        bounds=missing_bounds(float(values.sum()), len(values), cell.missing, measure.highest),
        at_k=_at_k(values, np.array(series.cases, np.uint64), clusters) if measure.is_rate else {},
    )


def _at_k(
    values: NDArray[np.float64], cases: NDArray[np.uint64], clusters: NDArray[np.uint64]
) -> dict[str, Estimate]:
    """For k = 1 and the greatest k that every case has tries for; empty for single passes."""
    _, first, of, tries = np.unique(
        cases, return_index=True, return_inverse=True, return_counts=True
    )
    most = int(tries.min()) if len(tries) else 0
    if most < 2:
        return {}
    hits = np.bincount(of, weights=values == 1.0).astype(np.int64)
    return {
        str(k): estimate(
            [at_k(int(n), int(hit), k) for n, hit in zip(tries, hits, strict=True)],
            clusters[first],
            is_rate=False,
        )
        for k in (1, most)
    }
