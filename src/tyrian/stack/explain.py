"""What a stack does, guard by guard, in words and as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tyrian.core.detection import DetectorInfo, Stage
from tyrian.policy.guard import ANY_LABEL, GuardRule
from tyrian.stack.check import warnings
from tyrian.stack.effects import known_labels
from tyrian.stack.hosted import is_hosted
from tyrian.stack.models import RouteSpec
from tyrian.stack.schema import Stack
from tyrian.stack.stage_guard import StageGuard


@dataclass(frozen=True, slots=True)
class GuardExplanation:
    """One guard: what it looks for, what follows, and what really runs."""

    stage: str
    name: str
    kind: str
    effects: Mapping[str, str]
    """Label to effect; `*` stands for every label not named."""
    thresholds: Mapping[str, float]
    on_error: str
    timeout_s: float
    backend: str
    model: str
    fallback: str
    """Why something else runs than the file asks for; empty where it does not."""
    cascade: str
    """What is asked first, and when the guard itself is; empty where nothing is."""
    note: str
    """What to know before relying on what runs, and what a cascade always asks it."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A whole stack, explained."""

    base_model: str
    guards: tuple[GuardExplanation, ...]
    unguarded: tuple[str, ...]
    """Stages at which nothing is judged."""
    models: tuple[str, ...]
    routes: tuple[str, ...]
    settings: tuple[str, ...]
    warnings: tuple[str, ...]


def explain(stack: Stack, infos: Iterable[tuple[Stage, DetectorInfo]] = ()) -> Explanation:
    """Explain a stack; `infos` tells which detectors really run, as the firewall built them."""
    built = {(stage, info.name): info for stage, info in infos}
    guards = stack.guards()
    used = {guard.stage for guard in guards}
    if stack.agent.policy_runtime:
        used.add(Stage.TOOL_CALL)
    return Explanation(
        base_model=stack.base_model,
        guards=tuple(_guard(guard, built.get((guard.stage, guard.name))) for guard in guards),
        unguarded=tuple(stage.value for stage in Stage if stage not in used),
        models=tuple(_models(stack)),
        routes=tuple(map(_route, stack.routes)),
        settings=tuple(_settings(stack)),
        warnings=warnings(stack),
    )


def _guard(guard: StageGuard, info: DetectorInfo | None) -> GuardExplanation:
    rule = guard.rule()
    return GuardExplanation(
        stage=guard.stage.value,
        name=guard.name,
        kind=guard.kind,
        effects={label: str(effect) for label, effect in rule.effects.items()},
        thresholds=_thresholds(guard, rule),
        on_error=str(rule.on_error),
        timeout_s=guard.spec.timeout_s,
        backend=info.backend if info else guard.spec.backend or "",
        model=info.model if info else guard.spec.model,
        fallback=info.fallback if info else "",
        cascade=_cascade(guard, info),
        note=info.note if info else "",
    )


def _cascade(guard: StageGuard, info: DetectorInfo | None) -> str:
    spec = guard.spec.cascade
    if spec is None:
        return ""
    if info is not None and info.backend == "embedded":
        return "no effect: the embedded model runs anyway"
    low, high = spec.unsure
    wait = f" and {spec.max_wait_s:g} s" if spec.max_wait_s is not None else ""
    return (
        f"the embedded model first; this one from {low:g} up to {high:g}, "
        f"for {spec.max_share:.0%} of messages{wait} at most, then: {spec.over_budget}"
    )


def _thresholds(guard: StageGuard, rule: GuardRule) -> Mapping[str, float]:
    """The general threshold first, then the labels that have another."""
    general = rule.threshold(ANY_LABEL)
    named = {*rule.thresholds, *known_labels(guard.kind)} - {ANY_LABEL}
    other = {
        label: rule.threshold(label) for label in sorted(named) if rule.threshold(label) != general
    }
    return {ANY_LABEL: general, **other}


