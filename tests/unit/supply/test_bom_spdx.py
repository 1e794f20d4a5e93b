"""Bills of materials as SPDX 3.0.1: what they say, and whether they hold together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tyrian.supply.aibom.document import encode
from tyrian.supply.aibom.parts import (
    Ancestor,
    Architecture,
    Card,
    DataPart,
    FilePart,
    GuardPart,
    Inventory,
    Metric,
    ModelPart,
    PackagePart,
    ServicePart,
    TrainingPart,
)
from tyrian.supply.aibom.spdx import as_spdx
from tyrian.supply.aibom.validate import faults_of, format_of

COMMIT, TIME = "a" * 40, "2026-03-31T12:00:00Z"
BASE = Ancestor(name="o/base", repository="o/base", commit="b" * 40)
MODEL = ModelPart(
    name="o/model",
    repository="o/model",
    commit=COMMIT,
    licence="apache-2.0",
    digest="sha256:" + "1" * 64,
    files=(FilePart(path="config.json", sha256="2" * 64, size=3),),
    card=Card(
        task="text-generation",
        datasets=("rows",),
        metrics=(Metric(kind="accuracy", value="0.9", slice="held out"),),
        limitations=("short texts",),
        uses=("chat",),
    ),
    architecture=Architecture(family="llama", name="LlamaForCausalLM"),
    ancestors=(BASE,),
)
DATA = DataPart(name="rows", digest="sha256:" + "3" * 64, rows=3, licences=("mit", "house"))
TRAINING = TrainingPart(
    model=MODEL.ref,
    name="m.attestation.json",
    digest="sha256:" + "4" * 64,
    base=BASE,
    datasets=(DATA,),
    parameters={"lr": "0.1"},
    commit="c" * 40,
    finished=TIME,
)
PARTS = Inventory(
    name="shop",
    models=(MODEL,),
    data=(DATA,),
    trainings=(TRAINING,),
    guards=(GuardPart(stage="input", name="secrets", kind="secrets", revision="1"),),
    services=(ServicePart(name="chat"),),
    packages=(
        PackagePart(name="a", version="1", purl="pkg:pypi/a@1", licence="MIT", needs=("b",)),
        PackagePart(name="b", version="1", purl="pkg:pypi/b@1", licence="odd licence"),
    ),
    configurations=(FilePart(path="stack/s.yaml", sha256="5" * 64),),
)


def elements(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in document["@graph"] if one["type"] == kind]


def test_models_data_and_trainings_are_told_in_the_profiles_of_spdx() -> None:
    document = as_spdx(PARTS, TIME)
    assert faults_of(document) == ()
    assert format_of(document) == "SPDX 3.0.1"
    by_name = {one["name"]: one for one in elements(document, "ai_AIPackage")}
    model = by_name["o/model"]
    assert model["software_packageUrl"] == f"pkg:huggingface/o/model@{COMMIT}"
    assert model["ai_typeOfModel"] == ["llama", "LlamaForCausalLM"]
    assert model["ai_metric"][0] == {
        "type": "DictionaryEntry",
        "key": "accuracy on held out",
        "value": "0.9",
    }
    assert {"type": "DictionaryEntry", "key": "lr", "value": "0.1"} in model["ai_hyperparameter"]
    (data,) = elements(document, "dataset_DatasetPackage")
    links = {
        (one["relationshipType"], one["from"]): one["to"]
        for one in elements(document, "Relationship")
    }
    assert links["trainedOn", model["spdxId"]] == [data["spdxId"]]
    assert links["descendantOf", model["spdxId"]] == [by_name["o/base"]["spdxId"]]
    assert links["hasConcludedLicense", model["spdxId"]] == ["expandedlicensing_NoAssertionLicense"]
    licences = {
        one["simplelicensing_licenseExpression"]
        for one in elements(document, "simplelicensing_LicenseExpression")
    }
    assert licences == {"Apache-2.0", "MIT AND LicenseRef-house", "MIT", "LicenseRef-odd-licence"}


def test_the_same_parts_give_the_same_bytes() -> None:
    assert encode(as_spdx(PARTS, TIME)) == encode(as_spdx(replace(PARTS), TIME))


def test_a_profile_is_claimed_only_where_all_that_it_wants_is_told() -> None:
    (whole,) = elements(as_spdx(PARTS, TIME), "SpdxDocument")
    assert whole["profileConformance"] == ["core", "simpleLicensing", "software"]
    alone = Inventory(
        name="m",
        models=(
            ModelPart(name="o/m", repository="o/m", commit=COMMIT, digest="sha256:" + "1" * 64),
        ),
    )
    training = TrainingPart(
        model=alone.models[0].ref, name="a", digest="sha256:" + "4" * 64, finished=TIME
    )
    told = as_spdx(Inventory(name="m", models=alone.models, trainings=(training,)), TIME)
    (whole,) = elements(told, "SpdxDocument")
    assert "ai" in whole["profileConformance"]
    assert faults_of(told) == ()


Change = Callable[[dict[str, Any]], object]


def first(document: dict[str, Any], kind: str) -> dict[str, Any]:
    return elements(document, kind)[0]


FAULTS: dict[str, tuple[Change, str]] = {
    "another context": (
        lambda d: d.update({"@context": "https://spdx.org/rdf/2.9/spdx-context.jsonld"}),
        "spdx-context",
    ),
    "no elements": (lambda d: d.update({"@graph": []}), "spdx-shape"),
    "two of one IRI": (
        lambda d: first(d, "software_File").update(spdxId=first(d, "ai_AIPackage")["spdxId"]),
        "duplicate-ref",
    ),
    "a relationship to nothing": (
        lambda d: first(d, "Relationship").update(to=["urn:nothing:here"]),
        "dangling-ref",
    ),
    "a root that is not there": (
        lambda d: first(d, "SpdxDocument").update(rootElement=["urn:nothing:here"]),
        "dangling-ref",
    ),
    "a relationship of no kind": (
        lambda d: first(d, "Relationship").update(relationshipType="likes"),
        "spdx-relationship",
    ),
    "a hash that is too short": (
        lambda d: first(d, "software_File")["verifiedUsing"][0].update(hashValue="12"),
        "hash-length",
    ),
    "a time that is none": (
        lambda d: first(d, "CreationInfo").update(created="2026-03-31"),
        "spdx-time",
    ),
    "an IRI that is none": (
        lambda d: first(d, "software_File").update(spdxId="not an iri"),
        "spdx-iri",
    ),
    "a package without a name": (lambda d: first(d, "software_Package").pop("name"), "spdx-needed"),
    "a licence that is none": (
        lambda d: first(d, "simplelicensing_LicenseExpression").update(
            simplelicensing_licenseExpression="MIT MIT"
        ),
        "licence",
    ),
    "a profile without its licences": (
        lambda d: (
            first(d, "SpdxDocument").update(profileConformance=["ai"]),
            d.update(
                {"@graph": [e for e in d["@graph"] if e.get("relationshipType") is None]}
            ),
        ),
        "spdx-profile",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_does_not_hold_together_is_found(name: str) -> None:
    change, rule = FAULTS[name]
    document = as_spdx(PARTS, TIME)
    change(document)
    assert rule in {one.rule for one in faults_of(document)}
