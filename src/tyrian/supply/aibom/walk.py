"""All places of a document that have a name, refer to one, or obey rules of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Step = str | int

_LINKS = frozenset(
    {
        *("dependsOn", "provides", "assemblies", "subjects", "attributedTo", "process"),
        *("asserter", "cryptoRefArray", "parent", "assessor", "requirement", "claims"),
        *("counterClaims", "mitigationStrategies", "evidence", "counterEvidence", "target"),
    }
)
"""Members whose texts are bom-refs wherever they stand as texts or lists of texts.

From the schemas of 1.6 and 1.7: every member of type refLinkType, and those of type string that
their descriptions call references. As objects the same names mean something else.
"""
_LINKS_BELOW = {
    "compositions": ("dependencies", "vulnerabilities"),
    "levels": ("requirements",),
    "patentFamily": ("members",),
    "identity": ("tools",),
}
"""Members that are bom-refs in the objects of one list alone."""
_REFERRERS = frozenset(
    {
        *("dependencies", "affects", "datasets", "resourceReferences", "resource", "source"),
        *("taskDependencies", "runtimeTopology"),
    }
)
"""Where an object with `ref` points at another; `target` is an object there as well."""
_COMPONENT_LISTS = frozenset({"components", "ancestors", "descendants", "variants"})
_NO_DOCUMENT = frozenset({"signature", "properties", "externalReferences"})
"""Members that hold neither names nor references, left out for speed."""


@dataclass(frozen=True, slots=True)
class Place:
    """One object of a document."""

    path: tuple[Step, ...]
    value: Mapping[str, Any]
    kind: str
    """`component`, `hashes`, `licence`, `span` (of time), or empty."""
    ref: str | None
    """Its own bom-ref."""
    links: tuple[tuple[tuple[Step, ...], str], ...]
    """bom-refs that it refers to, each with the path below the place."""


def places(document: Mapping[str, Any]) -> Iterator[Place]:
    """Every object that has a bom-ref, refers to one, or is of a kind with rules."""
    waiting: list[tuple[tuple[Step, ...], Mapping[str, Any]]] = [((), document)]
    for path, value in waiting:  # which grows meanwhile: outer objects come before inner ones
        ref = value.get("bom-ref")
        above = _above(path)
        links = tuple(_links(above, value))
        named = ref if isinstance(ref, str) else None
        for kind in _kinds(above, value):
            yield Place(path, value, kind, named, links)
            named, links = None, ()
        if named is not None or links:
            yield Place(path, value, "", named, links)
        for name, inner in value.items():
            if name in _NO_DOCUMENT:
                if name == "externalReferences" and isinstance(inner, list):
                    waiting += (((*path, name, n), one) for n, one in enumerate(inner))
            elif isinstance(inner, Mapping):
                waiting.append(((*path, name), inner))
            elif isinstance(inner, list):
                waiting += (
                    ((*path, name, n), one)
                    for n, one in enumerate(inner)
                    if isinstance(one, Mapping)
                )


def _above(path: tuple[Step, ...]) -> str:
    """The name of the member, or of the list, that an object stands in."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _kinds(above: str, value: Mapping[str, Any]) -> Iterator[str]:
    if above in _COMPONENT_LISTS or (above == "component" and "type" in value):
        yield "component"
    if "hashes" in value:
        yield "hashes"
    if above == "licenses" and "expression" in value:
        yield "licence"
    if "timeStart" in value and "timeEnd" in value:
        yield "span"


def _links(above: str, value: Mapping[str, Any]) -> Iterator[tuple[tuple[Step, ...], str]]:
    if (above in _REFERRERS or above == "target") and isinstance(value.get("ref"), str):
        yield ("ref",), value["ref"]
    for name in _LINKS_BELOW.get(above, ()):
        yield from _texts(name, value.get(name))
    for name, inner in value.items():
        if name in _LINKS:
            yield from _texts(name, inner)


def _texts(name: str, inner: object) -> Iterator[tuple[tuple[Step, ...], str]]:
    if isinstance(inner, str):
        yield (name,), inner
    elif isinstance(inner, list):
        for at, one in enumerate(inner):
            if isinstance(one, str):
                yield (name, at), one
