"""What another stack would change, in words; what makes it weaker comes first.

Guards are compared by what follows from what they find, and everything else field by field, so
that no change is left out because nobody thought of its words.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.policy.guard import ANY_LABEL, GuardRule
from tyrian.stack.guards import GuardSpec
from tyrian.stack.schema import GUARD_LISTS, Stack
from tyrian.stack.stage_guard import StageGuard

Json = Mapping[str, Any]


class Weight(IntEnum):
    """Which way a change goes."""

    WEAKER = 0
    """Less is judged, stopped or kept in; or something goes to another place than before."""
    OTHER = 1
    STRONGER = 2


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would be different."""

    weight: Weight
    text: str


PLACES: Final[Mapping[Stage, str]] = {
    Stage.INPUT: "what users write",
    Stage.OUTPUT: "what models answer",
    Stage.TOOL_CALL: "tool calls",
    Stage.TOOL_RESULT: "what tools return",
    Stage.DOCUMENT: "documents",
}
_VERBS: Final = {
    Effect.ALLOW: "let pass",
    Effect.FLAG: "flagged",
    Effect.REDACT: "redacted",
    Effect.REVIEW: "held",
    Effect.BLOCK: "blocked",
}
_LABELS_SHOWN: Final = 12
_RULES: Final = frozenset(
    ("name", "id", "mode", "block_classes", "review_classes", "redact_classes", "flag_classes",
     "threshold", "on_error")
)  # fmt: skip
"""Fields of a guard that its rule stands for."""


def changes(old: Stack, new: Stack) -> list[Change]:
    """Everything that differs in effect; empty where only words or layout do."""
    found = [*_guards(old, new), *_models(old, new), *_routes(old, new), *_policy(old, new)]
    found += _rest(_plain(old), _plain(new), _SETTINGS)
    return sorted(found, key=lambda change: change.weight)


def is_weaker(found: Sequence[Change]) -> bool:
    """Whether anything gets weaker."""
    return any(change.weight is Weight.WEAKER for change in found)


def _guards(old: Stack, new: Stack) -> Iterator[Change]:
    before = {(guard.stage, guard.name): guard for guard in old.guards()}
    after = {(guard.stage, guard.name): guard for guard in new.guards()}
    for stage, place in PLACES.items():
        for key in [key for key in before if key[0] is stage and key not in after]:
            yield Change(Weight.WEAKER, f"The guard {key[1]} of {place} is removed")
        for key in [key for key in after if key[0] is stage and key not in before]:
            kind = after[key].kind
            of = f" ({kind})" if kind != key[1] else ""
            yield Change(Weight.STRONGER, f"The guard {key[1]}{of} of {place} is added")
        had, has = (any(key[0] is stage for key in one) for one in (before, after))
        if had and not has:
            yield Change(Weight.WEAKER, f"Nothing judges {place} any more")
    for key in before:
        if key in after:
            yield from _guard(before[key], after[key], f"{key[1]} of {PLACES[key[0]]}")


def _guard(old: StageGuard, new: StageGuard, name: str) -> Iterator[Change]:
    if old.kind != new.kind:
        yield Change(Weight.WEAKER, f"{name}: {new.kind} takes the place of {old.kind}")
    before, after = old.rule(), new.rule()
    yield from _effects(before, after, name)
    yield from _thresholds(before, after, name)
    if before.on_error is not after.on_error:
        yield Change(
            _falls(before.on_error, after.on_error),
            f"{name}: what it cannot judge is {_VERBS[after.on_error]}, no longer"
            f" {_VERBS[before.on_error]}",
        )
    for change in _rest(_settings(old.spec), _settings(new.spec), _GUARD_FIELDS):
        yield Change(change.weight, f"{name}: {change.text}")


