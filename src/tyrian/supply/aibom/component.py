"""Models, data, packages, guards and files as components of CycloneDX."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tyrian.supply.aibom.architecture import FORMATS, task_of
from tyrian.supply.aibom.document import Json
from tyrian.supply.aibom.licence import choice_of
from tyrian.supply.aibom.parts import (
    Ancestor,
    Card,
    DataPart,
    FilePart,
    GuardPart,
    ModelPart,
    PackagePart,
)
from tyrian.supply.aibom.purl import huggingface

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_HUB = "https://huggingface.co/"
TREE = "sorted lines 'sha256  path'"
"""What a digest over several files is of."""


def properties(told: Mapping[str, str]) -> list[Json]:
    """Names and values in order, below the name of this tool."""
    return [
        {"name": f"tyrian:{key}", "value": value} for key, value in sorted(told.items()) if value
    ]


def present(told: Mapping[str, Any]) -> Json:
    """What has a value."""
    return {key: value for key, value in told.items() if value not in ("", None, [], {}, ())}


def hashes(digest: str) -> list[Json]:
    """A digest such as `sha256:...` as the format has it."""
    kind, _, value = digest.partition(":")
    return [{"alg": "SHA-256", "content": value}] if kind == "sha256" and value else []


def model_component(model: ModelPart, data: Mapping[str, str]) -> Json:
    """A model with its card and its files; `data` are references of datasets by their names."""
    group, _, name = model.name.rpartition("/")
    notes = {**model.notes, "digest-of": TREE if model.digest else ""}
    return present(
        {
            "type": "machine-learning-model",
            "bom-ref": model.ref,
            "group": group,
            "name": name,
            "version": model.version,
            "purl": huggingface(model.repository, model.commit) if model.repository else "",
            "hashes": hashes(model.digest),
            "licenses": choice_of(model.licence, model.card.licence_url),
            "modelCard": model_card(model, data),
            "externalReferences": _references(model),
            "components": [file_component(model.ref, file) for file in model.files],
            "properties": properties(notes),
        }
    )


def file_component(above: str, file: FilePart) -> Json:
    """One file of something."""
    size = str(file.size) if file.size >= 0 and not file.link else ""
    return present(
        {
            "type": "file",
            "bom-ref": f"{above}#{file.path}",
            "name": file.path,
            "hashes": hashes(f"sha256:{file.sha256}" if file.sha256 else ""),
            "properties": properties({"size": size, "link": file.link}),
        }
    )


def _references(model: ModelPart) -> list[Json]:
    if not _REPOSITORY.fullmatch(model.repository):
        return []
    tree = f"{_HUB}{model.repository}/tree/{model.commit}"
    return [
        {"type": "distribution", "url": tree, "hashes": hashes(model.digest)}
        if model.digest
        else {"type": "distribution", "url": tree},
        {"type": "model-card", "url": f"{_HUB}{model.repository}/blob/{model.commit}/README.md"},
    ]


def model_card(model: ModelPart, data: Mapping[str, str]) -> Json:
    """What card and configuration say of a model."""
    card, network = model.card, model.architecture
    task = card.task or task_of(network.name)
    inputs, outputs = FORMATS.get(task, ((), ()))
    facts = {
        **{f"architecture:{key}": value for key, value in network.facts.items()},
        "library": card.library,
        "languages": ", ".join(card.languages),
        "tags": ", ".join(card.tags),
    }
    return present(
        {
            "modelParameters": present(
                {
                    "task": task,
                    "architectureFamily": network.family,
                    "modelArchitecture": network.name,
                    "datasets": [_dataset(name, data) for name in card.datasets],
                    "inputs": [{"format": one} for one in inputs],
                    "outputs": [{"format": one} for one in outputs],
                }
            ),
            "quantitativeAnalysis": present(
                {
                    "performanceMetrics": [
                        present({"type": one.kind, "value": one.value, "slice": one.slice})
                        for one in card.metrics
                    ]
                }
            ),
            "considerations": _considerations(card),
            "properties": properties(facts),
        }
    )


def _dataset(name: str, data: Mapping[str, str]) -> Json:
    """A reference where the dataset is here, else what its name says."""
    if name in data:
        return {"ref": data[name]}
    told: Json = {"type": "dataset", "name": name}
    if _REPOSITORY.fullmatch(name):
        told["contents"] = {"url": f"{_HUB}datasets/{name}"}
    return told


def _considerations(card: Card) -> Json:
    return present(
        {
            "users": list(card.users),
            "useCases": list(card.uses),
            "technicalLimitations": list(card.limitations),
            "ethicalConsiderations": [
                {"name": f"{title}: {text}" if title else text} for title, text in card.risks
            ],
        }
    )


def ancestor_component(above: str, one: Ancestor) -> Json:
    """A model that another was made from, inside its pedigree."""
    repository = one.repository if _REPOSITORY.fullmatch(one.repository) else ""
    group, _, name = one.name.rpartition("/")
    return present(
        {
            "type": "machine-learning-model",
            "bom-ref": ancestor_ref(above, one),
            "group": group,
            "name": name or one.name,
            "version": one.commit or one.digest,
            "purl": huggingface(repository, one.commit) if repository else "",
            "hashes": hashes(one.digest),
        }
    )


def ancestor_ref(above: str, one: Ancestor) -> str:
    """Its name in the document: a model may have the same ancestor as another."""
    return f"{above}<{one.name}@{one.commit or one.digest}"


def data_component(one: DataPart) -> Json:
    """A dataset, with where its rows come from."""
    rows = {"rows": str(one.rows) if one.rows >= 0 else ""}
    sources = [{"name": "tyrian:source", "value": source} for source in one.sources]
    contents: Json = {"properties": sources} if sources else {}
    if one.repository:
        contents["url"] = f"{_HUB}datasets/{one.repository}"
    licences = [row for licence in one.licences for row in choice_of(licence)]
    return present(
        {
            "type": "data",
            "bom-ref": one.ref,
            "name": one.name,
            "version": one.digest,
            "hashes": hashes(one.digest),
            "licenses": [row for row in licences if "license" in row],
            "data": [present({"type": "dataset", "name": one.name, "contents": contents})],
            "components": [file_component(one.ref, file) for file in one.files]
            if len(one.files) > 1 or one.rows >= 0
            else [],
            "properties": properties({**one.notes, **rows}),
        }
    )


_URL_KINDS = {"homepage": "website", "source": "vcs", "documentation": "documentation"}


def package_component(one: PackagePart) -> Json:
    """An installed distribution."""
    references = sorted(
        ({"type": _URL_KINDS[kind], "url": url} for kind, url in one.urls.items()),
        key=lambda row: (row["type"], row["url"]),
    )
    return present(
        {
            "type": "library",
            "bom-ref": one.ref,
            "name": one.name,
            "version": one.version,
            "purl": one.purl,
            "description": one.summary,
            "hashes": hashes(one.digest),
            "licenses": choice_of(one.licence),
            "externalReferences": references,
            "properties": properties({"digest-of": f"RECORD, {TREE}" if one.digest else ""}),
        }
    )


def guard_component(one: GuardPart, models: Mapping[str, ModelPart]) -> Json:
    """A guard at its stage: a model where it reads weights, a library where it has rules."""
    is_model = bool(one.weights) or one.backend in ("embedded", "torch", "onnx", "remote")
    notes = {
        **one.notes,
        "stage": one.stage,
        "kind": one.kind,
        "backend": one.backend,
        "model": one.model,
    }
    card: Json = {}
    if is_model:
        labels = ", ".join(one.labels)
        network = [models[ref].architecture for ref in one.weights if ref in models]
        card = {
            "modelParameters": present(
                {
                    "task": "text-classification",
                    "architectureFamily": next((net.family for net in network if net.family), ""),
                    "modelArchitecture": next((net.name for net in network if net.name), ""),
                    "inputs": [{"format": "text"}],
                    "outputs": [{"format": f"scores of {labels}"}] if labels else [],
                }
            )
        }
    elif one.labels:
        notes["labels"] = ", ".join(one.labels)
    return present(
        {
            "type": "machine-learning-model" if is_model else "library",
            "bom-ref": one.ref,
            "group": "guard",
            "name": one.name,
            "version": one.revision,
            "description": f"Guard of the stage {one.stage}: {one.kind}",
            "scope": "required",
            "hashes": hashes(one.digest),
            "modelCard": card,
            "properties": properties({f"guard:{key}": value for key, value in notes.items()}),
            "tags": ["guard", one.stage],
        }
    )


def by_ref(components: Iterable[Json]) -> list[Json]:
    """Components in the order of their references, each reference once."""
    found: dict[str, Json] = {}
    for one in components:
        found.setdefault(one["bom-ref"], one)
    return [found[ref] for ref in sorted(found)]


def names_of(data: Sequence[DataPart]) -> dict[str, str]:
    """References of datasets by their names."""
    return {one.name: one.ref for one in data}
