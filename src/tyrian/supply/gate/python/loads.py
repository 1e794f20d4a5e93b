"""Models that Python programs fetch: revisions that float, and code that comes with a model."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.gate.model.reference import COMMIT, REPOSITORY, Reference
from tyrian.supply.gate.python.evaluate import Evaluator
from tyrian.supply.gate.python.frameworks import LOADER_HOMES, LOADERS
from tyrian.supply.gate.python.source import Scope, keyword
from tyrian.supply.gate.python.value import Kind, Value

_HUB = re.compile(r"[\w.-]+/[\w.-]+(?::(?P<ref>[\w./-]+))?", re.ASCII)


def judge_loads(evaluator: Evaluator, root: Path) -> Iterator[GateFinding | Reference]:
    """Findings, and the references that are pinned, of every call that fetches a model."""
    for module in evaluator.modules:
        for scope in module.scopes():
            for call in scope.calls:
                yield from _of_call(call, scope, evaluator, root)


def _of_call(
    call: ast.Call, scope: Scope, evaluator: Evaluator, root: Path
) -> Iterator[GateFinding | Reference]:
    place = evaluator.place(call, scope)
    for key in ("trust_remote_code", "trust_repo"):
        given = keyword(call, key)
        if isinstance(given, ast.Constant) and given.value is True:
            why = f"{ast.unparse(call.func)[:60]}() is given {key}=True"
            yield found(place, "remote-code", _named(call, scope, evaluator), why)
    for one in call.keywords:  # options handed on: model_kwargs={"trust_remote_code": True}
        if isinstance(one.value, ast.Dict):
            for key_node, value in zip(one.value.keys, one.value.values, strict=True):
                is_remote = isinstance(key_node, ast.Constant) and key_node.value in (
                    "trust_remote_code",
                )
                if is_remote and isinstance(value, ast.Constant) and value.value is True:
                    why = f"{one.arg or 'an option'} holds trust_remote_code: True"
                    yield found(place, "remote-code", _named(call, scope, evaluator), why)
    target = evaluator.value(call.func, scope)
    dotted = target.text if target.kind is Kind.NAME else ""
    last = dotted.rpartition(".")[2]
    if dotted in ("torch.hub.load", "torch.hub.load_state_dict_from_url"):
        yield from _torch_hub(call, scope, evaluator, place)
    elif last in LOADERS and dotted.split(".")[0] in LOADER_HOMES:
        name_key, revision_key = LOADERS[last]
        given = keyword(call, name_key, "model", "model_id", "repo_id")
        if given is None and call.args:
            given = call.args[1 if last == "pipeline" and len(call.args) > 1 else 0]
        name = evaluator.value(given, scope)
        is_gguf = last == "from_pretrained" and dotted.startswith("llama_cpp")
        if name.kind is not Kind.TEXT or is_gguf or not _is_hub(name.text, place, root):
            return
        revision = evaluator.value(keyword(call, revision_key), scope)
        yield _pinned(place, name.text, revision, keyword(call, revision_key), last)


def _pinned(
    place: Place, repository: str, revision: Value, given: ast.expr | None, what: str
) -> GateFinding | Reference:
    if revision.kind is Kind.TEXT and COMMIT.fullmatch(revision.text):
        return Reference(place, repository, revision.text, is_data=what == "load_dataset")
    if given is None:
        why = f"{what}() names {repository} and no revision, so it gets whatever main is"
    elif revision.kind is Kind.TEXT:
        why = f"{what}() names {repository} at {revision.text[:40]!r}, which can be moved"
    else:
        why = f"{what}() names {repository} at a revision that cannot be told from the code"
    return found(place, "model-floating", repository, why)


def _is_hub(name: str, place: Place, root: Path) -> bool:
    """Whether a name is one of the hub, not a directory of the project."""
    if not REPOSITORY.fullmatch(name):
        return False
    return not any((base / name).exists() for base in (root, (root / place.path).parent))


def _torch_hub(
    call: ast.Call, scope: Scope, evaluator: Evaluator, place: Place
) -> Iterator[GateFinding]:
    given = keyword(call, "repo_or_dir") or (call.args[0] if call.args else None)
    name = evaluator.value(given, scope)
    matched = _HUB.fullmatch(name.text) if name.kind is Kind.TEXT else None
    if matched and not COMMIT.fullmatch(matched["ref"] or ""):
        why = f"torch.hub runs the code of {name.text}, which can be moved"
        yield found(place, "model-floating", name.text, why)


def _named(call: ast.Call, scope: Scope, evaluator: Evaluator) -> str:
    for given in (*call.args[:2], *(word.value for word in call.keywords)):
        value = evaluator.value(given, scope)
        if value.kind is Kind.TEXT and REPOSITORY.fullmatch(value.text):
            return value.text
    return ast.unparse(call.func)[:60]
