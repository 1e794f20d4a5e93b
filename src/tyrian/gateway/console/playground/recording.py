"""What the guards made of one request, kept so that it can be shown, and decided anew.

A record holds scores, places and times, and never the text: a place is two numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import structs

from tyrian.core.decision import CallReport, Decision, Effect, Reason
from tyrian.core.detection import (
    Detection,
    DetectorRun,
    Finding,
    RunStatus,
    Severity,
    Stage,
)
from tyrian.firewall.decide import join, weigh
from tyrian.firewall.guard import Guard
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.redact import Mark, RedactStyle, edits_of, merge_marks
from tyrian.firewall.tool_gate import POLICY
from tyrian.policy.guard import GuardPolicy

Guards = Mapping[Stage, Mapping[str, Guard]]
"""The guards of a firewall by stage and name."""

MAX_FINDINGS: Final = 200
"""Findings kept of one run; the gravest where there are more. Scores are kept of all labels."""


class KeptFinding(msgspec.Struct, frozen=True):
    """A `Finding`."""

    rule: str
    label: str
    message: str
    severity: str
    score: float
    start: int
    end: int


class KeptRun(msgspec.Struct, frozen=True):
    """A `DetectorRun`, and the stage at which it ran."""

    stage: Stage
    guard: str
    status: RunStatus
    elapsed_s: float
    reason: str = ""
    coverage: float = 1.0
    scores: dict[str, float] | None = None
    """None where there is no detection."""
    findings: tuple[KeptFinding, ...] = ()

    @classmethod
    def of(cls, stage: Stage, run: DetectorRun) -> "KeptRun":
        """The run as it is kept."""
        kept = cls(stage, run.detector, run.status, run.elapsed_s, run.reason)
        found = run.detection
        if found is None:
            return kept
        gravest = sorted(found.findings, key=lambda one: -one.score)[:MAX_FINDINGS]
        return structs.replace(
            kept,
            coverage=found.coverage,
            scores=dict(found.scores),
            findings=tuple(
                KeptFinding(f.rule, f.label, f.message, f.severity.value, f.score, f.start, f.end)
                for f in sorted(gravest, key=lambda one: (one.start, one.end))
            ),
        )

    def run(self) -> DetectorRun:
        """The run as the policy takes it."""
        detection = None
        if self.scores is not None:
            findings = tuple(
                Finding(f.rule, f.label, f.message, Severity(f.severity), f.score, f.start, f.end)
                for f in self.findings
            )
            detection = Detection(self.scores, findings, self.coverage)
        return DetectorRun(self.guard, self.status, self.elapsed_s, detection, self.reason)


class KeptReason(msgspec.Struct, frozen=True):
    """A `Reason`."""

    effect: str
    rule: str
    guard: str
    message: str
    label: str = ""
    score: float = 0.0

    @classmethod
    def of(cls, reason: Reason) -> "KeptReason":
        """The reason as it is kept."""
        return cls(
            str(reason.effect),
            reason.rule,
            reason.detector,
            reason.message,
            reason.label,
            reason.score,
        )

    def reason(self) -> Reason:
        """The reason as decisions hold it."""
        effect = Effect.parse(self.effect)
        return Reason(effect, self.rule, self.guard, self.message, self.label, self.score)


class KeptPlace(msgspec.Struct, frozen=True):
    """Where something was found, counted in the text that its reader has."""

    start: int
    end: int
    label: str
    guard: str
    message: str
    severity: str
    score: float
    is_replaced: bool = False
    """What stands there took the place of what was found."""


class KeptCall(msgspec.Struct, frozen=True):
    """What the tool policy said of one call; without the call's arguments."""

    tool: str
    effect: str
    rule: str
    reason: str
    hint: str = ""


class KeptDecision(msgspec.Struct, frozen=True):
    """One decision of a request."""

    id: str
    message: int | None
    """Place of the message in the request; None for the answer."""
    stage: Stage
    effect: str
    reasons: tuple[KeptReason, ...]
    runs: tuple[KeptRun, ...]
    length: int
    """Characters of the text that went on, so that a reader can tell whether places fit it."""
    elapsed_s: float
    is_cached: bool
    calls: tuple[KeptCall, ...] = ()
    places: tuple[KeptPlace, ...] = ()

    @property
    def guard_runs(self) -> tuple[KeptRun, ...]:
        """The runs of guards; the tool policy's own is not among them."""
        return tuple(run for run in self.runs if run.guard != POLICY)


class Record(msgspec.Struct, frozen=True):
    """All decisions of one request."""

    id: str
    """The request's id, as `x-request-id` tells it."""
    model: str
    policy: str
    """Digest of the policy that decided."""
    decisions: tuple[KeptDecision, ...]


