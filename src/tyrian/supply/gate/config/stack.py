"""What a stack file leaves unguarded."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.core.model_faults import in_order
from tyrian.core.registry import BUILTINS
from tyrian.errors import ConfigError, StackError
from tyrian.stack.check import faults, with_absolute_paths
from tyrian.stack.effects import family
from tyrian.stack.hosted import is_hosted
from tyrian.stack.schema import GUARD_LISTS, Stack
from tyrian.stack.source import read_source
from tyrian.stack.validate import to_stack
from tyrian.supply.gate.config.document import Document, mapping
from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.gate.model.reference import COMMIT, REPOSITORY, Reference

_KEYS = frozenset(GUARD_LISTS) | {"policy_runtime", "sandbox", "base_model"}
_JUDGES = frozenset({"prompt_guard", "content_guard", "alignment", "image_text"})
"""Families of guards that judge what a text wants; others look for things in it."""
_BLIND = 0.995
_OF_STAGE = {stage: key for key, stage in GUARD_LISTS.items()}
_STOPPING = frozenset({Stage.INPUT, Stage.TOOL_RESULT})


@dataclass(frozen=True, slots=True)
class StackFile:
    """A stack file as it was read."""

    path: str
    document: Document
    stack: Stack | None
    faults: tuple[StackError, ...] = ()

    @property
    def agent(self) -> dict[str, Any]:
        """The raw data below `agent`."""
        return mapping(mapping(self.document.data).get("agent"))

    def place(self, *keys: str | int) -> Place:
        """Where a part of it stands."""
        return Place(self.path, self.document.line(*keys))

    @property
    def has_tools(self) -> bool:
        """Whether it is for an agent that calls tools."""
        return any(self.agent.get(key) for key in ("policy_runtime", "tool_call_guards", "sandbox"))

    @property
    def lets_tools_through(self) -> bool:
        """Whether nothing in it judges what tools return, and no finding of its own says so."""
        return not self.has_tools and not self.agent.get("tool_output_guards")


def is_stack(document: Document) -> bool:
    """Whether a document is a stack file: by what stands below `agent`."""
    top = mapping(document.data)
    return "apiVersion" not in top and bool(_KEYS & mapping(top.get("agent")).keys())


def read_stack(path: str, text: str, document: Document, root: Path) -> StackFile:
    """Read a stack as the gateway would, but for what hangs on the packages installed here."""
    base = (root / path).absolute().parent
    try:
        source = read_source(text, path)
        stack = with_absolute_paths(to_stack(source), base)
    except StackError as error:
        return StackFile(path, document, None, (error,))
    except ExceptionGroup as group:
        told = tuple(one for one in group.exceptions if isinstance(one, StackError))
        return StackFile(path, document, None, told)
    found = [one for one in faults(stack, source) if not _is_own_rule(one)]
    try:
        for guard in stack.guards():
            guard.rule()
    except ConfigError as error:
        found = found or [StackError(error.message, file=path, hint=error.hint)]
    return StackFile(path, document, None if found else stack, tuple(in_order(found)))


def _is_own_rule(fault: StackError) -> bool:
    """Whether a rule of the gate tells it: guards of other packages, sandboxes of no kind."""
    return _plain(fault).startswith(("unknown guard ", "type none isolates nothing"))


def _plain(fault: StackError) -> str:
    """What a fault says, without its place."""
    place = f"{fault.file}:{fault.line}:{fault.column}: "
    return fault.message.removeprefix(place).removeprefix(f"{fault.file}: ")


def judge_stack(file: StackFile, detectors: frozenset[str]) -> Iterator[GateFinding | Reference]:
    """Findings in a stack, and the models that it pins."""
    yield from _faults(file)
    agent = file.agent
    kinds = {key: [_kind(one) for one in _rows(agent, key)] for key in GUARD_LISTS}
    yield from _unknown(file, detectors)
    judging = [kind for kind in kinds["preflight_guards"] if _is_judge(kind, detectors)]
    if not judging:
        told = ", ".join(kinds["preflight_guards"])
        why = f"preflight_guards has {told} alone" if told else "there are no preflight_guards"
        yield found(file.place("agent", "preflight_guards"), "stack-no-input-guard", "agent", why)
    content = [
        family(kind) for key in ("preflight_guards", "postflight_guards") for kind in kinds[key]
    ]
    if "content_guard" not in content:
        why = "neither preflight_guards nor postflight_guards has a content guard"
        yield found(file.place("agent"), "stack-no-content-guard", "agent", why)
    if file.has_tools and not kinds["tool_output_guards"]:
        named = next(
            key for key in ("policy_runtime", "tool_call_guards", "sandbox") if agent.get(key)
        )
        why = f"{named} says that the agent calls tools, and there are no tool_output_guards"
        yield found(file.place("agent"), "stack-no-tool-output-guard", "agent", why)
    yield from _guards(file)
    yield from _sandbox(file)
    yield from _models(file)


def _rows(agent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = agent.get(key)
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []


def _kind(row: dict[str, Any]) -> str:
    return str(row.get("name") or "").strip().lower().replace("-", "_")


def _is_judge(kind: str, detectors: frozenset[str]) -> bool:
    return family(kind) in _JUDGES or (kind not in BUILTINS and kind in detectors)


def _faults(file: StackFile) -> Iterator[GateFinding]:
    for fault in file.faults:
        yield found(Place(file.path, fault.line or 1), "stack-invalid", "stack", _plain(fault))


def _unknown(file: StackFile, detectors: frozenset[str]) -> Iterator[GateFinding]:
    for key in GUARD_LISTS:
        rows = file.agent.get(key)
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            kind = _kind(mapping(row))
            if kind and kind not in BUILTINS and kind not in detectors:
                near = difflib.get_close_matches(kind, BUILTINS, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                place = file.place("agent", key, number, "name")
                yield found(place, "guard-unknown", kind, f"{key} names {kind!r}{hint}")


def _guards(file: StackFile) -> Iterator[GateFinding]:
    for key in GUARD_LISTS:
        rows = file.agent.get(key)
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            given = mapping(row)
            name = str(given.get("id") or given.get("name") or "")
            if given.get("on_error") == "allow":
                place = file.place("agent", key, number, "on_error")
                yield found(place, "guard-fails-open", name, f"{name} of {key} has on_error: allow")
            for label, least in _thresholds(given.get("threshold")):
                if least >= _BLIND:
                    place = file.place("agent", key, number, "threshold")
                    of = f" for {label}" if label else ""
                    why = f"{name} of {key} has the threshold {least:g}{of}"
                    yield found(place, "guard-blind", name, why)
    if file.stack is None:
        return
    for stage in sorted(_STOPPING):
        guards = [one for one in file.stack.guards() if one.stage is stage]
        strongest = [max(one.rule().effects.values(), default=Effect.ALLOW) for one in guards]
        if guards and max(strongest) <= Effect.FLAG:
            key = _OF_STAGE[stage]
            names = ", ".join(one.name for one in guards)
            why = f"{key} ({names}) only flags"
            yield found(file.place("agent", key), "stage-never-stops", key, why)


def _thresholds(value: Any) -> Iterator[tuple[str, float]]:
    rows = value.items() if isinstance(value, dict) else [("", value)]
    for label, least in rows:
        try:
            yield str(label), float(least)
        except (TypeError, ValueError):
            continue


def _sandbox(file: StackFile) -> Iterator[GateFinding]:
    if mapping(file.agent.get("sandbox")).get("type") == "none":
        place = file.place("agent", "sandbox", "type")
        yield found(place, "sandbox-none", "sandbox", "sandbox.type is none")
    if file.stack is not None:
        runtime = file.stack.agent.policy_runtime
        mode = runtime.mode if runtime is not None else None
        if runtime is not None and mode is None and _may_shadow(runtime.config):
            policy = file.stack.tool_policy()
            mode = policy.spec.mode if policy is not None else None
        if mode == "shadow":
            place = file.place("agent", "policy_runtime")
            yield found(place, "policy-shadow", "policy", "the policy runs in shadow mode")


def _may_shadow(config: Path | None) -> bool:
    """Whether a policy needs to be read to tell its mode: most say nothing of shadow."""
    return config is not None and b"shadow" in config.read_bytes()


def _models(file: StackFile) -> Iterator[GateFinding | Reference]:
    agent, root = file.agent, mapping(file.document.data)
    for key in GUARD_LISTS:
        for number, row in enumerate(_rows(agent, key)):
            model, revision = str(row.get("model") or ""), str(row.get("revision") or "")
            if row.get("backend") == "remote" or not REPOSITORY.fullmatch(model):
                continue
            place = file.place("agent", key, number, "revision" if revision else "model")
            yield _pinned(place, model, revision, f"the guard {row.get('name')} of {key}")
    models = mapping(root.get("models"))
    for name, given in models.items():
        row = mapping(given)
        repository = str(row.get("model") or name)
        hosted = row.get("hosted")
        outside = is_hosted(str(row.get("base_url") or "")) if hosted is None else hosted
        if outside or not REPOSITORY.fullmatch(repository):
            continue  # whose weights nobody here can pin
        revision = str(row.get("revision") or "")
        place = file.place("models", name, *(("revision",) if revision else ()))
        yield _pinned(place, repository, revision, f"the model {name}")
    base = str(agent.get("base_model") or "")
    if REPOSITORY.fullmatch(base) and base not in models:
        place = file.place("agent", "base_model")
        why = f"base_model is {base}, and `models` has no entry for it with a revision"
        yield found(place, "model-floating", base, why)


def _pinned(place: Place, repository: str, revision: str, what: str) -> GateFinding | Reference:
    if COMMIT.fullmatch(revision):
        return Reference(place, repository, revision)
    at = f"at {revision[:40]!r}, which can be moved" if revision else "and no revision"
    return found(place, "model-floating", repository, f"{what} names {repository} {at}")
