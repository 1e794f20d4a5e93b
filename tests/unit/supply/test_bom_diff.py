"""What changed between two bills of materials, told by what it means."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tyrian.supply.aibom.cyclonedx import as_cyclonedx
from tyrian.supply.aibom.diff import difference
from tyrian.supply.aibom.document import BomError, read
from tyrian.supply.aibom.models import model_of_directory
from tyrian.supply.aibom.parts import GuardPart, Inventory, PackagePart, ServicePart
from tyrian.supply.aibom.purl import pypi

FULL = Path(__file__).with_name("bom_full.json")
OTHER = "f" * 40


@pytest.fixture
def full() -> dict[str, Any]:
    return read(FULL)


def test_nothing_changed_between_a_document_and_itself(full: dict[str, Any]) -> None:
    assert difference(full, copy.deepcopy(full)) == ()


def test_names_and_order_within_the_document_mean_nothing(full: dict[str, Any]) -> None:
    other = copy.deepcopy(full)
    other["serialNumber"] = "urn:uuid:00000000-0000-4000-8000-000000000000"
    other["components"].reverse()
    other["components"][-1]["properties"].reverse()
    other["components"][-1]["hashes"].reverse()
    text = {"bom-ref": "renamed"}
    other["services"][0].update(text)
    other["dependencies"][0]["dependsOn"] = ["pkg:pypi/numpy@2.0.0", "renamed", "model"]
    assert difference(full, other) == ()


Change = Callable[[dict[str, Any]], object]
MODEL, LIBRARY = 0, 2
CHANGES: dict[str, tuple[Change, str, str]] = {
    "a new pin": (
        lambda d: d["components"][MODEL].update(
            purl=f"pkg:huggingface/org/model@{OTHER}", version=OTHER
        ),
        "org/model",
        "version",
    ),
    "other bytes": (
        lambda d: d["components"][MODEL]["hashes"][0].update(content="9" * 64),
        "org/model",
        "hash SHA-256",
    ),
    "a hash that disappears": (
        lambda d: d["components"][MODEL]["hashes"].pop(0),
        "org/model",
        "hash SHA-256",
    ),
    "another licence": (
        lambda d: d["components"][MODEL].update(licenses=[{"license": {"id": "MIT"}}]),
        "org/model",
        "licence",
    ),
    "an upgraded package": (
        lambda d: d["components"][LIBRARY].update(purl="pkg:pypi/numpy@2.1.0", version="2.1.0"),
        "numpy",
        "version",
    ),
    "a file inside of a model": (
        lambda d: d["components"][MODEL]["components"][0]["hashes"][0].update(content="9" * 64),
        "org/model / config.json",
        "hash SHA-256",
    ),
    "another base model": (
        lambda d: d["components"][MODEL]["pedigree"]["ancestors"][0].update(name="else"),
        "org/model",
        "pedigree ancestors",
    ),
    "another figure": (
        lambda d: d["components"][MODEL]["modelCard"]["quantitativeAnalysis"].update(
            performanceMetrics=[{"type": "recall", "value": "0.5"}]
        ),
        "org/model",
        "modelCard quantitativeAnalysis",
    ),
    "another server": (
        lambda d: d["services"][0].update(endpoints=["https://elsewhere.example/v1"]),
        "server",
        "endpoints",
    ),
    "a dependency that is gone": (
        lambda d: d["dependencies"][1].update(dependsOn=[]),
        "org/model",
        "needs",
    ),
    "another learning rate": (
        lambda d: d["formulation"][0]["workflows"][0]["inputs"][1]["parameters"][0].update(
            value="0.2"
        ),
        "training of org/model",
        "inputs",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_where_it_is_and_nowhere_else(full: dict[str, Any], name: str) -> None:
    change, where, field = CHANGES[name]
    other = copy.deepcopy(full)
    change(other)
    found = difference(full, other)
    assert [one.name for one in found] == [where]
    assert str(found[0].kind) == "changed"
    assert field in {one.field for one in found[0].fields}


def test_added_and_removed_components_are_told(full: dict[str, Any]) -> None:
    other = copy.deepcopy(full)
    del other["components"][LIBRARY]
    other["components"].append({"type": "library", "name": "new", "version": "1"})
    found = {(str(one.kind), one.name) for one in difference(full, other)}
    assert {("added", "new"), ("removed", "numpy")} <= found


def test_what_stands_in_a_removed_component_goes_with_it(full: dict[str, Any]) -> None:
    other = copy.deepcopy(full)
    del other["components"][MODEL]
    removed = [one.name for one in difference(full, other) if str(one.kind) == "removed"]
    assert removed == ["org/model", "training of org/model"]


def test_of_what_is_needed_only_the_difference_is_told(full: dict[str, Any]) -> None:
    other = copy.deepcopy(full)
    other["dependencies"][0]["dependsOn"] = ["model", "service", "data"]
    (found,) = difference(full, other)
    assert [(one.field, one.was, one.now) for one in found.fields] == [("needs", "numpy", "rows")]


def test_a_swapped_model_is_found_among_folders_of_one_name(tmp_path: Path) -> None:
    def document() -> dict[str, Any]:
        places = [tmp_path / name / "model" for name in ("a", "b")]
        models = [model_of_directory(one, f"{one.parent.name}/model") for one in places]
        return as_cyclonedx(Inventory(name="x", models=tuple(models)))

    for folder in ("a", "b"):
        (tmp_path / folder / "model").mkdir(parents=True)
        (tmp_path / folder / "model" / "model.safetensors").write_bytes(b"same")
    before = document()
    (tmp_path / "a" / "model" / "model.safetensors").write_bytes(b"other")
    found = difference(before, document())
    assert [one.name for one in found] == ["a/model", "a/model / model.safetensors"]


def test_a_guard_that_is_gone_or_set_otherwise_is_told() -> None:
    def document(*guards: GuardPart) -> dict[str, Any]:
        return as_cyclonedx(Inventory(name="x", guards=guards))

    one = GuardPart(stage="input", name="secrets", kind="secrets", notes={"thresholds": "*=0.5"})
    other = GuardPart(stage="output", name="secrets", kind="secrets")
    softer = GuardPart(stage="input", name="secrets", kind="secrets", notes={"thresholds": "*=1"})
    gone = difference(document(one, other), document(one))
    told = [(str(d.kind), d.what, d.name) for d in gone]
    assert ("removed", "library", "guard/output/secrets") in told
    changed = difference(document(one), document(softer))
    assert [d.name for d in changed] == ["guard/input/secrets"]
    assert changed[0].fields[0].was == "*=0.5"


def test_what_is_needed_is_told_by_its_name_and_not_by_its_version() -> None:
    def document(version: str) -> dict[str, Any]:
        needed = PackagePart(name="b", version=version, purl=pypi("b", version))
        user = PackagePart(name="a", version="1", purl=pypi("a", "1"), needs=("b",))
        service = ServicePart(name="s", model="m")
        return as_cyclonedx(Inventory(name="x", packages=(user, needed), services=(service,)))

    found = difference(document("1"), document("2"))
    assert [one.name for one in found] == ["b"]


def test_documents_of_other_formats_are_refused(full: dict[str, Any]) -> None:
    with pytest.raises(BomError, match="SPDX"):
        difference(full, {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"})
    with pytest.raises(BomError, match="no CycloneDX"):
        difference({}, full)
