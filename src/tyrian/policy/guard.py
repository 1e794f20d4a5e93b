"""From detector runs to a decision: which labels of which guard have which effect."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tyrian.core.decision import Effect, Reason
from tyrian.core.detection import Detection, DetectorRun, RunStatus, Stage
from tyrian.errors import ConfigError

ANY_LABEL = "*"
"""Stands in a mapping for every label that it does not name."""

DEFAULT_THRESHOLD = 0.5


def _default_thresholds() -> Mapping[str, float]:
    return MappingProxyType({ANY_LABEL: DEFAULT_THRESHOLD})


@dataclass(frozen=True, slots=True)
class GuardRule:
    """What follows from one guard's scores at one stage."""

    guard: str
    """`DetectorInfo.name`, which is also `DetectorRun.detector`."""
    stage: Stage
    effects: Mapping[str, Effect]
    thresholds: Mapping[str, float] = field(default_factory=_default_thresholds)
    """Least score (0..1) at which a label counts."""
    on_error: Effect = Effect.BLOCK
    """Effect of a run that failed, timed out, was skipped, or did not cover the whole text."""

    def __post_init__(self) -> None:
        for label, least in self.thresholds.items():
            if not 0.0 <= least <= 1.0:
                raise ConfigError(
                    f"guard {self.guard!r} has the threshold {least} for {label!r}",
                    hint="scores and thresholds go from 0 to 1",
                )

    def reasons(self, run: DetectorRun) -> Iterable[Reason]:
        """The reasons that one run of this guard gives, ALLOW never among them."""
        if run.status is not RunStatus.OK or run.detection is None:
            yield from self._failure(run.status.value, run.reason or f"the guard gave {run.status}")
            return
        if run.detection.coverage < 1.0:
            share = f"{run.detection.coverage:.0%}"
            yield from self._failure("coverage", f"only {share} of the text was judged")
        yield from self._hits(run.detection)

    def _failure(self, kind: str, message: str) -> Iterable[Reason]:
        if self.on_error is not Effect.ALLOW:
            yield Reason(self.on_error, f"{self.guard}.{kind}", self.guard, message)

    def _hits(self, detection: Detection) -> Iterable[Reason]:
        others = self.thresholds.get(ANY_LABEL, DEFAULT_THRESHOLD)
        for label, score in detection.scores.items():
            least = self.thresholds.get(label, others)
            if score < least:
                continue
            effect = self.effect_of(label)
            if effect is not Effect.ALLOW:
                message = f"{label} with score {score:.2f} (threshold {least:.2f})"
                rule = f"{self.guard}.{label}"
                yield Reason(effect, rule, self.guard, message, label, score)

    def threshold(self, label: str) -> float:
        """The least score at which this label counts."""
        return self.thresholds.get(label, self.thresholds.get(ANY_LABEL, DEFAULT_THRESHOLD))

    def effect_of(self, label: str) -> Effect:
        """The effect that this label has once its score reaches the threshold."""
        return self.effects.get(label, self.effects.get(ANY_LABEL, Effect.ALLOW))


class GuardPolicy:
    """All rules of a stack. Pure: the same runs always give the same answer."""

    def __init__(self, rules: Iterable[GuardRule], *, may_be_empty: bool = False) -> None:
        """`may_be_empty` where something beside guards decides, such as a tool policy."""
        self.rules = tuple(rules)
        if not self.rules and not may_be_empty:
            raise ConfigError(
                "the policy has no rules, so it would allow everything",
                hint="name at least one guard, for example under agent.preflight_guards",
            )
        self._by_place = {(rule.stage, rule.guard): rule for rule in self.rules}
        if len(self._by_place) != len(self.rules):
            raise ConfigError(
                "two guards of one stage have the same name",
                hint="give each guard of a stage a name of its own",
            )
        self.digest = _digest(self.rules)

    def rule(self, stage: Stage, guard: str) -> GuardRule | None:
        """The rule for a guard at a stage, if there is one."""
        return self._by_place.get((stage, guard))

    def decide(
        self, stage: Stage, runs: Iterable[DetectorRun]
    ) -> tuple[Effect, tuple[Reason, ...]]:
        """The greatest effect that any run asks for, with all reasons, greatest first.

        A run that no rule knows counts as a failed guard: it blocks. A skipped run counts as a
        failed one too, unless what was found blocks anyway.
        """
        reasons: list[Reason] = []
        skipped: list[Reason] = []
        for run in runs:
            rule = self.rule(stage, run.detector)
            if rule is None:
                message = f"no rule for guard {run.detector!r} at stage {stage}"
                reasons.append(
                    Reason(Effect.BLOCK, f"{run.detector}.no-rule", run.detector, message)
                )
            elif run.status is RunStatus.SKIPPED:
                skipped.extend(rule.reasons(run))
            else:
                reasons.extend(rule.reasons(run))
        if not any(reason.effect is Effect.BLOCK for reason in reasons):
            reasons += skipped
        reasons.sort(key=lambda r: (-r.effect, -r.score))
        return Effect.greatest(r.effect for r in reasons), tuple(reasons)


def _digest(rules: tuple[GuardRule, ...]) -> str:
    plain = [
        [
            rule.guard,
            rule.stage,
            sorted((label, int(effect)) for label, effect in rule.effects.items()),
            sorted(rule.thresholds.items()),
            int(rule.on_error),
        ]
        for rule in rules
    ]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]
