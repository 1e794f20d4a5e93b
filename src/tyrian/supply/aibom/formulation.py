"""How a model was made, as CycloneDX tells it: pedigree and formulation."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from tyrian.supply.aibom.component import (
    ancestor_component,
    ancestor_ref,
    hashes,
    present,
    properties,
)
from tyrian.supply.aibom.document import Json
from tyrian.supply.aibom.parts import Ancestor, ModelPart, TrainingPart
from tyrian.supply.aibom.purl import pypi, pypi_name

_PACKAGE = "package "


def pedigree(model: ModelPart, trainings: Sequence[TrainingPart]) -> Json:
    """What a model descends from, the commits that made it, and what changed on the way."""
    own = [one for one in trainings if one.model == model.ref]
    ancestors = {
        ancestor_ref(model.ref, one): ancestor_component(model.ref, one)
        for one in _ancestors(model, own)
    }
    commits = [{"uid": one.commit} for one in own if one.commit]
    patches = [_patch(one.patch) for one in own if one.patch]
    notes = "; ".join(f"made as {one.name} ({one.digest}) attests" for one in own)
    return present(
        {
            "ancestors": [ancestors[ref] for ref in sorted(ancestors)],
            "commits": commits,
            "patches": patches,
            "notes": notes,
        }
    )


def _ancestors(model: ModelPart, own: Sequence[TrainingPart]) -> Iterator[Ancestor]:
    """The base model of its attestation, else those that its card and configuration name."""
    attested = [one.base for one in own if one.base]
    yield from attested
    known = {one.repository or one.name for one in attested}
    yield from (one for one in model.ancestors if one.repository not in known)


def _patch(text: str) -> Json:
    content = {"contentType": "text/x-diff", "content": text}
    return {"type": "unofficial", "diff": {"text": content}}


def formula(one: TrainingPart, data: Mapping[str, str]) -> Json:
    """One training as a formula with one workflow; `data` are references by digest."""
    ref = f"training:{one.model}/{one.digest.removeprefix('sha256:')[:16]}"
    packages = {
        key.removeprefix(_PACKAGE): value
        for key, value in one.environment.items()
        if key.startswith(_PACKAGE)
    }
    surroundings = {k: v for k, v in one.environment.items() if not k.startswith(_PACKAGE)}
    return present(
        {
            "bom-ref": ref,
            "components": [_package(name, packages[name]) for name in sorted(packages)],
            "workflows": [_workflow(one, ref, data)],
            "properties": properties(surroundings),
        }
    )


def _package(name: str, version: str) -> Json:
    told = {"type": "library", "name": pypi_name(name), "version": version}
    return {**told, "purl": pypi(name, version)}


def _workflow(one: TrainingPart, ref: str, data: Mapping[str, str]) -> Json:
    return present(
        {
            "bom-ref": f"{ref}/workflow",
            "uid": one.digest,
            "name": "training",
            "description": f"as {one.name} attests",
            "taskTypes": ["build"],
            "inputs": list(_inputs(one, data)),
            "outputs": [
                {"type": "artifact", "resource": {"ref": one.model}},
                *({"type": "metrics", "resource": _file(row)} for row in _evaluations(one)),
            ],
            "timeStart": one.started,
            "timeEnd": one.finished,
            "resourceReferences": [_attestation(one)],
            "properties": properties(
                {"code-commit": one.commit, "signed-by": one.keyid or "not checked"}
            ),
        }
    )


def _inputs(one: TrainingPart, data: Mapping[str, str]) -> Iterator[Json]:
    if one.base:
        base = one.base_ref or ancestor_ref(one.model, one.base)
        yield {"resource": {"ref": base}, "properties": properties({"role": "base"})}
    for part in one.datasets:
        ref = data.get(part.digest, part.ref)
        yield {"resource": {"ref": ref}, "properties": properties({"role": "dataset"})}
    if one.parameters:
        rows = [
            {"name": key, "value": value, "dataType": _kind(value)}
            for key, value in sorted(one.parameters.items())
        ]
        yield {"parameters": rows}


def _kind(value: str) -> str:
    if value in ("true", "false"):
        return "boolean"
    try:
        float(value)
    except ValueError:
        return "string"
    return "number"


def _evaluations(one: TrainingPart) -> list[tuple[str, str]]:
    return sorted((file.path, file.sha256) for file in one.evaluations)


def _file(row: tuple[str, str]) -> Json:
    path, sha256 = row
    return {
        "externalReference": {
            "type": "evidence",
            "url": quote(path),
            "hashes": hashes(f"sha256:{sha256}"),
        }
    }


def _attestation(one: TrainingPart) -> Json:
    told = {"type": "attestation", "url": quote(one.name), "hashes": hashes(one.digest)}
    return {"externalReference": told}
