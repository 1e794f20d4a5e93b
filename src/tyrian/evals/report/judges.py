"""What is known of the judges of runs: against people's labels, and against each other.

Labels are one JSON object a line, `{"benchmark": ..., "id": ..., "truth": true}`, where `truth`
says whether a person finds that the headline measure holds for the case's answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tyrian.errors import InputError
from tyrian.evals.benchmark import Measure
from tyrian.evals.registry import benchmark_type
from tyrian.evals.run.log import Record
from tyrian.evals.run.results import Finished
from tyrian.evals.statistics.corrections import (
    Agreement,
    JudgeQuality,
    agreement,
    corrected,
    judge_quality,
)
from tyrian.evals.statistics.intervals import Estimate, estimate


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """What a person says of one case."""

    benchmark: str
    id: str
    truth: bool
    model: str = ""
    """Of one model's answer alone; empty where all have the same ones."""
    nth: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge against people's labels, and the rate that this leaves of what it saw."""

    title: str
    model: str
    judge: str
    measure: Measure
    quality: JudgeQuality
    seen: Estimate
    true: Estimate | None
    """None where the labels are of one kind, or the judge is no better than chance."""


@dataclass(frozen=True, slots=True)
class Swapped:
    """Two judges of the same answers."""

    title: str
    model: str
    first: str
    second: str
    found: Agreement


def load_labels(path: Path) -> tuple[Label, ...]:
    """The labels in a file; InputError names a bad line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=Label))
            except msgspec.DecodeError as error:
                raise InputError(
                    f"{path}:{number}: {error}",
                    hint='each line is {"benchmark": "...", "id": "...", "truth": true}',
                ) from error
    return tuple(found)


def judged(runs: Sequence[Finished], labels: Sequence[Label]) -> tuple[Judged, ...]:
    """Each judge of the runs against the labels of its cases."""
    found = []
    for run in runs:
        measure = benchmark_type(run.benchmark).measures[0]
        truths = {
            (one.id, one.nth): one.truth
            for one in labels
            if one.benchmark == run.benchmark and one.model in ("", run.model)
        }
        if not truths or not measure.is_rate or not _judge(run):
            continue
        truth: list[bool] = []
        said: list[bool | None] = []
        values = []
        for record in run.records():
            verdict = _verdict(record, measure)
            if verdict is not None:
                values.append(float(verdict))
            if record.key in truths and (verdict is not None or record.missing.startswith("judge")):
                truth.append(truths[record.key])
                said.append(verdict)
        seen, quality = estimate(values), judge_quality(truth, said)
        true = corrected(seen, quality)
        found.append(Judged(run.title, run.model, _judge(run), measure, quality, seen, true))
    return tuple(found)


def swapped(runs: Sequence[Finished]) -> tuple[Swapped, ...]:
    """Each pair of runs of one model that differ in the judge: how the judges agree.

    Only cases with the same answer count: with `--cache`, or recorded answers, those are all.
    """
    found = []
    for at, run in enumerate(runs):
        for other in runs[at + 1 :]:
            is_pair = (run.title, run.model) == (other.title, other.model)
            if not is_pair or not _judge(run) or _judge(run) == _judge(other):
                continue
            measure = benchmark_type(run.benchmark).measures[0]
            first, second = _verdicts(run, measure), _verdicts(other, measure)
            keys = sorted(first.keys() & second.keys())
            agreed = agreement([first[key] for key in keys], [second[key] for key in keys])
            if keys:
                found.append(Swapped(run.title, run.model, _judge(run), _judge(other), agreed))
    return tuple(found)


Key = tuple[str, int, str]


def _verdicts(run: Finished, measure: Measure) -> Mapping[Key, bool]:
    found = {}
    for record in run.records():
        verdict = _verdict(record, measure)
        if verdict is not None:
            answer = msgspec.json.encode(record.answer, order="sorted").decode()
            found[record.id, record.nth, answer] = verdict
    return found


def _verdict(record: Record, measure: Measure) -> bool | None:
    value = record.values.get(measure.name)
    return None if value is None else value == 1.0


def _judge(run: Finished) -> str:
    models = run.manifest.get("models")
    return str(models.get("judge", "")) if isinstance(models, dict) else ""
