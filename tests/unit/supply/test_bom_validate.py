"""What makes a bill of materials valid: the official schema, and what the schema cannot say."""

import copy
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.supply.aibom.document import BomError, encode, parse, read, serial_number
from tyrian.supply.aibom.validate import faults_of, format_of

FULL = Path(__file__).with_name("bom_full.json")


@pytest.fixture
def full() -> dict[str, Any]:
    """A document with every section of 1.7 in it."""
    return read(FULL)


def test_a_document_with_every_section_is_valid(full: dict[str, Any]) -> None:
    assert faults_of(full) == ()
    assert format_of(full) == "CycloneDX 1.7"


Fault = Callable[[dict[str, Any]], object]


def model(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"][0]
    return found


BY_SCHEMA: dict[str, tuple[Fault, str]] = {
    "an unknown key at the top": (lambda d: d.update(surprise=1), ""),
    "an unknown key of a component": (lambda d: model(d).update(maker="me"), "/components/0"),
    "a hash that no algorithm gives": (
        lambda d: model(d)["hashes"][0].update(content="abc"),
        "/components/0/hashes/0/content",
    ),
    "a serial number that is no UUID": (
        lambda d: d.update(serialNumber="urn:uuid:1"),
        "/serialNumber",
    ),
    "a time that is none": (
        lambda d: d["metadata"].update(timestamp="yesterday"),
        "/metadata/timestamp",
    ),
    "an address that is no IRI": (
        lambda d: model(d)["externalReferences"][0].update(url="ht tp://a b"),
        "/components/0/externalReferences/0/url",
    ),
}
BY_MEANING: dict[str, tuple[Fault, str, str]] = {
    "a SHA-1 that is called SHA-256": (
        lambda d: model(d)["hashes"][0].update(content="1" * 40),
        "hash-length",
        "/components/0/hashes/0/content",
    ),
    "a bom-ref that stands twice": (
        lambda d: d["components"][1].update({"bom-ref": "model"}),
        "duplicate-ref",
        "/components/1/bom-ref",
    ),
    "a dependency on nothing": (
        lambda d: d["dependencies"][1].update(dependsOn=["data", "gone"]),
        "dangling-ref",
        "/dependencies/1/dependsOn/1",
    ),
    "a dataset that is not there": (
        lambda d: model(d)["modelCard"]["modelParameters"]["datasets"][0].update(ref="gone"),
        "dangling-ref",
        "/components/0/modelCard/modelParameters/datasets/0/ref",
    ),
    "a model card on a library": (
        lambda d: d["components"][2].update(modelCard={}),
        "type-member",
        "/components/2/modelCard",
    ),
    "a package URL that is none": (
        lambda d: model(d).update(purl="pkg:huggingface"),
        "purl",
        "/components/0/purl",
    ),
}
FURTHER: dict[str, tuple[Fault, str, str]] = {
    "a package URL of another version": (
        lambda d: d["components"][2].update(version="2.1.0"),
        "purl-version",
        "/components/2/purl",
    ),
    "a floating version of a model": (
        lambda d: model(d).update(purl="pkg:huggingface/org/model@main", version="main"),
        "purl",
        "/components/0/purl",
    ),
    "data on a library": (
        lambda d: d["components"][2].update(data=[{"type": "dataset"}]),
        "type-member",
        "/components/2/data",
    ),
    "two values of one algorithm": (
        lambda d: model(d)["hashes"][1].update(alg="SHA-256", content="5" * 64),
        "hash-twice",
        "/components/0/hashes/1",
    ),
    "a licence that is on no list": (
        lambda d: model(d)["licenses"][0].update(expression="Apache-2.0 AND MITT"),
        "licence",
        "/components/0/licenses/0/expression",
    ),
    "a licence that ends too early": (
        lambda d: model(d)["licenses"][0].update(expression="(MIT OR"),
        "licence",
        "/components/0/licenses/0/expression",
    ),
    "an end before its start": (
        lambda d: d["formulation"][0]["workflows"][0].update(timeEnd="2026-03-29T00:00:00Z"),
        "time-order",
        "/formulation/0/workflows/0/timeEnd",
    ),
    "dependencies told twice": (
        lambda d: d["dependencies"].append({"ref": "data", "dependsOn": ["key"]}),
        "dependency-twice",
        "/dependencies/3/ref",
    ),
    "a citation of nothing": (
        lambda d: d["citations"][0].update(pointers=["/components/9"]),
        "pointer",
        "/citations/0/pointers/0",
    ),
}
LINKS: dict[str, Fault] = {
    "dependency": lambda d: d["dependencies"][0].update(ref="gone"),
    "composition": lambda d: d["compositions"][0].update(assemblies=["gone"]),
    "composition of dependencies": lambda d: d["compositions"][0].update(dependencies=["gone"]),
    "annotation": lambda d: d["annotations"][0].update(subjects=["gone"]),
    "vulnerability": lambda d: d["vulnerabilities"][0]["affects"][0].update(ref="gone"),
    "workflow input": lambda d: d["formulation"][0]["workflows"][0]["inputs"][0].update(
        resource={"ref": "gone"}
    ),
    "workflow output": lambda d: d["formulation"][0]["workflows"][0]["outputs"][0].update(
        resource={"ref": "gone"}
    ),
    "workflow resource": lambda d: d["formulation"][0]["workflows"][0].update(
        resourceReferences=[{"ref": "gone"}]
    ),
    "task": lambda d: d["formulation"][0]["workflows"][0].update(taskDependencies=[{"ref": "x"}]),
    "claim": lambda d: d["declarations"]["claims"][0].update(target="gone"),
    "evidence": lambda d: d["declarations"]["claims"][0].update(evidence=["gone"]),
    "assessor": lambda d: d["declarations"]["attestations"][0].update(assessor="gone"),
    "requirement": lambda d: d["definitions"]["standards"][0]["levels"][0].update(
        requirements=["gone"]
    ),
    "citation": lambda d: d["citations"][0].update(attributedTo="gone"),
}


@pytest.mark.parametrize("name", BY_SCHEMA)
def test_the_schema_finds(full: dict[str, Any], name: str) -> None:
    change, pointer = BY_SCHEMA[name]
    change(full)
    found = faults_of(full)
    assert {one.rule for one in found} == {"schema"}
    assert pointer in {one.pointer for one in found}


@pytest.mark.parametrize("name", [*BY_MEANING, *FURTHER])
def test_the_meaning_finds(full: dict[str, Any], name: str) -> None:
    change, rule, pointer = {**BY_MEANING, **FURTHER}[name]
    change(full)
    found = [(one.rule, one.pointer) for one in faults_of(full)]
    assert (rule, pointer) in found


@pytest.mark.parametrize("name", LINKS)
def test_a_reference_to_nothing_is_found_wherever_it_stands(
    full: dict[str, Any], name: str
) -> None:
    LINKS[name](full)
    assert {one.rule for one in faults_of(full)} == {"dangling-ref"}


def test_links_into_other_documents_are_left_to_them(full: dict[str, Any]) -> None:
    link = "urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#part"
    full["compositions"][0]["assemblies"] = [link]
    assert faults_of(full) == ()


@pytest.mark.parametrize("spec", ["1.4", "2.0", None, 17])
def test_versions_that_are_not_read_are_told_so(full: dict[str, Any], spec: object) -> None:
    full["specVersion"] = spec
    with pytest.raises(BomError, match=r"1\.7 and 1\.6 are read"):
        faults_of(full)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON"),
        (b"[]", "holds no object"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"a":' * 100_000, "deeply"),
    ],
)
def test_bytes_that_are_no_document_are_told_so(data: bytes, why: str) -> None:
    with pytest.raises(BomError, match=why):
        parse(data)


