"""From decisions to the result row of `tyrian scan`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tyrian.cli.rows import Id, Subject
from tyrian.core.decision import Decision, Effect, Reason
from tyrian.core.detection import DetectorRun, Finding, RunStatus

Json = dict[str, object]

FAILED = frozenset({RunStatus.ERROR, RunStatus.TIMEOUT})


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one line of the input."""

    line: int
    row: Json
    """What is written for it."""
    effect: Effect = Effect.ALLOW
    error: str = ""
    """Why the line could not be judged, empty where it was."""
    is_partial: bool = False
    """A guard failed on the way, so that the effect stands on less than the whole stack."""


def failed(line: int, row_id: Id, error: str) -> Result:
    """The result of a line that could not be judged."""
    return Result(line, {"id": row_id, "line": line, "error": error}, error=error)


def judged(line: int, row_id: Id, made: Sequence[tuple[Subject, Decision]]) -> Result:
    """The result of a row: the greatest effect of its messages, with every reason and run."""
    effect = Effect.greatest(decision.effect for _, decision in made)
    reasons = sorted(_reasons(made), key=lambda pair: (-pair[0].effect, -pair[0].score))
    row: Json = {
        "id": row_id,
        "effect": str(effect),
        "reasons": [json for _, json in reasons],
        "runs": list(_runs(made)),
        "elapsed_s": round(sum(decision.elapsed_s for _, decision in made), 6),
    }
    is_partial = any(run.status in FAILED for _, d in made for run in d.runs)
    return Result(line, row, effect, is_partial=is_partial)


def _reasons(made: Iterable[tuple[Subject, Decision]]) -> Iterable[tuple[Reason, Json]]:
    for subject, decision in made:
        for reason in decision.reasons:
            json: Json = {
                "effect": str(reason.effect),
                "rule": reason.rule,
                "detector": reason.detector,
                "label": reason.label,
                "score": round(reason.score, 6),
                "message": reason.message,
            }
            yield reason, json | _place(subject, decision)


def _place(subject: Subject, decision: Decision) -> Json:
    if subject.index is None:
        return {}
    return {"message_index": subject.index, "stage": decision.stage.value}


def _runs(made: Iterable[tuple[Subject, Decision]]) -> Iterable[Json]:
    for subject, decision in made:
        for run in decision.runs:
            yield _run(run) | _place(subject, decision)


def _run(run: DetectorRun) -> Json:
    found = run.detection
    json: Json = {
        "detector": run.detector,
        "status": run.status.value,
        "score": round(found.score, 6) if found else None,
        "label": found.label if found else "",
        "elapsed_s": round(run.elapsed_s, 6),
        "findings": [_finding(one) for one in found.findings] if found else [],
    }
    if run.reason:
        json["reason"] = run.reason
    if found and found.coverage < 1:
        json["coverage"] = round(found.coverage, 4)
    return json


def _finding(found: Finding) -> Json:
    return {
        "rule": found.rule,
        "label": found.label,
        "severity": found.severity.value,
        "score": round(found.score, 6),
        "start": found.start,
        "end": found.end,
        "message": found.message,
    }
