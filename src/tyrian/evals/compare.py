"""Two runs over the same cases: what changed, how sure that is, and whether it may.

Cases are paired by id and digest; those that either run could not score are left out and counted.
Several passes of one case are averaged. p-values are adjusted (Holm) over all measures that are
compared at once, and within each measure over its slices.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tyrian.errors import ConfigError, InputError
from tyrian.evals.benchmark import Direction, Measure
from tyrian.evals.registry import benchmark_type
from tyrian.evals.run.log import Record
from tyrian.evals.run.results import Finished
from tyrian.evals.statistics.corrections import above_chance
from tyrian.evals.statistics.paired import Comparison, compare, holm, least_difference

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one measure of one benchmark."""

    benchmark: str
    measure: Measure
    compared: Comparison
    """p is adjusted over all measures."""
    unpaired: int
    """Cases that only one run has, has in other words, or could score."""
    seeable: float
    """The least difference that so many pairs show with a power of 80 %."""
    slices: Mapping[str, Comparison] = field(default_factory=dict)
    """By `dimension: value`; p adjusted over the slices."""

    @property
    def worsening(self) -> float:
        """By how much the measure got worse (below 0: better)."""
        sign = 1 if self.measure.better is Direction.LOWER else -1
        return sign * self.compared.difference

    @property
    def is_significant(self) -> bool:
        """Whether chance is an unlikely explanation."""
        return self.compared.p < ALPHA

    @property
    def is_worse(self) -> bool:
        """Significantly worse."""
        return self.is_significant and self.worsening > 0


@dataclass(frozen=True, slots=True)
class Report:
    """All changes between two runs."""

    base: str
    tuned: str
    changes: tuple[Change, ...]

    def line(self) -> str:
        """One line: whether anything got worse, and how sure that is."""
        worse = [change for change in self.changes if change.is_worse]
        better = [c for c in self.changes if c.is_significant and c.worsening < 0]
        if worse:
            worst = max(worse, key=lambda change: change.worsening)
            more = f" and {len(worse) - 1} more" if len(worse) > 1 else ""
            return f"worse: {told(worst)}{more}"
        if better:
            best = min(better, key=lambda change: change.worsening)
            return f"not worse; better: {told(best)}"
        if not self.changes:
            return "nothing to compare: the runs have no scored case in common"
        widest = max(change.seeable for change in self.changes)
        return f"no significant change; differences under {widest * 100:.1f} points would not show"


def told(change: Change) -> str:
    """A change in words."""
    one = change.compared
    return (
        f"{change.benchmark}, {change.measure.title.lower()} "
        f"{one.base:.1%} -> {one.tuned:.1%} "
        f"({one.difference * 100:+.1f} points, 95 % {one.low * 100:+.1f} to {one.high * 100:+.1f}, "
        f"p = {one.p:.2g}, n = {one.n})"
    )


Cases = Mapping[tuple[str, str], Mapping[str, float]]


def compare_runs(base: Sequence[Finished], tuned: Sequence[Finished]) -> Report:
    """Compare what both have; the benchmarks are paired by name, variant and fidelity."""
    others = {_identity(run): run for run in tuned}
    raw: list[Change] = []
    for run in base:
        other = others.get(_identity(run))
        if other is not None:
            raw += _changes(run, other)
    adjusted = holm({f"{c.benchmark}/{c.measure.name}": c.compared.p for c in raw})
    changes = tuple(
        replace(c, compared=replace(c.compared, p=adjusted[f"{c.benchmark}/{c.measure.name}"]))
        for c in raw
    )
    return Report(_models(base), _models(tuned), changes)


def _identity(run: Finished) -> tuple[str, str]:
    return run.title, str(run.manifest["settings"])


def _models(runs: Iterable[Finished]) -> str:
    return ", ".join(dict.fromkeys(run.model for run in runs))


