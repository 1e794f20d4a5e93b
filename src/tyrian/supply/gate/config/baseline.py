"""The baseline: which guards were agreed on, and what became weaker or another since.

A JSON file that `tyrian gate --write-baseline` writes, kept where changes to it are looked at.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tyrian.core.decision import Effect
from tyrian.errors import ConfigError
from tyrian.stack.schema import GUARD_LISTS, Stack
from tyrian.stack.stage_guard import StageGuard
from tyrian.supply.gate.config.stack import StackFile
from tyrian.supply.gate.finding import GateFinding, Place, found

FORMAT = 1
_MOST_BYTES = 1 << 24
_ANY = "*"
"""In effects and thresholds: every label that is not named."""
_SANDBOXES = ("none", "container", "landlock", "bubblewrap", "gvisor")


class GuardBase(msgspec.Struct, frozen=True, kw_only=True):
    """One guard as it was agreed on."""

    key: str
    """The list that it stands in."""
    name: str
    kind: str
    effects: dict[str, str]
    thresholds: dict[str, float]
    on_error: str
    backend: str = ""
    model: str = ""
    revision: str = ""


class StackBase(msgspec.Struct, frozen=True, kw_only=True):
    """One stack as it was agreed on."""

    path: str
    guards: tuple[GuardBase, ...]
    sandbox: str = ""
    policy: str = ""
    """SHA-256 of the policy file, hexadecimal."""
    policy_mode: str = ""


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All stacks."""

    format: int = FORMAT
    stacks: tuple[StackBase, ...] = ()


def baseline_of(files: Sequence[StackFile]) -> Baseline:
    """The baseline of what is here now; ConfigError where a stack does not load."""
    for file in files:
        if file.stack is None:
            raise ConfigError(
                f"{file.path} does not load, so it can be no baseline",
                hint=f"tyrian stack check {file.path}",
            )
    rows = [_stack(file.path, file.stack) for file in files if file.stack is not None]
    return Baseline(stacks=tuple(sorted(rows, key=lambda one: one.path)))


def encode_baseline(baseline: Baseline) -> bytes:
    """The bytes of the file; the same for the same stacks."""
    return (
        msgspec.json.format(msgspec.json.encode(baseline, order="deterministic"), indent=1) + b"\n"
    )


def read_baseline(path: Path) -> Baseline:
    """A baseline from its file; ConfigError where it is none."""
    try:
        with path.open("rb") as stream:
            baseline = msgspec.json.decode(stream.read(_MOST_BYTES), type=Baseline)
    except OSError as error:
        hint = "write one: tyrian gate --write-baseline FILE"
        raise ConfigError(f"baseline {path}: {error.strerror}", hint=hint) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no baseline: {error}") from None
    if baseline.format != FORMAT:
        raise ConfigError(f"{path} has format {baseline.format}, and this Tyrian reads {FORMAT}")
    return baseline


def _stack(path: str, stack: Stack) -> StackBase:
    runtime, sandbox = stack.agent.policy_runtime, stack.agent.sandbox
    policy, mode = "", ""
    if runtime is not None and runtime.config is not None:
        policy = hashlib.sha256(runtime.config.read_bytes()).hexdigest()
        judged = stack.tool_policy()
        mode = judged.spec.mode if judged is not None else ""
    return StackBase(
        path=path,
        guards=tuple(_guard(one) for one in stack.guards()),
        sandbox=sandbox.type if sandbox else "",
        policy=policy,
        policy_mode=mode,
    )


def _guard(one: StageGuard) -> GuardBase:
    rule = one.rule()
    key = next(key for key, stage in GUARD_LISTS.items() if stage is one.stage)
    return GuardBase(
        key=key,
        name=one.name,
        kind=one.kind,
        effects={label: str(effect) for label, effect in rule.effects.items()},
        thresholds=dict(rule.thresholds),
        on_error=one.spec.on_error,
        backend=one.spec.backend or "",
        model=one.spec.model,
        revision=one.spec.revision,
    )


