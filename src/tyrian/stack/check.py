"""What types alone cannot say of a stack: names, labels, stages, files; and what to warn of."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tyrian.core.model_faults import near
from tyrian.core.registry import BUILTINS, known_detectors
from tyrian.core.taxonomy import load_taxonomy
from tyrian.errors import ConfigError, PolicyError, StackError
from tyrian.policy.guard import ANY_LABEL
from tyrian.policy.load import policy_faults, read_text
from tyrian.stack.effects import known_labels, spelled_out
from tyrian.stack.guards import MODES, GuardSpec
from tyrian.stack.hosted import is_hosted
from tyrian.stack.models import RouteSpec
from tyrian.stack.schema import GUARD_LISTS, Stack
from tyrian.stack.source import KeyPath, Source
from tyrian.stack.stage_guard import StageGuard

_CLASS_KEYS = ("block_classes", "review_classes", "redact_classes", "flag_classes")
_PATTERN_SOURCES = ("regex", "words", "words_file")
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def faults(stack: Stack, source: Source) -> Iterator[StackError]:
    """Every fault of meaning, with its place."""
    if not stack.guards() and not stack.agent.policy_runtime:
        hint = "name at least one, for example `preflight_guards: [{name: prompt_guard_2}]`"
        message = "the stack has no guards, so it would allow everything"
        yield source.error(message, ("agent",), hint=hint, of_key=True)
    for key, stage in GUARD_LISTS.items():
        seen: set[str] = set()
        for index, spec in enumerate(getattr(stack.agent, key)):
            path: KeyPath = ("agent", key, index)
            guard = StageGuard(stage, spec)
            yield from _guard_faults(guard, source, path, key)
            if guard.name in seen:
                message = f"a second guard named {guard.name!r} in {key}"
                hint = "give one of them a name of its own with `id:`"
                yield source.error(message, (*path, "name"), hint=hint)
            seen.add(guard.name)
    yield from _route_faults(stack, source)
    yield from _policy_faults(stack, source)
    yield from _sandbox_faults(stack, source)


def _guard_faults(
    guard: StageGuard, source: Source, path: KeyPath, list_key: str
) -> Iterator[StackError]:
    spec = guard.spec
    if spec.kind not in BUILTINS and spec.kind not in known_detectors():
        hint = near(spec.kind, known_detectors())
        yield source.error(f"unknown guard {spec.name!r}", (*path, "name"), hint=hint)
        return
    if spec.mode and MODES[spec.mode] is not guard.stage:
        fitting = next(mode for mode, stage in MODES.items() if stage is guard.stage)
        right = next(key for key, stage in GUARD_LISTS.items() if stage is MODES[spec.mode])
        hint = f"write {fitting!r}, or move the guard to {right}"
        yield source.error(f"{spec.mode!r} does not fit {list_key}", (*path, "mode"), hint=hint)
    yield from _pattern_faults(spec, source, path)
    extra = tuple(entry.label_at(n) for n, entry in enumerate(spec.patterns or (), 1))
    if spec.taxonomy:
        try:
            extra = (*extra, *load_taxonomy(spec.taxonomy))
        except ConfigError as error:
            yield source.error(error.message, (*path, "taxonomy"), hint=error.hint)
            return
    labels = () if _has_open_labels(spec) else known_labels(spec.kind, extra)
    yield from _label_faults(spec, source, path, labels)
    if spec.backend == "remote" and not spec.url:
        hint = "add `url:` with the address of the server"
        yield source.error("backend 'remote' needs a url", (*path, "backend"), hint=hint)


def _has_open_labels(spec: GuardSpec) -> bool:
    """True where a guard hands its texts to detectors whose labels are not known here."""
    if spec.kind != "image_text" or not isinstance(spec.options.get("detectors"), list):
        return False
    named = (one.get("name") if isinstance(one, dict) else one for one in spec.options["detectors"])
    kinds = [str(name).strip().lower().replace("-", "_") for name in named]
    return spec.taxonomy is not None or not all(known_labels(kind) for kind in kinds)


def _pattern_faults(spec: GuardSpec, source: Source, path: KeyPath) -> Iterator[StackError]:
    if spec.kind == "pattern" and not spec.patterns:
        hint = "add `patterns: [{id: codename, words: [bluebird]}]`"
        yield source.error("the guard has nothing to look for", (*path, "name"), hint=hint)
    for index, entry in enumerate(spec.patterns or ()):
        place: KeyPath = (*path, "patterns", index)
        given = [key for key in _PATTERN_SOURCES if getattr(entry, key) is not None]
        if len(given) != 1:
            hint = f"give one of {', '.join(_PATTERN_SOURCES)}"
            yield source.error("a pattern needs exactly one source", place, hint=hint)
        if entry.words_file and not entry.words_file.is_file():
            hint = "one word or phrase on each line"
            message = f"words file {str(entry.words_file)!r} is missing"
            yield source.error(message, (*place, "words_file"), hint=hint)


def _label_faults(
    spec: GuardSpec, source: Source, path: KeyPath, labels: tuple[str, ...]
) -> Iterator[StackError]:
    named: dict[str, str] = {}
    for key in _CLASS_KEYS:
        for index, word in enumerate(getattr(spec, key) or ()):
            place = (*path, key, index)
            yield from _label_fault(spec, source, place, word, labels)
            if word in named:
                hint = "a label has one effect; keep the one you mean"
                message = f"{word!r} stands in {named[word]} already"
                yield source.error(message, place, hint=hint)
            named[word] = key
    if isinstance(spec.threshold, dict):
        for word in spec.threshold:
            yield from _label_fault(
                spec, source, (*path, "threshold", word), word, labels, key=True
            )


def _label_fault(
    spec: GuardSpec,
    source: Source,
    path: KeyPath,
    word: str,
    labels: tuple[str, ...],
    *,
    key: bool = False,
) -> Iterator[StackError]:
    if not labels or word == ANY_LABEL or set(spelled_out(spec.kind, word)) <= set(labels):
        return
    by_lower = {label.lower(): label for label in labels}
    exact = by_lower.get(word.lower())
    hint = f"write {exact!r}" if exact else near(word, labels)
    yield source.error(f"{spec.name} has no label {word!r}", path, hint=hint, of_key=key)


def _route_faults(stack: Stack, source: Source) -> Iterator[StackError]:
    for index, route in enumerate(stack.routes):
        path: KeyPath = ("routes", index)
        if (route.model is None) == (not route.split):
            message = "a route leads either to a `model` or to a `split` of several"
            hint = "write `model: NAME`, or `split: {NAME: 3, OTHER: 1}`"
            yield source.error(message, path, hint=hint)
        named: list[tuple[str, KeyPath]] = []
        if route.model is not None:
            named.append((route.model, (*path, "model")))
        named += [(name, (*path, "split", name)) for name in route.split or ()]
        named += [(name, (*path, "fallbacks", i)) for i, name in enumerate(route.fallbacks)]
        if route.detected and named and all(_is_hosted(stack, name) for name, _ in named):
            message = "the route leads personal data or secrets to hosted models, where none may go"
            hint = "lead it to a model inside, or leave the route out: such requests are refused"
            yield source.error(message, (*path, "detected"), hint=hint)
        for name, place in named:
            yield from _target_faults(stack, route, name, source, place)


def _is_hosted(stack: Stack, name: str) -> bool:
    model = stack.models.get(name)
    if model is None:
        return False
    return is_hosted(model.base_url) if model.hosted is None else model.hosted


def _target_faults(
    stack: Stack, route: RouteSpec, name: str, source: Source, place: KeyPath
) -> Iterator[StackError]:
    model = stack.models.get(name)
    of_key = "split" in place
    if model is None:
        hint = near(name, stack.models) if stack.models else "add it under `models:`"
        message = f"the route leads to unknown model {name!r}"
        yield source.error(message, place, hint=hint, of_key=of_key)
    elif route.data_class and model.data_classes and route.data_class not in model.data_classes:
        allowed = ", ".join(model.data_classes)
        message = f"data of class {route.data_class!r} may not go to {name!r}"
        at = place if "fallbacks" in place or of_key else (*place[:2], "data_class")
        yield source.error(message, at, hint=f"its data_classes allow: {allowed}", of_key=of_key)


def _policy_faults(stack: Stack, source: Source) -> Iterator[StackError]:
    runtime = stack.agent.policy_runtime
    if runtime is None:
        return
    path: KeyPath = ("agent", "policy_runtime")
    if runtime.config is None:
        hint = "add `config:` with the path of a policy file"
        message = "policy_runtime names no policy, so no tool call would be judged by it"
        yield source.error(message, path, hint=hint, of_key=True)
    elif not runtime.config.is_file():
        message = f"policy file {str(runtime.config)!r} is missing"
        hint = "create it, correct the path, or leave `policy_runtime` out"
        yield source.error(message, (*path, "config"), hint=hint)
    else:
        yield from _faults_in_policy(runtime.config, source, (*path, "config"))


def _faults_in_policy(file: Path, source: Source, path: KeyPath) -> Iterator[StackError]:
    """A policy with an error never loads in part, and so neither does its stack."""
    try:
        found = policy_faults(read_text(file), str(file))
    except PolicyError as error:
        found = [error]
    for fault in found if isinstance(found, list) else ():
        yield source.error(fault.message, path, hint=fault.hint)


def _sandbox_faults(stack: Stack, source: Source) -> Iterator[StackError]:
    sandbox = stack.agent.sandbox
    if sandbox is None:
        return
    at: KeyPath = ("agent", "sandbox")
    if sandbox.type == "none" and not sandbox.i_accept_no_isolation:
        hint = "choose a driver, or write i_accept_no_isolation: true"
        yield source.error("type none isolates nothing", (*at, "type"), hint=hint)
    if sandbox.type == "container" and "@sha256:" not in sandbox.image:
        message = "the type container needs an image that is pinned by its digest"
        hint = "image: registry/name@sha256:..."
        where = (*at, "image") if sandbox.image else (*at, "type")
        yield source.error(message, where, hint=hint)
    for inside, host in sandbox.mounts.items():
        if not host.is_dir():
            message = f"there is no directory {str(host)!r}"
            yield source.error(
                message, (*at, "mounts", inside), hint="make it, or correct the path"
            )


_CODE_SHIELD = "code_shield"
"""The guard whose option `rules` names files."""


def with_absolute_paths(stack: Stack, base: Path) -> Stack:
    """The same stack with its relative paths taken from the directory of the file."""
    agent = stack.agent
    lists = {
        key: tuple(_absolute(spec, base) for spec in getattr(agent, key)) for key in GUARD_LISTS
    }
    runtime = agent.policy_runtime
    if runtime and runtime.config:
        runtime = runtime.model_copy(update={"config": base / runtime.config})
    audit = stack.audit
    if audit.path:
        audit = audit.model_copy(update={"path": base / audit.path.expanduser()})
    sandbox = agent.sandbox
    if sandbox and sandbox.mounts:
        mounts = {inside: base / host.expanduser() for inside, host in sandbox.mounts.items()}
        sandbox = sandbox.model_copy(update={"mounts": mounts})
    agent = agent.model_copy(update={**lists, "policy_runtime": runtime, "sandbox": sandbox})
    return stack.model_copy(update={"agent": agent, "audit": audit})


def _absolute(spec: GuardSpec, base: Path) -> GuardSpec:
    update: dict[str, object] = {}
    if spec.taxonomy:
        update["taxonomy"] = base / spec.taxonomy
    if spec.model and (base / spec.model).is_dir():  # a name of the shelf stays a name
        update["model"] = str(base / spec.model)
    if spec.patterns:
        update["patterns"] = tuple(
            entry.model_copy(update={"words_file": base / entry.words_file})
            if entry.words_file
            else entry
            for entry in spec.patterns
        )
    rules = spec.options.get("rules")
    if spec.kind == _CODE_SHIELD and isinstance(rules, list):
        files = [str(base / one) if isinstance(one, str) else one for one in rules]
        update["options"] = {**spec.options, "rules": files}
    return spec.model_copy(update=update) if update else spec


def warnings(stack: Stack) -> tuple[str, ...]:
    """What a reader of the file may take for protection, or overlook, although it is not so."""
    return tuple(_warnings(stack))


def _warnings(stack: Stack) -> Iterator[str]:
    agent = stack.agent
    policy = stack.tool_policy()
    if policy is not None and policy.spec.mode == "shadow":
        yield "policy_runtime in shadow mode: the policy decides and records, and stops no call"
    if agent.sandbox and agent.sandbox.type == "none":
        yield "agent.sandbox: type none isolates nothing: `tyrian run` runs the command as it is"
    elif agent.sandbox:
        yield (
            f"agent.sandbox ({agent.sandbox.type}) holds for what `tyrian run` starts; the gateway "
            "and the library run no code of the agent"
        )
    if not agent.preflight_guards:
        yield "no preflight_guards: what users write is not judged"
    if not agent.postflight_guards:
        yield "no postflight_guards: what the model answers is not judged"
    if stack.audit.include_text:
        yield "audit.include_text keeps what users write in the audit file"
    for guard in stack.guards():
        if guard.spec.on_error == "allow":
            yield f"{guard.stage} {guard.name}: on_error: allow lets pass what it could not judge"
    for name, model in stack.models.items():
        address = urlsplit(model.base_url)
        if address.scheme == "http" and address.hostname not in _LOCAL_HOSTS:
            yield f"models.{name}: http sends every prompt unencrypted"
        if model.hosted is False and is_hosted(model.base_url):
            yield (
                f"models.{name}: hosted: false takes {address.hostname} for your own; personal "
                "data and secrets may go there"
            )