class Recorder:
    """Hears of the decisions of one request as they are made."""

    def __init__(self, policy: GuardPolicy, guards: Guards) -> None:
        self._policy = policy
        self._guards = guards
        self._heard: list[tuple[Decision, int | None]] = []

    def __call__(self, decision: Decision, index: int | None) -> None:
        """Take note of a decision."""
        self._heard.append((decision, index))

    def record(self, request_id: str, model: str) -> Record:
        """What was heard so far."""
        policy = self._heard[-1][0].policy if self._heard else self._policy.digest
        kept = tuple(self._kept(decision, index) for decision, index in self._heard)
        return Record(request_id, model, policy, kept)

    def _kept(self, decision: Decision, index: int | None) -> KeptDecision:
        runs = tuple(
            KeptRun.of(stage, run)
            for stage, run in _staged(self._policy, decision.stage, decision.runs)
        )
        return KeptDecision(
            id=decision.id,
            message=index,
            stage=decision.stage,
            effect=str(decision.effect),
            reasons=tuple(KeptReason.of(reason) for reason in decision.reasons),
            runs=runs,
            length=len(decision.subject.text),
            elapsed_s=decision.elapsed_s,
            is_cached=decision.is_cached,
            calls=tuple(_kept_call(call) for call in decision.calls),
            places=tuple(self._places(decision, index, runs)),
        )

    def _places(
        self, decision: Decision, index: int | None, runs: Sequence[KeptRun]
    ) -> Iterable[KeptPlace]:
        """Places in what its reader has: a request's message as it came, an answer as it left."""
        found = [_place(run.guard, f) for run in runs for f in run.findings if f.end > f.start]
        if index is None and decision.effect is Effect.BLOCK:
            return ()  # nobody has that text
        if index is not None or decision.effect is not Effect.REDACT:
            return sorted(found, key=lambda place: (place.start, place.end))
        if decision.subject.tool_calls:
            return ()  # replacing within JSON moves more than the places tell
        judged = [
            weigh(self._policy, stage, self._guards.get(stage, {}), [r.run() for r in staged])
            for stage, staged in by_stage(runs).items()
        ]
        return moved(found, join(judged).marks)


def _place(guard: str, f: KeptFinding) -> KeptPlace:
    return KeptPlace(f.start, f.end, f.label, guard, f.message, f.severity, f.score)


def by_stage(runs: Iterable[KeptRun]) -> dict[Stage, list[KeptRun]]:
    """The runs by their stages, in order."""
    stages: dict[Stage, list[KeptRun]] = {}
    for run in runs:
        stages.setdefault(run.stage, []).append(run)
    return stages


def moved(places: Iterable[KeptPlace], marks: Iterable[Mark]) -> list[KeptPlace]:
    """The places in a text in which the marks were replaced.

    Empty where pseudonyms took their place: those are turned back before anybody reads them.
    """
    merged = merge_marks(marks)
    if any(mark.style is RedactStyle.PSEUDONYM for mark in merged):
        return []
    edits = edits_of("", merged, Pseudonyms())
    out: list[KeptPlace] = []
    for place in sorted(places, key=lambda one: (one.start, one.end)):
        shift = 0
        for edit in edits:
            grown = len(edit.replacement) - (edit.end - edit.start)
            if edit.end <= place.start:
                shift += grown
            elif edit.start < place.end:
                start = edit.start + shift
                end = start + len(edit.replacement)
                out.append(structs.replace(place, start=start, end=end, is_replaced=True))
                break
        else:
            out.append(structs.replace(place, start=place.start + shift, end=place.end + shift))
    return out


def _kept_call(report: CallReport) -> KeptCall:
    return KeptCall(report.call.name, str(report.effect), report.rule, report.reason, report.hint)


def _staged(
    policy: GuardPolicy, stage: Stage, runs: Sequence[DetectorRun]
) -> Iterable[tuple[Stage, DetectorRun]]:
    """Each run with its stage.

    An answer with tool calls is judged at two stages, OUTPUT first; a guard of both speaks at
    OUTPUT for the text and at TOOL_CALL for the calls, so that its last run is the one at
    TOOL_CALL.
    """
    if stage is not Stage.OUTPUT:
        yield from ((stage, run) for run in runs)
        return
    last: Mapping[str, int] = {run.detector: i for i, run in enumerate(runs)}
    for i, run in enumerate(runs):
        is_calls = last[run.detector] == i and _speaks_for_calls(policy, run.detector, runs)
        yield (Stage.TOOL_CALL if is_calls else Stage.OUTPUT), run


def _speaks_for_calls(policy: GuardPolicy, guard: str, runs: Sequence[DetectorRun]) -> bool:
    if policy.rule(Stage.TOOL_CALL, guard) is None:
        return False
    if policy.rule(Stage.OUTPUT, guard) is None:
        return True
    return sum(run.detector == guard for run in runs) > 1
