"""What a report says, apart from how it looks: plain values for every format."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tyrian.evals.benchmark import Direction, Measure, References
from tyrian.evals.compare import Change, compare_runs
from tyrian.evals.models.defended import DEFENDED
from tyrian.evals.registry import benchmark_type
from tyrian.evals.report.fidelity import Difference, differences
from tyrian.evals.report.judges import Judged, Label, Swapped, judged, swapped
from tyrian.evals.run.log import Record
from tyrian.evals.run.results import Finished
from tyrian.evals.statistics.intervals import Estimate
from tyrian.evals.summary import Figure, Summary, summarise

EXAMPLES = 3
"""Cases shown of each label."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure as it is shown: above chance where there is a floor."""

    measure: Measure
    figure: Figure

    @property
    def shown(self) -> Estimate:
        """The estimate that counts."""
        return self.figure.above_chance or self.figure.estimate

    @property
    def is_above_chance(self) -> bool:
        """Whether guessing was taken out."""
        return self.figure.above_chance is not None

    @property
    def better(self) -> str:
        """Which way is better, in words."""
        return "lower is better" if self.measure.better is Direction.LOWER else "higher is better"


@dataclass(frozen=True, slots=True)
class Example:
    """A case as it went."""

    id: str
    label: str
    why: str
    exchanges: tuple[tuple[str, str, str], ...]
    """Part, what was said, what was answered."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One model on one benchmark."""

    model: str
    summary: Summary
    readings: tuple[Reading, ...]
    slices: Mapping[str, Mapping[str, tuple[Reading, ...]]]
    examples: Mapping[str, tuple[Example, ...]]
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark with all models that ran it."""

    title: str
    name: str
    about: str
    references: References
    results: tuple[ModelResult, ...]


@dataclass(frozen=True, slots=True)
class Purple:
    """What a firewall changes: the same cases against a model bare and behind it."""

    model: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A whole report."""

    sections: tuple[Section, ...]
    models: tuple[str, ...] = ()
    purple: tuple[Purple, ...] = ()
    judged: tuple[Judged, ...] = ()
    swapped: tuple[Swapped, ...] = ()
    differences: tuple[Difference, ...] = ()


def content_of(
    runs: Sequence[Finished], *, examples: int = EXAMPLES, labels: Sequence[Label] = ()
) -> Content:
    """Read all results once and gather what the formats show; `labels` are people's, of judges."""
    grouped: dict[str, list[Finished]] = {}
    for run in runs:
        grouped.setdefault(run.title, []).append(run)
    sections = []
    for title, group in grouped.items():
        kind = benchmark_type(group[0].benchmark)
        results = tuple(_result(run, kind.measures, examples) for run in group)
        sections.append(Section(title, kind.name, kind.about, kind.references, results))
    models = dict.fromkeys(one.model for section in sections for one in section.results)
    return Content(
        tuple(sections),
        tuple(models),
        _purple(runs),
        judged(runs, labels),
        swapped(runs),
        differences(_raw(sections)),
    )


def _raw(sections: Iterable[Section]) -> Iterator[tuple[Mapping[str, Any], str, Measure, Estimate]]:
    """Every figure as it is before chance is taken out, as the published protocol has it."""
    for section in sections:
        for result in section.results:
            for one in result.readings:
                yield result.manifest, result.model, one.measure, one.figure.estimate


def _purple(runs: Sequence[Finished]) -> tuple[Purple, ...]:
    found = []
    for model in dict.fromkeys(run.model for run in runs):
        bare = [run for run in runs if run.model == model]
        defended = [run for run in runs if run.model == model + DEFENDED]
        changes = compare_runs(bare, defended).changes if defended else ()
        if changes:
            found.append(Purple(model, changes))
    return tuple(found)


def _result(run: Finished, measures: Sequence[Measure], examples: int) -> ModelResult:
    seen = _Examples(examples)
    is_strict = run.manifest["fidelity"] == "strict"
    summary = summarise(map(seen.see, run.records()), measures, is_strict=is_strict)
    by_name = {measure.name: measure for measure in measures}
    return ModelResult(
        model=run.model,
        summary=summary,
        readings=_readings(summary.whole, by_name),
        slices={
            name: {value: _readings(figures, by_name) for value, figures in values.items()}
            for name, values in summary.slices.items()
        },
        examples=seen.found,
        manifest=run.manifest,
    )


def _readings(figures: Iterable[Figure], by_name: Mapping[str, Measure]) -> tuple[Reading, ...]:
    return tuple(Reading(by_name[figure.measure], figure) for figure in figures)


class _Examples:
    """The first cases of each label, and of each reason for which there is no score."""

    def __init__(self, most: int) -> None:
        self.found: dict[str, tuple[Example, ...]] = {}
        self._most = most

    def see(self, record: Record) -> Record:
        """Keep the case where there are few like it; gives it back."""
        label = record.label or (f"not scored: {record.missing}" if record.missing else "")
        kept = self.found.get(label, ())
        if label and len(kept) < self._most:
            said = tuple((e.part, e.said, e.reply or f"[{e.reason}]") for e in record.exchanges)
            self.found[label] = (*kept, Example(record.id, label, record.why, said))
        return record
