"""Finished runs as logs of Inspect AI (extra `inspect`), for its viewer and its tools.

A log holds every case with its conversation, answer, score and reason, and the means of all
measures. Figures that Inspect has no form for (intervals, floors, bounds) stand in the metadata.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import ModelOutput, ModelUsage
from inspect_ai.scorer import Score as InspectScore

from tyrian.evals.engines.inspect_task import score_of
from tyrian.evals.engines.inspect_wire import messages_of
from tyrian.evals.exchange import Turn
from tyrian.evals.registry import benchmark_type
from tyrian.evals.run.log import Exchange, Record
from tyrian.evals.run.outcome import MANIFEST, SUMMARY
from tyrian.evals.run.results import Finished

SCORER = "scored"
FORMATS = ("eval", "json")


def exported(run: Finished, directory: Path, kind: str = "eval") -> Path:
    """Write a run as a log into a directory; the same run has the same name."""
    log = log_of(run)
    name = f"{run.benchmark}_{log.eval.run_id[:16]}.{kind}".replace("/", "_")
    path = directory / name
    directory.mkdir(parents=True, exist_ok=True)
    write_eval_log(log, str(path))
    return path


def log_of(run: Finished) -> EvalLog:
    """A run as a log; all of it is in memory."""
    manifest = run.manifest
    measures = [one.name for one in benchmark_type(run.benchmark).measures]
    is_strict = manifest["fidelity"] == "strict"
    samples = [_sample(record, measures, run.model, is_strict) for record in run.records()]
    created = _created(run.directory / MANIFEST)
    identity = sha256(msgspec.json.encode(dict(manifest), order="sorted")).hexdigest()
    return EvalLog(
        status="success",
        eval=EvalSpec(
            eval_id=identity[:22],
            run_id=identity[:22],
            task_id=identity[22:44],
            created=created,
            task=f"tyrian/{run.benchmark}",
            task_display_name=run.title,
            dataset=EvalDataset(
                name=str(manifest["variant"]),
                samples=len({one.id for one in samples}),
                sample_ids=list(dict.fromkeys(str(one.id) for one in samples)),
                shuffled=False,
            ),
            model=run.model,
            config=EvalConfig(epochs=int(manifest["passes"])),
            packages={"tyrian": str(manifest["tyrian"])},
            metadata={"manifest": dict(manifest)},
        ),
        results=_results(samples, measures, run.directory / SUMMARY),
        stats=EvalStats(started_at=created, completed_at=_created(run.directory / SUMMARY)),
        samples=samples,
    )


def _created(path: Path) -> str:
    try:
        when = path.stat().st_mtime
    except OSError:
        when = 0.0
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def _sample(record: Record, measures: list[str], model: str, is_strict: bool) -> EvalSample:
    turns = _turns(record.exchanges)
    last = next((e for e in reversed(record.exchanges) if e.part == "target"), None)
    output = ModelOutput()
    if last is not None:
        stop: Any = "content_filter" if last.status == "filtered" else "stop"
        output = ModelOutput.from_content(model, last.reply, stop_reason=stop)
    missing = record.missing
    if not missing and is_strict and (record.duplicate_of or record.invalid):
        missing = "repeats_another" if record.duplicate_of else "invalid"
    usage = ModelUsage(
        input_tokens=record.prompt_tokens,
        output_tokens=record.completion_tokens,
        total_tokens=record.prompt_tokens + record.completion_tokens,
    )
    return EvalSample(
        id=record.id,
        epoch=record.nth + 1,
        input=record.exchanges[0].said if record.exchanges else "",
        target="",
        messages=messages_of(turns),
        output=output,
        scores={
            SCORER: score_of(
                record.values, measures, label=record.label, missing=missing, why=record.why
            )
        },
        metadata={
            "slices": record.slices,
            "cluster": record.cluster or record.id,
            "duplicate_of": record.duplicate_of,
            "invalid": record.invalid,
            "answer": record.answer,
            "judgement": record.judgement,
            "details": record.details,
            "digest": record.digest,
        },
        model_usage={model: usage},
    )


def _turns(exchanges: list[Exchange]) -> list[Turn]:
    """The conversation as the log has it; whoever is not the target is named."""
    found = []
    for one in exchanges:
        head = "" if one.part == "target" else f"[to the {one.part}] "
        found.append(Turn("user", head + one.said))
        calls = "".join(f"\n[calls {name} with {arguments}]" for name, arguments in one.calls)
        said = one.reply if one.status == "ok" else f"[{one.status}] {one.reason}"
        found.append(Turn("assistant", said + calls))
    return found


def _results(samples: list[EvalSample], measures: list[str], summary: Path) -> EvalResults:
    scores = []
    for measure in measures:
        values = [value for one in samples if (value := _value(one, measure)) is not None]
        scores.append(
            EvalScore(
                name=measure,
                scorer=SCORER,
                scored_samples=len(values),
                unscored_samples=len(samples) - len(values),
                metrics=_metrics(values),
            )
        )
    try:
        figures: Any = msgspec.json.decode(summary.read_bytes())
    except (OSError, msgspec.DecodeError):
        figures = {}
    return EvalResults(
        total_samples=len(samples),
        completed_samples=len(samples),
        scores=scores,
        metadata={"summary": figures},
    )


def _value(sample: EvalSample, measure: str) -> float | None:
    scores: Mapping[str, InspectScore] = sample.scores or {}
    value = scores[SCORER].value
    found = value.get(measure) if isinstance(value, dict) else None
    return found if isinstance(found, float) and not math.isnan(found) else None


def _metrics(values: list[float]) -> dict[str, EvalMetric]:
    if not values:
        return {}
    mean = sum(values) / len(values)
    return {"mean": EvalMetric(name="mean", value=mean)}
