"""The guards of a stack as parts: which run, with what they are pinned to, and how they are set."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from tyrian.core.detection import DetectorInfo, Stage
from tyrian.core.registry import BUILTINS, ENTRY_POINT_GROUP
from tyrian.stack.schema import Stack
from tyrian.stack.stage_guard import StageGuard
from tyrian.supply.aibom.document import compact
from tyrian.supply.aibom.models import files_below, tree_digest_of
from tyrian.supply.aibom.packages import record_digest
from tyrian.supply.aibom.parts import FilePart, GuardPart, ModelPart
from tyrian.supply.lock.digest import digest_file

Infos = Sequence[tuple[Stage, DetectorInfo]]
"""Which detectors run at which stage, as the firewall built them."""
WeightsOf = Callable[[DetectorInfo, str], Sequence[ModelPart]]
"""The models that a detector reads; the text is what the stack names as its model."""
TOOL_POLICY = "tool_policy"


def no_weights(info: DetectorInfo, model: str) -> Sequence[ModelPart]:
    """No model at all."""
    return ()


def guards_of(
    infos: Infos, stack: Stack | None = None, weights_of: WeightsOf = no_weights
) -> tuple[tuple[GuardPart, ...], tuple[ModelPart, ...]]:
    """The guards in the order of their stages, and the models that they read, each once.

    With the stack each guard gets its settings as well.
    """
    staged = {(one.stage, one.name): one for one in stack.guards()} if stack else {}
    policy = _policy_file(stack)
    guards: list[GuardPart] = []
    models: dict[str, ModelPart] = {}
    for stage, info in infos:
        one = staged.get((stage, info.name))
        weights = weights_of(info, one.spec.model if one else "")
        models |= {model.ref: model for model in weights}
        notes = _settings(one) if one else {}
        notes |= {"fallback": info.fallback, "note": info.note}
        if one is not None and one.spec.revision:
            notes["revision-asked-for"] = one.spec.revision
        guards.append(
            GuardPart(
                stage=stage.value,
                name=info.name,
                kind=info.kind,
                backend=info.backend,
                model=info.model,
                revision=info.revision,
                digest=_digest(info, weights, policy),
                labels=info.labels,
                weights=tuple(model.ref for model in weights),
                notes=MappingProxyType({key: value for key, value in notes.items() if value}),
            )
        )
    return tuple(guards), tuple(models.values())


def declared(stack: Stack) -> Infos:
    """What the stack says of its guards, where none of them is to be built."""
    found = [
        (
            one.stage,
            DetectorInfo(
                name=one.name,
                kind=one.kind,
                labels=(),
                backend=one.spec.backend or "",
                model=one.spec.model,
                revision=one.spec.revision,
            ),
        )
        for one in stack.guards()
    ]
    if policy := stack.tool_policy():
        info = DetectorInfo(TOOL_POLICY, TOOL_POLICY, (), revision=policy.digest)
        found.append((Stage.TOOL_CALL, info))
    return found


def _digest(info: DetectorInfo, weights: Sequence[ModelPart], policy: Path | None) -> str:
    """Of its weights where all are known, of the policy's file, or of the code of its rules."""
    if info.kind == TOOL_POLICY:
        return f"sha256:{digest_file(str(policy)).sha256}" if policy else ""
    if weights and all(model.digest for model in weights):
        if len(weights) == 1:
            return weights[0].digest
        lines = sorted(f"{model.digest}  {model.name}\n" for model in weights)
        return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"
    if info.backend in ("builtin", "embedded", ""):
        return code_digest(info.kind)
    return ""


def code_digest(kind: str) -> str:
    """The digest of a detector's code, `sha256:...`; empty where it is nowhere to be read."""
    if kind not in BUILTINS:
        for point in entry_points(group=ENTRY_POINT_GROUP).select(name=kind):
            return record_digest((point.dist.read_text("RECORD") or "") if point.dist else "")
        return ""
    spec = find_spec(BUILTINS[kind].partition(":")[0])
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        return ""
    place = Path(spec.origin)
    if place.parent.name == "detectors":
        file = FilePart(path=place.name, sha256=digest_file(str(place)).sha256)
        return tree_digest_of([file])
    files = files_below(place.parent)
    return tree_digest_of([one for one in files if "__pycache__" not in one.path])


def _settings(guard: StageGuard) -> dict[str, str]:
    """What the stack says of a guard, and a digest over all of it."""
    rule = guard.rule()
    spec = _placeless(guard.spec.model_dump(exclude_defaults=True))
    return {
        "configuration": f"sha256:{hashlib.sha256(compact(spec)).hexdigest()}",
        "effects": pairs(rule.effects),
        "thresholds": pairs(rule.thresholds),
        "on-error": str(rule.on_error),
    }


def _placeless(value: object) -> object:
    """Settings with the digests of files in place of their paths, the same on every machine."""
    if isinstance(value, Path):
        return f"sha256:{digest_file(str(value.resolve())).sha256}"
    if isinstance(value, Mapping):
        return {str(key): _placeless(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_placeless(one) for one in value]
    if isinstance(value, str) and value.startswith("/"):
        return Path(value).name
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def pairs(told: Mapping[str, object]) -> str:
    """Labels with what they have, in order: `*=block, secret=redact`."""
    return ", ".join(f"{key}={value}" for key, value in sorted(told.items()))


def _policy_file(stack: Stack | None) -> Path | None:
    runtime = stack.agent.policy_runtime if stack else None
    return runtime.config if runtime else None


def configuration_files(stack: Stack, path: Path | None) -> Iterable[FilePart]:
    """The stack's own file and those that it names, by their bytes."""
    named: list[tuple[str, Path | None]] = [("stack", path), ("policy", _policy_file(stack))]
    for guard in stack.guards():
        named.append(("taxonomy", guard.spec.taxonomy))
        named += [("words", entry.words_file) for entry in guard.spec.patterns or ()]
    seen: set[Path] = set()
    for kind, place in named:
        if place is None or place.resolve() in seen:
            continue
        seen.add(place.resolve())
        found = digest_file(str(place.resolve()))
        yield FilePart(path=f"{kind}/{place.name}", sha256=found.sha256, size=found.size)
