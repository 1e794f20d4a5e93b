"""Trainings as parts, from their attestations: what a model descends from, and how it was made."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tyrian.errors import InputError
from tyrian.supply.aibom.models import tree_digest_of
from tyrian.supply.aibom.parts import Ancestor, DataPart, FilePart, ModelPart, TrainingPart
from tyrian.supply.attest import dsse
from tyrian.supply.attest.keys import Verifier
from tyrian.supply.attest.model_signing import envelope_of, is_bundle
from tyrian.supply.attest.statement import at, parse_statement
from tyrian.supply.attest.training import PREDICATE

_DEFINITION = ("predicate", "buildDefinition")
_HUB = "pkg:huggingface/"


def training_of(
    path: Path, models: Sequence[ModelPart], keys: Sequence[Verifier] = ()
) -> tuple[TrainingPart, ModelPart | None]:
    """The training that an attestation tells of; a model as well, where none of these came of it.

    EnvelopeError where keys are given and none of them signed it.
    """
    data = dsse.read_bytes(path)
    envelope = envelope_of(data, str(path)) if is_bundle(data) else dsse.decode(data, str(path))
    if keys:
        opened = dsse.open_envelope(envelope, keys)
    else:
        opened = dsse.Opened(dsse.payload_of(envelope), envelope.payloadType, "")
    statement = parse_statement(opened)
    if statement.get("predicateType") != PREDICATE:
        raise InputError(
            f"{path} attests no training, but {str(statement.get('predicateType'))[:120]}",
            hint="tyrian attest create writes attestations of trainings",
        )
    digest = str(at(statement, *_DEFINITION, "externalParameters", "model", "digest") or "")
    model = next((one for one in models if one.digest == digest and digest), None)
    made = None if model else _model(path, statement, digest)
    target = model or made
    base = _base(statement)
    known = next((one for one in models if base and one.digest == base.digest), None)
    training = TrainingPart(
        model=target.ref if target else "",
        name=path.name,
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
        keyid=opened.keyid,
        base=base,
        base_ref=known.ref if known else "",
        datasets=tuple(_datasets(statement)),
        parameters=MappingProxyType(dict(_parameters(statement))),
        environment=MappingProxyType(dict(_environment(statement))),
        commit=_code(statement),
        repository=str(at(statement, *_DEFINITION, "internalParameters", "code", "uri") or ""),
        started=str(at(statement, "predicate", "runDetails", "metadata", "startedOn") or ""),
        finished=str(at(statement, "predicate", "runDetails", "metadata", "finishedOn") or ""),
        evaluations=tuple(_evaluations(statement)),
        patch=patch_of(known.files, target.files) if known and target else "",
    )
    return training, made


def _model(path: Path, statement: Mapping[str, Any], digest: str) -> ModelPart:
    """A model as its attestation has it, where its files are not here."""
    files = tuple(
        FilePart(path=str(at(row, "name")), sha256=str(at(row, "digest", "sha256") or ""))
        for row in _rows(statement.get("subject"))
    )
    name = path.name.removesuffix(".json").removesuffix(".attestation")
    return ModelPart(name=name, digest=digest or tree_digest_of(files), files=files)


def _base(statement: Mapping[str, Any]) -> Ancestor | None:
    for row in _dependencies(statement, "base"):
        uri = str(at(row, "uri") or "")
        repository, _, commit = uri.removeprefix(_HUB).partition("@")
        is_of_hub = uri.startswith(_HUB)
        return Ancestor(
            name=str(at(row, "name")),
            repository=repository if is_of_hub else "",
            commit=commit if is_of_hub else "",
            digest=_digest(row),
        )
    return None


def _datasets(statement: Mapping[str, Any]) -> Iterator[DataPart]:
    for row in _dependencies(statement, "dataset"):
        rows = at(row, "annotations", "rows")
        count = rows if type(rows) is int else -1
        yield DataPart(name=str(at(row, "name")), digest=_digest(row), rows=count)


def _code(statement: Mapping[str, Any]) -> str:
    found = (at(row, "digest", "gitCommit") for row in _dependencies(statement, "code"))
    return str(next(found, "") or "")


def _dependencies(statement: Mapping[str, Any], role: str) -> Iterator[Mapping[str, Any]]:
    for row in _rows(at(statement, *_DEFINITION, "resolvedDependencies")):
        if at(row, "annotations", "role") == role:
            yield row


def _digest(row: Mapping[str, Any]) -> str:
    value = at(row, "digest", "sha256")
    return f"sha256:{value}" if isinstance(value, str) else ""


def _parameters(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = at(statement, *_DEFINITION, "externalParameters", "hyperParameters")
    for key, value in sorted(given.items() if isinstance(given, dict) else ()):
        yield str(key), _text(value)
    seeds = at(statement, *_DEFINITION, "externalParameters", "seeds")
    for key, value in sorted(seeds.items() if isinstance(seeds, dict) else ()):
        yield ("seed" if key == "seed" else f"seed.{key}"), _text(value)


def _environment(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Interpreter, system and hardware by name, packages as `package NAME`."""
    for part in ("environment", "hardware"):
        given = at(statement, *_DEFINITION, "internalParameters", part)
        for key, value in sorted(given.items() if isinstance(given, dict) else ()):
            if key == "packages" and isinstance(value, dict):
                yield from ((f"package {name}", _text(version)) for name, version in value.items())
            else:
                yield str(key), _text(value)


def _evaluations(statement: Mapping[str, Any]) -> Iterator[FilePart]:
    for row in _rows(at(statement, "predicate", "runDetails", "byproducts")):
        digest = at(row, "digest", "sha256")
        if isinstance(digest, str):
            yield FilePart(path=str(at(row, "name")), sha256=digest)


def _rows(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (row for row in (value if isinstance(value, list) else ()) if isinstance(row, dict))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def patch_of(base: Sequence[FilePart], tuned: Sequence[FilePart]) -> str:
    """Which files differ, as lines `- sha256  path` and `+ sha256  path` by path."""
    was = {one.path: one.sha256 or f"link {one.link}" for one in base}
    now = {one.path: one.sha256 or f"link {one.link}" for one in tuned}
    lines = []
    for path in sorted({*was, *now}):
        if was.get(path) != now.get(path):
            lines += [f"- {was[path]}  {path}"] if path in was else []
            lines += [f"+ {now[path]}  {path}"] if path in now else []
    return "".join(f"{line}\n" for line in lines)