def _changes(base: Finished, tuned: Finished) -> list[Change]:
    measures = benchmark_type(base.benchmark).measures
    left, right = list(base.records()), list(tuned.records())
    slices = {(r.id, r.digest): r.slices for r in left}
    clusters = {(r.id, r.digest): r.cluster or r.id for r in left}
    found = []
    for measure in measures:
        first, second = _means(left, measure), _means(right, measure)
        keys = sorted(first.keys() & second.keys())
        if not keys:
            continue
        compared = _compared(keys, first, second, clusters, measure)
        unpaired = len({(r.id, r.digest) for r in (*left, *right)}) - len(keys)
        discordant = (compared.only_base + compared.only_tuned) / compared.n
        by_slice: dict[str, list[tuple[str, str]]] = {}
        for key in keys:
            for name, value in slices[key].items():
                by_slice.setdefault(f"{name}: {value}", []).append(key)
        parts = {
            name: _compared(of, first, second, clusters, measure) for name, of in by_slice.items()
        }
        p = holm({name: one.p for name, one in parts.items()})
        found.append(
            Change(
                benchmark=base.title,
                measure=measure,
                compared=compared,
                unpaired=unpaired,
                seeable=least_difference(compared.clusters, max(discordant, 0.05)),
                slices={name: replace(one, p=p[name]) for name, one in parts.items()},
            )
        )
    return found


def _means(records: Iterable[Record], measure: Measure) -> dict[tuple[str, str], float]:
    """Per case the mean over its passes, above chance where the measure has a floor."""
    sums: dict[tuple[str, str], list[float]] = {}
    for record in records:
        value = record.values.get(measure.name)
        if value is None or record.duplicate_of or record.invalid:
            continue
        if measure.floor and measure.floor in record.values:
            value = above_chance(value, record.values[measure.floor])
        sums.setdefault((record.id, record.digest), []).append(value)
    return {key: sum(values) / len(values) for key, values in sums.items()}


def _compared(
    keys: Sequence[tuple[str, str]],
    first: Mapping[tuple[str, str], float],
    second: Mapping[tuple[str, str], float],
    clusters: Mapping[tuple[str, str], str],
    measure: Measure,
) -> Comparison:
    values = [first[key] for key in keys], [second[key] for key in keys]
    is_rate = measure.is_rate and all(v in (0.0, 1.0) for side in values for v in side)
    return compare(*values, [clusters[key] for key in keys], is_rate=is_rate)


@dataclass(frozen=True, slots=True)
class Limit:
    """How much worse a measure may get."""

    benchmark: str
    measure: str
    most: float
    must_be_significant: bool


def load_limits(path: Path) -> tuple[Limit, ...]:
    """Read a threshold file.

        prompt-injection:
          injected: {may_worsen: 0.02, only_significant: true}

    `may_worsen` is in the measure's own unit (0.02 is two points of a rate).
    """
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(read, dict) or not read:
        raise ConfigError(f"{path} names no benchmark", hint="prompt-injection: {injected: ...}")
    return tuple(
        _limit(path, str(benchmark), str(measure), given)
        for benchmark, measures in read.items()
        for measure, given in _mapping(path, str(benchmark), measures).items()
    )


def _mapping(path: Path, place: str, value: object) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {place} is not a mapping")
    return value


def _limit(path: Path, benchmark: str, measure: str, given: object) -> Limit:
    place = f"{benchmark}.{measure}"
    known = {one.name for one in benchmark_type(benchmark).measures}
    if measure not in known:
        raise ConfigError(
            f"{path}: {benchmark} has no measure {measure!r}",
            hint=f"known: {', '.join(sorted(known))}",
        )
    values = _mapping(path, place, given)
    if extra := values.keys() - {"may_worsen", "only_significant"}:
        raise ConfigError(f"{path}: {place}: unknown key {sorted(map(str, extra))[0]!r}")
    most = values.get("may_worsen", 0.0)
    if isinstance(most, bool) or not isinstance(most, int | float):
        raise ConfigError(f"{path}: {place}.may_worsen is not a number")
    return Limit(benchmark, measure, float(most), bool(values.get("only_significant", True)))


def broken(report: Report, limits: Iterable[Limit]) -> list[str]:
    """Which limits the changes break, in words; a benchmark that is not there breaks its own."""
    found = []
    for limit in limits:
        changes = [
            change
            for change in report.changes
            if change.benchmark.split(" (")[0] == limit.benchmark
            and change.measure.name == limit.measure
        ]
        if not changes:
            found.append(f"{limit.benchmark}.{limit.measure} was not measured in both runs")
        for change in changes:
            is_over = change.worsening > limit.most
            if is_over and (change.is_significant or not limit.must_be_significant):
                found.append(f"{told(change)}: more than the {limit.most:g} that is allowed")
    return found