def test_a_document_is_read_and_written_without_loss(full: dict[str, Any]) -> None:
    told = json.loads(FULL.read_bytes())
    assert json.loads(encode(full)) == told
    assert encode(parse(encode(full))) == encode(full)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), inner
    ),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=40)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES))
def test_whatever_is_in_it_survives(value: dict[str, Any]) -> None:
    text = json.dumps(value).encode()
    written = encode(parse(text))
    assert json.loads(written) == value
    assert encode(parse(written)) == written


@pytest.mark.parametrize("number", ["1.0", "0.10000000000000000001", "1E+400", "9" * 40, "-0.0"])
def test_numbers_keep_every_digit(number: str) -> None:
    assert f'"a": {number}\n'.encode() in encode(parse(b'{"a": ' + number.encode() + b"}"))


def test_the_serial_number_comes_of_the_content(full: dict[str, Any]) -> None:
    first = serial_number(full)
    assert first == serial_number({**full, "serialNumber": "another"})
    changed = copy.deepcopy(full)
    changed["components"][0]["version"] = "other"
    assert serial_number(changed) != first


def test_the_schemas_are_the_official_ones() -> None:
    official = pytest.importorskip("cyclonedx.schema._res")
    own = files("tyrian.supply.aibom.schemas")
    for place in own.iterdir():
        if place.name.endswith(".json"):
            theirs = files(official).joinpath(place.name)
            assert place.read_bytes() == theirs.read_bytes(), place.name