def judge_baseline(
    baseline: Baseline, files: Sequence[StackFile], place: Place
) -> Iterator[GateFinding]:
    """What is weaker, or another, than the baseline has it; what became stronger is no finding."""
    here = {file.path: file for file in files}
    for stack in baseline.stacks:
        file = here.get(stack.path)
        if file is None:
            why = f"{stack.path} is in the baseline, and not here"
            yield found(place, "guard-drift", stack.path, why)
        elif file.stack is not None:  # one that does not load is a finding already
            yield from _changes(stack, _stack(file.path, file.stack), file)
    for path in sorted(here.keys() - {one.path for one in baseline.stacks}):
        why = f"{path} is not in the baseline, so nobody agreed on its guards"
        yield found(here[path].place("agent"), "guard-drift", path, why)


def _changes(old: StackBase, new: StackBase, file: StackFile) -> Iterator[GateFinding]:
    now = {(one.key, one.name): (number, one) for number, one in _numbered(new)}
    for guard in old.guards:
        known = now.get((guard.key, guard.name))
        if known is None:
            why = f"{guard.name} of {guard.key} was removed"
            yield found(file.place("agent", guard.key), "guard-drift", guard.name, why)
            continue
        number, other = known
        for key, why in _weaker(guard, other):
            at = file.place("agent", guard.key, number, key)
            told = f"{guard.name} of {guard.key}: {why}"
            yield found(at, "guard-drift", guard.name, told)
    if _rank(new.sandbox) < _rank(old.sandbox):
        why = f"the sandbox was {old.sandbox}, and is {new.sandbox or 'gone'}"
        yield found(file.place("agent", "sandbox"), "guard-drift", "sandbox", why)
    if old.policy and new.policy != old.policy:
        told = "is another" if new.policy else "is gone"
        why = f"the policy file {told} (SHA-256 was {old.policy[:12]})"
        yield found(file.place("agent", "policy_runtime"), "guard-drift", "policy", why)
    if old.policy_mode == "enforce" and new.policy_mode == "shadow":
        why = "the policy enforced, and now only records"
        yield found(file.place("agent", "policy_runtime"), "guard-drift", "policy", why)


def _numbered(stack: StackBase) -> Iterator[tuple[int, GuardBase]]:
    counts: dict[str, int] = {}
    for one in stack.guards:
        yield counts.setdefault(one.key, 0), one
        counts[one.key] += 1


def _rank(sandbox: str) -> int:
    return _SANDBOXES.index(sandbox) if sandbox in _SANDBOXES else -1


def _weaker(old: GuardBase, new: GuardBase) -> Iterator[tuple[str, str]]:
    """The key of each change, and what it is."""
    for label in sorted({*old.effects, *new.effects}):
        before, after = _effect(old.effects, label), _effect(new.effects, label)
        if after < before:
            yield "block_classes", f"{label} was {before}, and is {after}"
    for label in sorted({*old.thresholds, *new.thresholds}):
        was, is_now = _least(old.thresholds, label), _least(new.thresholds, label)
        if is_now > was:
            yield "threshold", f"the threshold of {label} was {was:g}, and is {is_now:g}"
    if Effect.parse(new.on_error) < Effect.parse(old.on_error):
        yield "on_error", f"on_error was {old.on_error}, and is {new.on_error}"
    for key in ("kind", "backend", "model", "revision"):
        was, is_now = getattr(old, key), getattr(new, key)
        if was != is_now:
            yield key, f"{key} was {was or 'not given'}, and is {is_now or 'not given'}"


def _effect(effects: Mapping[str, Any], label: str) -> Effect:
    return Effect.parse(effects.get(label, effects.get(_ANY, "allow")))


def _least(thresholds: Mapping[str, float], label: str) -> float:
    return thresholds.get(label, thresholds.get(_ANY, 0.0))
