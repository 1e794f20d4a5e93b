"""An inventory as a CycloneDX document: the same inventory gives the same bytes.

Source: https://cyclonedx.org/docs/1.7/json/ and, for ML-BOMs, the guide at
https://cyclonedx.org/capabilities/mlbom/
"""

from collections.abc import Iterator

import tyrian
from tyrian.supply.aibom.component import (
    by_ref,
    data_component,
    file_component,
    guard_component,
    model_component,
    names_of,
    package_component,
    present,
    properties,
)
from tyrian.supply.aibom.document import Json, serial_number
from tyrian.supply.aibom.formulation import formula, pedigree
from tyrian.supply.aibom.licence import choice_of
from tyrian.supply.aibom.parts import DataPart, Inventory, ServicePart, all_data
from tyrian.supply.aibom.schema import SPECS


def as_cyclonedx(inventory: Inventory, spec: str = SPECS[0], time: str = "") -> Json:
    """The document; `time` is ISO 8601 in UTC, and is left out where it is empty."""
    system = inventory.ref
    data = all_data(inventory)
    document = present(
        {
            "$schema": f"http://cyclonedx.org/schema/bom-{spec}.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": spec,
            "version": 1,
            "metadata": present(
                {
                    "timestamp": time,
                    "lifecycles": [{"phase": "operations"}] if inventory.is_running else [],
                    "tools": {"components": [_tool()]},
                    "component": present(
                        {
                            "type": "application",
                            "bom-ref": system,
                            "name": inventory.name,
                            "version": inventory.version,
                            "properties": properties(inventory.notes),
                        }
                    ),
                }
            ),
            "components": by_ref(_components(inventory, data)),
            "services": [_service(one) for one in sorted(inventory.services, key=_by_name)],
            "dependencies": list(_dependencies(inventory, data)),
            "compositions": _compositions(inventory),
            "formulation": [
                formula(one, {part.digest: part.ref for part in data if part.digest})
                for one in sorted(inventory.trainings, key=lambda one: (one.model, one.digest))
            ],
        }
    )
    return {**document, "serialNumber": serial_number(document)}


def _tool() -> Json:
    return {"type": "application", "name": "tyrian", "version": tyrian.__version__}


def _by_name(service: ServicePart) -> str:
    return service.name


def _components(inventory: Inventory, data: list[DataPart]) -> Iterator[Json]:
    names = names_of(data)
    for model in inventory.models:
        made = model_component(model, names)
        if told := pedigree(model, inventory.trainings):
            made["pedigree"] = told
        yield made
    models = {model.ref: model for model in inventory.models}
    yield from (guard_component(one, models) for one in inventory.guards)
    yield from (data_component(one) for one in data)
    yield from (package_component(one) for one in inventory.packages)
    yield from (file_component("configuration", one) for one in inventory.configurations)


def _service(one: ServicePart) -> Json:
    told = {
        "model": one.model,
        "revision": one.revision,
        "data-classes": ", ".join(one.data_classes),
    }
    return present(
        {
            "bom-ref": one.ref,
            "name": one.name,
            "version": one.revision,
            "endpoints": [one.endpoint] if one.endpoint else [],
            "authenticated": one.has_key,
            "x-trust-boundary": one.is_hosted,
            "licenses": choice_of(one.licence),
            "properties": properties(told),
        }
    )


def _dependencies(inventory: Inventory, data: list[DataPart]) -> Iterator[Json]:
    """What needs what: the system its parts, guards weights, models data, packages packages."""
    edges: dict[str, set[str]] = {inventory.ref: set()}
    own = edges[inventory.ref]
    weights = {ref for guard in inventory.guards for ref in guard.weights}
    own |= {one.ref for one in inventory.guards} | {one.ref for one in inventory.services}
    own |= {one.ref for one in inventory.models} - weights
    own |= {f"configuration#{one.path}" for one in inventory.configurations}
    for guard in inventory.guards:
        edges[guard.ref] = set(guard.weights)
    refs = {part.digest: part.ref for part in data if part.digest}
    for training in inventory.trainings:
        used = {refs.get(one.digest, one.ref) for one in training.datasets}
        used |= {training.base_ref} if training.base_ref else set()
        edges.setdefault(training.model, set()).update(used)
    used_data = {ref for refs_of in edges.values() for ref in refs_of}
    own |= {one.ref for one in data} - used_data
    packages = {one.name: one.ref for one in inventory.packages}
    for package in inventory.packages:
        edges[package.ref] = {packages[need] for need in package.needs if need in packages}
    own |= set(packages.values()) - {ref for one in packages.values() for ref in edges[one]}
    own |= _unreached(inventory.ref, edges)
    for ref in sorted(edges):
        depends = sorted(edges[ref])
        yield {"ref": ref, "dependsOn": depends} if depends else {"ref": ref}


def _unreached(root: str, edges: dict[str, set[str]]) -> set[str]:
    """Packages that need each other in a ring, so that none of them is at its top."""
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        ref = waiting.pop()
        if ref not in seen:
            seen.add(ref)
            waiting += edges.get(ref, ())
    return {ref for ref in edges if ref not in seen and ref.startswith("pkg:")}


def _compositions(inventory: Inventory) -> list[Json]:
    """What is told completely: the files of each model, and which guards the system has."""
    whole = sorted(model.ref for model in inventory.models if model.files)
    made: list[Json] = [{"aggregate": "complete", "assemblies": whole}] if whole else []
    if inventory.guards:
        guards = sorted(one.ref for one in inventory.guards)
        made.append({"aggregate": "complete", "dependencies": guards})
    return made
