"""What if: a recorded request decided anew, under another policy, without any model.

Pure: from runs and rules to decisions. What guards did not judge is not guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from tyrian.core.decision import Effect
from tyrian.core.detection import RunStatus, Stage
from tyrian.errors import InputError
from tyrian.firewall.decide import REDACT_RULE, Judgement, join, weigh
from tyrian.firewall.redact import merge_marks
from tyrian.firewall.tool_gate import POLICY
from tyrian.gateway.console.playground.recording import (
    Guards,
    KeptDecision,
    KeptReason,
    Record,
    by_stage,
)
from tyrian.policy.guard import ANY_LABEL, GuardPolicy, GuardRule

PolicyName = Literal["current", "strict", "observe", "default"]
POLICIES: Final[Mapping[PolicyName, str]] = MappingProxyType(
    {
        "current": "The policy of this gateway.",
        "strict": "Whatever a guard would take note of, stops the message.",
        "observe": "Guards take note of everything and stop nothing.",
        "default": "The policy that comes with Tyrian.",
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to try out: a threshold, an effect, or what follows from a failure."""

    stage: Stage
    guard: str
    label: str = ANY_LABEL
    threshold: float | None = None
    effect: Effect | None = None
    on_error: Effect | None = None


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A recorded decision beside what it would be."""

    recorded: KeptDecision
    judgement: Judgement
    is_known: bool
    """False where guards that did not run would have had to be asked."""

    @property
    def is_changed(self) -> bool:
        """True where the effect is another one."""
        return str(self.judgement.effect) != self.recorded.effect


def named_policy(name: PolicyName, current: GuardPolicy, default: GuardPolicy) -> GuardPolicy:
    """One of `POLICIES`."""
    if name == "current":
        return current
    if name == "default":
        return default
    change = _stricter if name == "strict" else _watching
    return GuardPolicy([change(rule) for rule in current.rules], may_be_empty=True)


def _stricter(rule: GuardRule) -> GuardRule:
    effects = {k: Effect.BLOCK if v is not Effect.ALLOW else v for k, v in rule.effects.items()}
    return replace(rule, effects=MappingProxyType(effects), on_error=Effect.BLOCK)


def _watching(rule: GuardRule) -> GuardRule:
    effects = {k: Effect.FLAG if v is not Effect.ALLOW else v for k, v in rule.effects.items()}
    return replace(rule, effects=MappingProxyType(effects), on_error=Effect.FLAG)


def changed(policy: GuardPolicy, changes: Iterable[Change]) -> GuardPolicy:
    """The policy with the changes made; InputError for a guard that has no rule in it."""
    rules = {(rule.stage, rule.guard): rule for rule in policy.rules}
    for change in changes:
        rule = rules.get((change.stage, change.guard))
        if rule is None:
            raise InputError(
                f"the policy has no guard {change.guard!r} at stage {change.stage}",
                hint="name a guard of the record, at the stage at which it ran",
            )
        rules[change.stage, change.guard] = _changed(rule, change)
    return GuardPolicy(rules.values(), may_be_empty=True)


def _changed(rule: GuardRule, change: Change) -> GuardRule:
    effects, thresholds = dict(rule.effects), dict(rule.thresholds)
    if change.threshold is not None:
        thresholds[change.label] = change.threshold
        if change.label == ANY_LABEL:
            thresholds = {ANY_LABEL: change.threshold}
    if change.effect is not None:
        effects[change.label] = change.effect
        if change.label == ANY_LABEL:
            effects = {ANY_LABEL: change.effect}
    return replace(
        rule,
        effects=MappingProxyType(effects),
        thresholds=MappingProxyType(thresholds),
        on_error=rule.on_error if change.on_error is None else change.on_error,
    )


def rejudge(
    record: Record, policy: GuardPolicy, guards: Guards, *, is_foreign: bool = False
) -> tuple[Rejudged, ...]:
    """Every decision of the record under this policy.

    `is_foreign`: the policy is that of another stack; guards that it does not name would not have
    run, and are left out. Under the gateway's own policy such a guard blocks, as it does there.
    """
    return tuple(
        _rejudged(kept, policy, guards, is_foreign=is_foreign) for kept in record.decisions
    )


def _rejudged(
    kept: KeptDecision, policy: GuardPolicy, guards: Guards, *, is_foreign: bool
) -> Rejudged:
    due = [
        run
        for run in kept.guard_runs
        if not is_foreign or policy.rule(run.stage, run.guard) is not None
    ]
    judgement = join(
        [
            weigh(policy, stage, guards.get(stage, {}), [run.run() for run in runs])
            for stage, runs in by_stage(due).items()
        ]
        or [Judgement()]
    )
    settled = _with_settled(judgement, kept.reasons)
    greatest = [r for r in settled.reasons if r.effect is settled.effect]
    is_known = not greatest or not all(_is_skip(reason.rule) for reason in greatest)
    return Rejudged(kept, settled, is_known)


def _with_settled(judgement: Judgement, reasons: Sequence[KeptReason]) -> Judgement:
    """With what no guard decided: the tool policy, and a redaction that could not be made."""
    kept = [r.reason() for r in reasons if r.guard == POLICY]
    known = {reason.rule for reason in judgement.reasons}
    if judgement.effect in (Effect.REDACT, Effect.REVIEW) and REDACT_RULE not in known:
        kept += [r.reason() for r in reasons if r.rule == REDACT_RULE]
    if not kept:
        return judgement
    every = sorted((*judgement.reasons, *kept), key=lambda r: (-r.effect, -r.score))
    return replace(judgement, effect=Effect.greatest(r.effect for r in every), reasons=tuple(every))


def _is_skip(rule: str) -> bool:
    return rule.rpartition(".")[2] == RunStatus.SKIPPED.value


def places(judgement: Judgement) -> list[tuple[int, int, str]]:
    """Start, end and label of what would be replaced, in the order of the text."""
    return [(mark.start, mark.end, mark.label) for mark in merge_marks(judgement.marks)]


def told(rejudged: Sequence[Rejudged]) -> str:
    """In a sentence: what would have come of the request."""
    if not any(one.is_changed for one in rejudged):
        return "Nothing would change."
    for one in rejudged:
        if one.judgement.effect < Effect.REVIEW:
            continue
        if not one.is_known:
            return "It cannot be told: some guards did not run, since another had stopped it."
        is_answer = one.recorded.message is None
        held = "held for a person" if one.judgement.effect is Effect.REVIEW else "stopped"
        when = "the answer would have been" if is_answer else "it would have been"
        then = "" if is_answer else " before the model was asked"
        return f"{when} {held}{then}.".capitalize()
    if any(_stopped(one.recorded) and one.recorded.message is not None for one in rejudged):
        return "It would have gone on to the model. What that would have answered is not known."
    if any(_stopped(one.recorded) for one in rejudged):
        return "The answer would have reached its reader."
    return "It would have passed, as it did, with other notes or other places taken out."


def _stopped(kept: KeptDecision) -> bool:
    return Effect.parse(kept.effect) >= Effect.REVIEW
