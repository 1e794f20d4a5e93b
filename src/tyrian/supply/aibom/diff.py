"""What changed between two bills of materials, by what it means and not by where it stands.

A component is the same one where type, group and name are, below the same parent; a package also
where its package URL without the version is. References and serial numbers mean nothing here.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tyrian.supply.aibom.document import BomError, compact
from tyrian.supply.aibom.purl import without_version
from tyrian.supply.aibom.schema import spec_of
from tyrian.supply.aibom.spdx_check import is_spdx

Key = tuple[str, ...]
"""Type, group and name of a component, behind those of what it stands in."""
_PARTS = 3
_NEEDS = "needs"


class Kind(StrEnum):
    """What happened to a component, a service or a training."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One thing that a component says otherwise than before."""

    field: str
    """Such as `version`, `hash SHA-256`, `licence`, `purl`, `needs` or a property's name."""
    was: str
    """Empty where it was not there."""
    now: str
    """Empty where it is gone."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One component, service or training that is not as it was."""

    kind: Kind
    what: str
    """Its type, such as `machine-learning-model`, `service` or `training`."""
    name: str
    """With the names of what it stands in before it."""
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    what: str
    name: str
    told: Mapping[str, str]


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Everything that changed, by name; BomError where one of them is no CycloneDX document."""
    for document in (before, after):
        if is_spdx(document):
            raise BomError(
                "documents of SPDX cannot be compared", hint="compare those of CycloneDX"
            )
        spec_of(document)
    was, now = _entries(before), _entries(after)
    found = [*_changed(was, now)]
    found += (Difference(Kind.ADDED, one.what, one.name) for one in _without(now, was))
    found += (Difference(Kind.REMOVED, one.what, one.name) for one in _without(was, now))
    return tuple(sorted(found, key=lambda one: (one.name, one.what, one.kind)))


def _without(entries: Mapping[Key, _Entry], others: Mapping[Key, _Entry]) -> Iterator[_Entry]:
    """What the others do not have; what stands in a component that is not there goes with it."""
    alone = entries.keys() - others.keys()
    yield from (entries[key] for key in alone if key[:-_PARTS] not in alone)


def _changed(was: Mapping[Key, _Entry], now: Mapping[Key, _Entry]) -> Iterator[Difference]:
    for key in was.keys() & now.keys():
        old, new = was[key].told, now[key].told
        fields = tuple(
            _field(name, old.get(name, ""), new.get(name, ""))
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        )
        if fields:
            yield Difference(Kind.CHANGED, now[key].what, now[key].name, fields)


def _field(name: str, was: str, now: str) -> FieldChange:
    """One change; of what something needs, only what came and what went."""
    if name != _NEEDS:
        return FieldChange(name, was, now)
    old, new = was.split(", "), now.split(", ")
    gone = ", ".join(one for one in old if one not in new)
    return FieldChange(name, gone, ", ".join(one for one in new if one not in old))


def _entries(document: Mapping[str, Any]) -> dict[Key, _Entry]:
    titles = _titles(document)
    needs = {
        one["ref"]: sorted(titles.get(ref, ref) for ref in one.get("dependsOn", ()))
        for one in document.get("dependencies", ())
    }
    found: dict[Key, list[_Entry]] = defaultdict(list)
    for key, name, value in _walk(document):
        found[key].append(_Entry(key[-_PARTS], name, dict(_told(value, needs))))
    entries: dict[Key, _Entry] = {}
    for key, rows in found.items():  # several of one name and type are told apart by their order
        ordered = sorted(rows, key=lambda one: sorted(one.told.items()))
        entries |= {(*key, str(n)) if n else key: one for n, one in enumerate(ordered)}
    return entries


Found = tuple[Key, str, Mapping[str, Any]]


def _walk(document: Mapping[str, Any]) -> Iterator[Found]:
    main = document.get("metadata", {}).get("component")
    waiting: list[tuple[Key, str, Mapping[str, Any]]] = []
    if main:
        yield ("system",) * 3, f"{main.get('name')}", main
        waiting += _children((), "", main)
    waiting += _children((), "", document)
    while waiting:
        key, name, value = waiting.pop()
        yield key, name, value
        waiting += _children(key, f"{name} / ", value)
    for formula in document.get("formulation", ()):
        for flow in formula.get("workflows", ()):
            made = [_target(row, _titles(document)) for row in flow.get("outputs", ())]
            name = f"{flow.get('name', 'workflow')} of {', '.join(filter(None, made)) or 'nothing'}"
            yield ("training", name, ""), name, {**flow, "components": formula.get("components")}


def _children(above: Key, prefix: str, value: Mapping[str, Any]) -> list[Found]:
    found: list[Found] = []
    for member, default in (("components", ""), ("services", "service")):
        for one in value.get(member) or ():
            key = (*above, *_key(one, default))
            found.append((key, prefix + _title(one), one))
    return found


def _key(one: Mapping[str, Any], default: str) -> Key:
    """Type, group and name; the group of a guard holds no stage, which its reference tells."""
    what = str(one.get("type") or default)
    purl = one.get("purl")
    group, name = str(one.get("group", "")), str(one.get("name", ""))
    stage = next(
        (row.get("value", "") for row in one.get("properties", ()) if row["name"] == _STAGE), ""
    )
    if isinstance(purl, str) and what != "file":
        return what, group, without_version(purl)
    return what, f"{group}/{stage}" if stage else group, name


_STAGE = "tyrian:guard:stage"


def _title(one: Mapping[str, Any]) -> str:
    _, group, name = _key(one, "service")
    plain = str(one.get("name", "")) or name
    return f"{group}/{plain}" if group else plain


def _titles(document: Mapping[str, Any]) -> dict[str, str]:
    """What each reference is called, so that a new version is no new thing to depend on."""
    titles: dict[str, str] = {}
    waiting = [document, document.get("metadata", {}).get("component") or {}]
    while waiting:
        value = waiting.pop()
        for one in (*(value.get("components") or ()), *(value.get("services") or ())):
            if isinstance(ref := one.get("bom-ref"), str):
                titles[ref] = _title(one)
            waiting.append(one)
            waiting += one.get("pedigree", {}).get("ancestors", ())
        if isinstance(ref := value.get("bom-ref"), str):
            titles.setdefault(ref, _title(value))
    return titles


def _told(one: Mapping[str, Any], needs: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """What a component says, as one short text for each thing that may change."""
    for field in ("version", "purl", "type", "mime-type", "scope", "description"):
        if field in one:
            yield field, str(one[field])
    for row in one.get("hashes", ()):
        yield f"hash {row['alg']}", str(row["content"]).lower()
    if licences := sorted(_licences(one)):
        yield "licence", ", ".join(licences)
    for name, rows in _properties(one).items():
        yield name, ", ".join(sorted(rows))
    if needed := needs.get(str(one.get("bom-ref")), ()):
        yield _NEEDS, ", ".join(needed)
    for field in ("endpoints", "authenticated", "x-trust-boundary", "inputs", "outputs"):
        if field in one:
            yield field, _plain(one[field])
    for field in ("pedigree", "modelCard", "data"):
        if field in one:
            yield from _parts(field, one[field])


def _parts(field: str, value: object) -> Iterator[tuple[str, str]]:
    """Each member of a large member by itself."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{field} {name}", _plain(inner)
    else:
        yield field, _plain(value)


def _plain(value: object) -> str:
    """A value as text, without the names that mean something in their own document alone."""
    return compact(_without_refs(value)).decode()


def _without_refs(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _without_refs(one) for key, one in value.items() if key not in _REFS}
    if isinstance(value, list):
        return [_without_refs(one) for one in value]
    return value


_REFS = ("bom-ref", "ref")


def _target(row: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    ref = (row.get("resource") or {}).get("ref")
    return titles.get(ref, ref) if isinstance(ref, str) else ""


def _licences(one: Mapping[str, Any]) -> Iterator[str]:
    for row in one.get("licenses", ()):
        licence = row.get("license") or {}
        yield str(row.get("expression") or licence.get("id") or licence.get("name"))


def _properties(one: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in one.get("properties", ()):
        found[str(row["name"])].append(str(row.get("value", "")))
    return found
