"""What a schema cannot say: references that lead somewhere, hashes that can be, types that fit.

Every rule holds for any CycloneDX document, not for Tyrian's own alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tyrian.supply.aibom.fault import Fault
from tyrian.supply.aibom.licence import expression_fault
from tyrian.supply.aibom.purl import PurlError, parse_purl
from tyrian.supply.aibom.schema import pointer
from tyrian.supply.aibom.walk import Place, places

_HEX_DIGITS = {
    "MD5": (32,),
    "SHA-1": (40,),
    "SHA-256": (64,),
    "SHA-384": (96,),
    "SHA-512": (128,),
    "SHA3-256": (64,),
    "SHA3-384": (96,),
    "SHA3-512": (128,),
    "BLAKE2b-256": (64,),
    "BLAKE2b-384": (96,),
    "BLAKE2b-512": (128,),
    "BLAKE3": (32, 40, 64, 96, 128),
    "Streebog-256": (64,),
    "Streebog-512": (128,),
}
"""Hexadecimal digits of each algorithm; of BLAKE3 there are as many as one wants."""
_ONLY_ON = {
    "modelCard": "machine-learning-model",
    "data": "data",
    "cryptoProperties": "cryptographic-asset",
}
"""Members of components that other types must not have."""


def meaning_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Each place that the schema passes and that cannot be meant; for documents that pass it."""
    found = list(places(document))
    refs: dict[str, tuple[object, ...]] = {}
    for place in found:
        yield from _ref_faults(place, refs)
    for place in found:
        yield from _link_faults(place, refs)
        if place.kind == "component":
            yield from _component_faults(place)
        if place.kind == "hashes":
            yield from _hash_faults(place)
        if place.kind == "licence":
            yield from _licence_faults(place)
        if place.kind == "span":
            yield from _span_faults(place)
    yield from _dependency_faults(document)
    yield from _pointer_faults(document)


def _ref_faults(place: Place, refs: dict[str, tuple[object, ...]]) -> Iterator[Fault]:
    if place.ref is None:
        return
    if place.ref in refs:
        why = f"{_shown(place.ref)} is the bom-ref of {pointer(refs[place.ref])} already"
        yield Fault("duplicate-ref", pointer((*place.path, "bom-ref")), why)
    refs.setdefault(place.ref, place.path)


def _link_faults(place: Place, refs: Mapping[str, object]) -> Iterator[Fault]:
    for path, target in place.links:
        if target not in refs and not target.startswith("urn:cdx:"):
            why = f"nothing in the document has the bom-ref {_shown(target)}"
            yield Fault("dangling-ref", pointer((*place.path, *path)), why)


def _component_faults(place: Place) -> Iterator[Fault]:
    component = place.value
    for member, kind in _ONLY_ON.items():
        if member in component and component.get("type") != kind:
            why = f"{member} is for components of type {kind}, and this is a {component['type']}"
            yield Fault("type-member", pointer((*place.path, member)), why)
    if "purl" in component:
        yield from _purl_faults(place)


def _purl_faults(place: Place) -> Iterator[Fault]:
    where = pointer((*place.path, "purl"))
    try:
        purl = parse_purl(str(place.value["purl"]))
    except PurlError as error:
        yield Fault("purl", where, f"{_shown(place.value['purl'])} is no package URL: {error}")
        return
    version = place.value.get("version")
    if purl.version and isinstance(version, str) and version and purl.version != version:
        why = f"it is of version {purl.version[:80]!r}, and the component of {version[:80]!r}"
        yield Fault("purl-version", where, why)


def _hash_faults(place: Place) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for at, one in enumerate(place.value["hashes"]):
        kind, content = str(one["alg"]), str(one["content"])
        where = pointer((*place.path, "hashes", at))
        digits = _HEX_DIGITS.get(kind, ())
        if digits and len(content) not in digits:
            why = f"{kind} has {digits[0]} hexadecimal digits, and this value {len(content)}"
            yield Fault("hash-length", f"{where}/content", why)
        if seen.setdefault(kind, content.lower()) != content.lower():
            yield Fault("hash-twice", where, f"there are two different values of {kind}")


def _licence_faults(place: Place) -> Iterator[Fault]:
    if fault := expression_fault(str(place.value["expression"])):
        yield Fault("licence", pointer((*place.path, "expression")), fault)


def _span_faults(place: Place) -> Iterator[Fault]:
    start, end = str(place.value["timeStart"]), str(place.value["timeEnd"])
    if start.endswith("Z") and end.endswith("Z") and len(start) == len(end) and end < start:
        yield Fault("time-order", pointer((*place.path, "timeEnd")), "it ends before it starts")


def _dependency_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for at, one in enumerate(document.get("dependencies", ())):
        if (first := seen.setdefault(one["ref"], at)) != at:
            why = f"what {_shown(one['ref'])} depends on stands at /dependencies/{first} already"
            yield Fault("dependency-twice", f"/dependencies/{at}/ref", why)


def _pointer_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Citations of 1.7 name the places that they are of."""
    for at, citation in enumerate(document.get("citations", ())):
        for n, text in enumerate(citation.get("pointers", ())):
            if not _leads_somewhere(document, str(text)):
                why = f"{_shown(text)} leads nowhere in the document"
                yield Fault("pointer", f"/citations/{at}/pointers/{n}", why)


def _leads_somewhere(value: object, text: str) -> bool:
    if text and not text.startswith("/"):
        return False
    for step in text.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return False
    return True


def _shown(text: object) -> str:
    told = str(text)
    return repr(told if len(told) <= 120 else told[:118] + " …")