def _effects(old: GuardRule, new: GuardRule, name: str) -> Iterator[Change]:
    moved: dict[tuple[Effect, Effect], list[str]] = {}
    for label in sorted({*old.effects, *new.effects}):
        before = old.effects.get(label, old.effects.get(ANY_LABEL, Effect.ALLOW))
        after = new.effects.get(label, new.effects.get(ANY_LABEL, Effect.ALLOW))
        if before is not after:
            moved.setdefault((before, after), []).append(label)
    for (before, after), labels in moved.items():
        yield Change(
            _falls(before, after),
            f"{name}: {_named(labels)} {_VERBS[after]}, no longer {_VERBS[before]}",
        )


def _thresholds(old: GuardRule, new: GuardRule, name: str) -> Iterator[Change]:
    moved: dict[tuple[float, float], list[str]] = {}
    labels = {*old.thresholds, *new.thresholds, ANY_LABEL}
    for label in sorted(labels):
        before, after = old.threshold(label), new.threshold(label)
        if before != after:
            moved.setdefault((before, after), []).append(label)
    for (before, after), found in moved.items():
        weight = Weight.WEAKER if after > before else Weight.STRONGER
        how = "later" if after > before else "sooner"
        yield Change(
            weight, f"{name}: acts {how} on {_named(found)}, from {after:g} and not {before:g}"
        )


def _named(labels: Sequence[str]) -> str:
    if list(labels) == [ANY_LABEL]:
        return "whatever is not named"
    told = ["whatever else" if label == ANY_LABEL else label for label in labels]
    more = f" and {len(told) - _LABELS_SHOWN} more" if len(told) > _LABELS_SHOWN else ""
    return ", ".join(told[:_LABELS_SHOWN]) + more


def _models(old: Stack, new: Stack) -> Iterator[Change]:
    for name in old.models.keys() - new.models.keys():
        yield Change(Weight.OTHER, f"The model {name} is no longer served")
    for name in sorted(new.models.keys() - old.models.keys()):
        model = new.models[name]
        key = f", with the value of ${model.api_key_env}" if model.api_key_env else ""
        yield Change(Weight.WEAKER, f"The model {name} is new: prompts go to {model.base_url}{key}")
    for name in sorted(old.models.keys() & new.models.keys()):
        before, after = (one.models[name].model_dump(mode="json") for one in (old, new))
        for change in _rest(before, after, _MODEL_FIELDS):
            yield Change(change.weight, f"The model {name}: {change.text}")


def _routes(old: Stack, new: Stack) -> Iterator[Change]:
    before, after = ([_told(r.model_dump(mode="json", exclude_defaults=True)) for r in one.routes]
                     for one in (old, new))  # fmt: skip
    for route in before:
        if route not in after:
            yield Change(Weight.OTHER, f"A route is removed: {route}")
    for route in after:
        if route not in before:
            yield Change(Weight.OTHER, f"A route is added: {route}")
    if before != after and sorted(before) == sorted(after):
        yield Change(Weight.OTHER, "The routes stand in another order; the first that fits decides")


def _policy(old: Stack, new: Stack) -> Iterator[Change]:
    before, after = old.agent.policy_runtime, new.agent.policy_runtime
    if before and not after:
        yield Change(Weight.WEAKER, "The tool policy is removed")
    elif after and not before:
        yield Change(Weight.STRONGER, f"A tool policy is added: {after.config}")
    elif before and after:
        if before.config != after.config:
            yield Change(
                Weight.WEAKER, f"Another tool policy: {after.config}, no longer {before.config}"
            )
        if before.mode != after.mode:
            to_shadow = after.mode == "shadow"
            yield Change(
                Weight.WEAKER if to_shadow else Weight.OTHER,
                f"The tool policy's mode is {after.mode or 'its own'}, no longer"
                f" {before.mode or 'its own'}{': it stops nothing' if to_shadow else ''}",
            )


Judge = Callable[[Any, Any], Weight]