def _models(stack: Stack) -> Iterable[str]:
    for name, model in stack.models.items():
        key = f", key from ${model.api_key_env}" if model.api_key_env else ", no key"
        data = f", data: {', '.join(model.data_classes)}" if model.data_classes else ""
        is_theirs = is_hosted(model.base_url) if model.hosted is None else model.hosted
        where = ", hosted" if is_theirs else ""
        yield f"{name}: {model.base_url}{where}{key}, {'+'.join(model.modalities)}{data}"


def _route(route: RouteSpec) -> str:
    conditions = [
        f"{word} {', '.join(names)}"
        for word, names in (
            ("key", route.keys),
            ("tier", route.tiers),
            ("detected", route.detected),
        )
        if names
    ]
    only = f" ({'; '.join(conditions)})" if conditions else ""
    shares = route.targets
    to = [f"{name} x{shares[name]}" if len(shares) > 1 else name for name in shares]
    then = f", then {', then '.join(route.fallbacks)}" if route.fallbacks else ""
    return f"{route.match}{only} -> {' | '.join(to)}{then}"


def _settings(stack: Stack) -> Iterable[str]:
    if (policy := stack.tool_policy()) and stack.agent.policy_runtime:
        count = len(policy.spec.tools)
        how = "enforced" if policy.spec.mode == "enforce" else "in shadow mode"
        yield (
            f"tool policy: {stack.agent.policy_runtime.config}, {how}, {count} "
            f"tool{'s' * (count != 1)}, others: {policy.spec.default} (digest {policy.digest})"
        )
    audit = stack.audit
    text = "with the text" if audit.include_text else "without the text"
    where = audit.path or "audit.jsonl in the state directory (gateway only)"
    yield f"audit: {where}, {text}"
    yield f"stream: {stack.stream.hold_back} characters held back"
    cache = stack.cache
    yield f"cache: {cache.size} decisions for {cache.ttl_s:g} s" if cache.size else "cache: off"


def as_text(explanation: Explanation) -> str:
    """The explanation for people."""
    lines = [f"base model: {explanation.base_model or '(none named)'}"]
    stage = ""
    for guard in explanation.guards:
        if guard.stage != stage:
            stage = guard.stage
            lines += ["", f"{stage}:"]
        lines += _guard_lines(guard)
    if explanation.unguarded:
        lines += ["", f"not judged at all: {', '.join(explanation.unguarded)}"]
    for title, entries in (
        ("models", explanation.models),
        ("routes", explanation.routes),
        ("settings", explanation.settings),
        ("warnings", explanation.warnings),
    ):
        if entries:
            lines += ["", f"{title}:", *(f"  {entry}" for entry in entries)]
    return "\n".join(lines)


def _guard_lines(guard: GuardExplanation) -> Iterable[str]:
    kind = f" ({guard.kind})" if guard.kind != guard.name else ""
    yield f"  {guard.name}{kind}"
    effects: dict[str, list[str]] = {}
    for label, effect in guard.effects.items():
        word = "every other label" if label == ANY_LABEL and len(guard.effects) > 1 else label
        effects.setdefault(effect, []).append("every label" if word == ANY_LABEL else word)
    for effect, labels in effects.items():
        yield f"    {effect}: {', '.join(labels)}"
    general = guard.thresholds[ANY_LABEL]
    others = ", ".join(f"{k} {v:g}" for k, v in guard.thresholds.items() if k != ANY_LABEL)
    yield f"    threshold: {general:g}" + (f" ({others})" if others else "")
    yield f"    if it fails or takes over {guard.timeout_s:g} s: {guard.on_error}"
    yield f"    runs: {guard.backend or 'unknown'}" + (f", {guard.model}" if guard.model else "")
    if guard.cascade:
        yield f"    cascade: {guard.cascade}"
    if guard.note:
        yield f"    note: {guard.note}"
    if guard.fallback:
        yield f"    fell back: {guard.fallback}"
