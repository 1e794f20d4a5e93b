"""From runs to a Judgement: effect, reasons, and the spans that redaction needs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tyrian.core.decision import CallReport, Effect, Reason
from tyrian.core.detection import DetectorRun, RunStatus, Stage
from tyrian.firewall.guard import Guard
from tyrian.firewall.redact import Mark
from tyrian.policy.guard import GuardPolicy, GuardRule

REDACT_RULE = "firewall.redact"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from the runs, before it is written down as a Decision."""

    effect: Effect = Effect.ALLOW
    reasons: tuple[Reason, ...] = ()
    runs: tuple[DetectorRun, ...] = ()
    marks: tuple[Mark, ...] = ()
    calls: tuple[CallReport, ...] = ()
    """What the tool policy says of each tool call; set once a message is settled."""
    review: str = ""
    """Id of the review that it waits for."""

    @property
    def is_complete(self) -> bool:
        """True where every guard ran well, within its budget, and judged the whole text."""
        return all(
            run.status is RunStatus.OK
            and not run.reason
            and run.detection
            and run.detection.coverage >= 1.0
            for run in self.runs
        )

    def escalated(self, message: str) -> "Judgement":
        """The same, blocked because redaction cannot be carried out."""
        reason = Reason(Effect.BLOCK, REDACT_RULE, "firewall", message)
        return Judgement(Effect.BLOCK, (reason, *self.reasons), self.runs, (), self.calls)


def join(judgements: Sequence[Judgement]) -> Judgement:
    """Several stages' judgements of one message as one."""
    if len(judgements) == 1:
        return judgements[0]
    reasons = sorted(
        (reason for j in judgements for reason in j.reasons), key=lambda r: (-r.effect, -r.score)
    )
    return Judgement(
        Effect.greatest(j.effect for j in judgements),
        tuple(reasons),
        tuple(run for j in judgements for run in j.runs),
        tuple(mark for j in judgements for mark in j.marks),
    )


def weigh(
    policy: GuardPolicy, stage: Stage, guards: Mapping[str, Guard], runs: Sequence[DetectorRun]
) -> Judgement:
    """What the policy makes of the runs. What is to be redacted but has no place is blocked."""
    effect, reasons = policy.decide(stage, runs)
    judgement = Judgement(effect, reasons, tuple(runs))
    wanted = [reason for reason in reasons if reason.effect is Effect.REDACT]
    if not wanted:
        return judgement
    by_name = {run.detector: run for run in runs}
    marks: list[Mark] = []
    for reason in wanted:
        rule = policy.rule(stage, reason.detector)
        guard = guards.get(reason.detector)
        found = list(_marks(rule, guard, reason.label, by_name[reason.detector]))
        if not found or not all(mark.end > mark.start for mark in found):
            return judgement.escalated("there is something to redact, but no place to redact it at")
        marks += found
    return Judgement(effect, reasons, judgement.runs, tuple(marks))


def _marks(
    rule: GuardRule | None, guard: Guard | None, label: str, run: DetectorRun
) -> Iterable[Mark]:
    if rule is None or guard is None or run.detection is None:
        return
    least = rule.threshold(label)
    for found in run.detection.findings:
        if found.label == label and found.score >= least:
            yield Mark(found.start, found.end, label, guard.redact_with, found.advice)