def _rest(old: Json, new: Json, judges: Mapping[str, Judge]) -> Iterator[Change]:
    """Fields that differ, each by the path to it."""
    before, after = dict(_flat(old, "")), dict(_flat(new, ""))
    for path in [*before, *(path for path in after if path not in before)]:
        one, other = before.get(path), after.get(path)
        if one == other:
            continue
        judge = judges.get(path) or judges.get(path.partition(".")[0]) or _other
        yield Change(judge(one, other), f"{path} is {_told(other)}, no longer {_told(one)}")


def _flat(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, data


def _told(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "not set"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_told(one)}" for key, one in value.items())
    return str(value)


def _plain(stack: Stack) -> Json:
    """What is not compared in words of its own."""
    data = stack.model_dump(mode="json", exclude={"models", "routes"})
    agent = {
        key: value
        for key, value in data["agent"].items()
        if key not in GUARD_LISTS and key != "policy_runtime"
    }
    return {**data, "agent": agent}


def _settings(spec: GuardSpec) -> Json:
    return spec.model_dump(mode="json", exclude=set(_RULES))


def _falls(before: Effect, after: Effect) -> Weight:
    return Weight.WEAKER if after < before else Weight.STRONGER


def _other(_before: Any, _after: Any) -> Weight:
    return Weight.OTHER


def _weaker(_before: Any, _after: Any) -> Weight:
    return Weight.WEAKER


def _weaker_when_less(before: Any, after: Any) -> Weight:
    return Weight.WEAKER if (after or 0) < (before or 0) else Weight.STRONGER


def _weaker_when_on(_before: Any, after: Any) -> Weight:
    return Weight.WEAKER if after else Weight.STRONGER


def _weaker_when_longer(before: Any, after: Any) -> Weight:
    """For lists of what is left out."""
    return Weight.WEAKER if set(after or ()) - set(before or ()) else Weight.STRONGER


def _weaker_when_shorter(before: Any, after: Any) -> Weight:
    """For lists of what is looked for, where no list stands for all."""
    if not before:
        return Weight.WEAKER
    return Weight.WEAKER if after and set(before) - set(after) else Weight.STRONGER


def _by_tier(before: Any, after: Any) -> Weight:
    tiers = ("public", "developer", "partner", "operator")
    return Weight.WEAKER if tiers.index(after) < tiers.index(before) else Weight.STRONGER


_GUARD_FIELDS: Final[Mapping[str, Judge]] = {
    "model": _weaker,
    "backend": _weaker,
    "revision": _weaker,
    "url": _weaker,
    "fallback": _weaker,
    "cascade": _weaker,
    "taxonomy": _weaker,
    "patterns": _weaker,
    "options": _weaker,
    "timeout_s": _other,
    "redact_with": _other,
    "ignore": _weaker_when_longer,
    "allowed_hosts": _weaker_when_longer,
    "entities": _weaker_when_shorter,
    "regions": _weaker_when_shorter,
    "countries": _weaker_when_shorter,
}
"""What finds less, or cannot be told, counts as weaker: a person looks."""

_MODEL_FIELDS: Final[Mapping[str, Judge]] = {
    "base_url": _weaker,
    "api_key_env": _weaker,
    "hosted": _weaker,
    "data_classes": _weaker,
    "tier": _by_tier,
}
_SETTINGS: Final[Mapping[str, Judge]] = {
    "audit.include_text": _weaker_when_on,
    "audit.path": _weaker,
    "stream.hold_back": _weaker_when_less,
    "review.webhook": _weaker,
    "review.webhook_secret_env": _weaker,
    "spend_alerts.webhook": _weaker,
    "spend_alerts.webhook_secret_env": _weaker,
    "spend_alerts.mail.host": _weaker,
    "spend_alerts.mail.port": _weaker,
    "spend_alerts.mail.security": _weaker,
    "spend_alerts.mail.username": _weaker,
    "spend_alerts.mail.password_env": _weaker,
    "agent.sandbox": _weaker,
}
