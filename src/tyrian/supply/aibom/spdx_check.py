"""Whether a document of SPDX 3.0.1 holds together: its shape, its references and its profiles.

These are Tyrian's own checks, of the classes that its own documents have. The whole model of SPDX
is in SHACL, which takes an RDF library to judge.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tyrian.supply.aibom.fault import Fault
from tyrian.supply.aibom.licence import expression_fault
from tyrian.supply.aibom.spdx import CONTEXT
from tyrian.supply.aibom.spdx_values import elements_of

_TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\dZ")
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128, "sha3_256": 64}
_ELEMENT = ("spdxId", "creationInfo")
_NEEDED: Mapping[str, Sequence[str]] = {
    "CreationInfo": ("@id", "specVersion", "created", "createdBy"),
    "SpdxDocument": (*_ELEMENT, "rootElement"),
    "Relationship": (*_ELEMENT, "from", "to", "relationshipType"),
    "ai_AIPackage": (*_ELEMENT, "name"),
    "dataset_DatasetPackage": (*_ELEMENT, "name", "dataset_datasetType"),
    "software_Package": (*_ELEMENT, "name"),
    "software_File": (*_ELEMENT, "name"),
    "Organization": _ELEMENT,
    "SoftwareAgent": _ELEMENT,
    "Person": _ELEMENT,
    "Tool": _ELEMENT,
    "simplelicensing_LicenseExpression": (*_ELEMENT, "simplelicensing_licenseExpression"),
}
"""What each class must have; of classes that are not listed, what every element must."""
_LINKS = ("creationInfo", "from", "to", "rootElement", "createdBy", "suppliedBy", "originatedBy")
_INDIVIDUALS = frozenset(
    {
        *("NoAssertionElement", "NoneElement", "SpdxOrganization"),
        *("expandedlicensing_NoAssertionLicense", "expandedlicensing_NoneLicense"),
    }
)
"""Elements that the model itself has."""
_RELATIONSHIP_NAMES = """
    affects amendedBy ancestorOf availableFrom configures contains coordinatedBy copiedTo
    delegatedTo dependsOn descendantOf describes doesNotAffect expandsTo exploitCreatedBy fixedBy
    fixedIn foundBy generates hasAddedFile hasAssessmentFor hasAssociatedVulnerability
    hasConcludedLicense hasDataFile hasDeclaredLicense hasDeletedFile hasDependencyManifest
    hasDistributionArtifact hasDocumentation hasDynamicLink hasEvidence hasExample hasHost hasInput
    hasMetadata hasOptionalComponent hasOptionalDependency hasOutput hasPrerequisite
    hasProvidedDependency hasRequirement hasSpecification hasStaticLink hasTest hasTestCase
    hasVariant invokedBy modifiedBy other packagedBy patchedBy publishedBy reportedBy
    republishedBy serializedInArtifact testedOn trainedOn underInvestigationFor usesTool
"""
_RELATIONSHIPS = frozenset(_RELATIONSHIP_NAMES.split())
_PACKAGES = {"ai": "ai_AIPackage", "dataset": "dataset_DatasetPackage"}


def is_spdx(document: Mapping[str, Any]) -> bool:
    """Whether a document says that it is of SPDX 3."""
    context = document.get("@context")
    return isinstance(context, str) and "spdx" in context


def spdx_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Everything that does not hold together."""
    if document.get("@context") != CONTEXT:
        why = f"{str(document.get('@context'))[:120]!r} is not the context of 3.0.1, {CONTEXT}"
        yield Fault("spdx-context", "/@context", why)
    elements = list(elements_of(document))
    if not elements or not isinstance(document.get("@graph"), list):
        yield Fault("spdx-shape", "/@graph", "there is no list of elements")
        return
    ids = Counter(str(one.get("spdxId") or one.get("@id")) for one in elements)
    for at, one in enumerate(elements):
        where = f"/@graph/{at}"
        yield from _element_faults(one, where, ids)
        yield from _link_faults(one, where, ids)
        yield from _value_faults(one, where)
    if sum(one.get("type") == "SpdxDocument" for one in elements) != 1:
        yield Fault("spdx-shape", "/@graph", "there is not one SpdxDocument")
    yield from _profile_faults(elements)


def _element_faults(one: Mapping[str, Any], where: str, ids: Counter[str]) -> Iterator[Fault]:
    kind = one.get("type")
    if not isinstance(kind, str):
        yield Fault("spdx-shape", where, "it has no type")
        return
    for name in _NEEDED.get(kind, _ELEMENT):
        if one.get(name) in (None, "", []):
            yield Fault("spdx-needed", f"{where}/{name}", f"a {kind} must have {name}")
    iri = one.get("spdxId")
    if isinstance(iri, str):
        if not _IRI.fullmatch(iri):
            yield Fault("spdx-iri", f"{where}/spdxId", f"{iri[:120]!r} is no IRI")
        if ids[iri] > 1:
            why = f"{iri[:120]!r} is the IRI of {ids[iri]} elements"
            yield Fault("duplicate-ref", f"{where}/spdxId", why)


def _link_faults(one: Mapping[str, Any], where: str, ids: Counter[str]) -> Iterator[Fault]:
    for name in _LINKS:
        value = one.get(name)
        for target in value if isinstance(value, list) else [value]:
            if isinstance(target, str) and target not in ids and target not in _INDIVIDUALS:
                why = f"nothing in the document is {target[:120]!r}"
                yield Fault("dangling-ref", f"{where}/{name}", why)


def _value_faults(one: Mapping[str, Any], where: str) -> Iterator[Fault]:
    for name in ("created", "releaseTime", "builtTime"):
        value = one.get(name)
        if value is not None and not (isinstance(value, str) and _TIME.fullmatch(value)):
            why = f"{str(value)[:60]!r} is no time such as 2026-03-31T12:00:00Z"
            yield Fault("spdx-time", f"{where}/{name}", why)
    kind = one.get("relationshipType")
    if kind is not None and kind not in _RELATIONSHIPS:
        why = f"{str(kind)[:60]!r} is no relationship of SPDX"
        yield Fault("spdx-relationship", f"{where}/relationshipType", why)
    hashes = one.get("verifiedUsing")
    for at, row in enumerate(hashes if isinstance(hashes, list) else ()):
        value = str(row.get("hashValue")) if isinstance(row, dict) else ""
        digits = _DIGITS.get(str(row.get("algorithm"))) if isinstance(row, dict) else None
        if digits and not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", value):
            why = f"{row['algorithm']} has {digits} hexadecimal digits, and this is {value[:80]!r}"
            yield Fault("hash-length", f"{where}/verifiedUsing/{at}", why)
    expression = one.get("simplelicensing_licenseExpression")
    if isinstance(expression, str) and (fault := expression_fault(expression)):
        yield Fault("licence", f"{where}/simplelicensing_licenseExpression", fault)


def _profile_faults(elements: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """A profile that is claimed wants one declared and one concluded licence of its packages."""
    claimed = {
        str(profile)
        for one in elements
        if one.get("type") == "SpdxDocument"
        for profile in one.get("profileConformance") or ()
    }
    counts: Counter[tuple[str, str]] = Counter(
        (str(one.get("from")), str(one.get("relationshipType"))) for one in elements
    )
    for at, one in enumerate(elements):
        if not any(one.get("type") == _PACKAGES.get(profile) for profile in claimed):
            continue
        for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
            if counts[str(one.get("spdxId")), kind] != 1:
                yield Fault("spdx-profile", f"/@graph/{at}", f"it has not one {kind}")
