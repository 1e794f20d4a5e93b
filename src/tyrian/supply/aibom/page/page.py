"""A bill of materials as one HTML file that people read: on screen, in the dark, and on paper.

It shows any CycloneDX document, and needs nothing else. Every text of the document is escaped, and
what an eye or a terminal would obey is made visible.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from tyrian.supply.aibom.fault import Fault
from tyrian.supply.aibom.schema import spec_of

_LONGEST = 2000
_KEPT = frozenset("\n\t")
_MOST_FILES = 200
Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One component, ready to be shown."""

    title: str
    version: str
    licence: str
    digest: str
    purl: str
    needs: tuple[str, ...]
    description: str
    facts: tuple[Row, ...]
    sections: tuple[tuple[str, tuple[Row, ...]], ...]
    """Titles and rows of its card and pedigree."""
    files: tuple[tuple[str, str, str], ...]
    """Name, SHA-256 and size of each."""
    files_left: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """All of a document, in the order in which people ask."""

    title: str
    spec: str
    time: str
    serial: str
    tool: str
    facts: tuple[Row, ...]
    counts: tuple[tuple[str, int], ...]
    guards: tuple[Part, ...]
    models: tuple[Part, ...]
    data: tuple[Part, ...]
    others: tuple[Part, ...]
    packages: tuple[Part, ...]
    services: tuple[tuple[str, tuple[Row, ...]], ...]
    trainings: tuple[tuple[str, tuple[Row, ...]], ...]
    faults: tuple[Fault, ...] = field(default=())


def as_page(document: Mapping[str, Any], faults: Sequence[Fault] = ()) -> str:
    """The page of a document; `faults` stand at its head where there are some."""
    spec_of(document)
    page = _environment().from_string(_file("page.html"))
    style = Markup(_file("page.css"))  # noqa: S704  our own file
    return page.render(sheet=_sheet(document, tuple(faults)), style=style)


@cache
def _environment() -> Environment:
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters["visible"] = visible
    return made


def _file(name: str) -> str:
    return (files("tyrian.supply.aibom.page") / name).read_text(encoding="utf-8")


def visible(text: object, longest: int = _LONGEST) -> str:
    """A text with control, format and unassigned characters as `<U+XXXX>`, cut where too long."""
    told = str(text)
    cut = told[:longest]
    shown = "".join(
        char if char in _KEPT or unicodedata.category(char)[0] != "C" else f"<U+{ord(char):04X}>"
        for char in cut
    )
    left = len(told) - len(cut)
    return shown + (f"\n… {left} more characters" if left else "")


def _sheet(document: Mapping[str, Any], faults: tuple[Fault, ...]) -> Sheet:
    head = document.get("metadata", {})
    main = head.get("component", {})
    components = list(document.get("components", ()))
    titles = {one["bom-ref"]: _title(one) for one in components if "bom-ref" in one}
    needs = {
        one["ref"]: tuple(titles[ref] for ref in one.get("dependsOn", ()) if ref in titles)
        for one in document.get("dependencies", ())
    }
    kinds: dict[str, list[Part]] = {name: [] for name in _KINDS}
    for one in components:
        kinds[_kind(one)].append(_part(one, needs))
    counts = [(title, len(kinds[name])) for name, title in _KINDS.items()]
    counts.insert(3, ("services", len(document.get("services", ()))))
    return Sheet(
        title=str(main.get("name", "Bill of materials")),
        spec=str(document["specVersion"]),
        time=str(head.get("timestamp", "")),
        serial=str(document.get("serialNumber", "")),
        tool=_tool(head),
        facts=tuple(_properties(main)),
        counts=tuple((title, count) for title, count in counts if count),
        guards=tuple(kinds["guard"]),
        models=tuple(kinds["model"]),
        data=tuple(kinds["data"]),
        others=tuple(kinds["other"]),
        packages=tuple(kinds["package"]),
        services=tuple((str(one["name"]), _service(one)) for one in document.get("services", ())),
        trainings=tuple(_trainings(document, titles)),
        faults=faults,
    )


_KINDS = {
    "guard": "guards",
    "model": "models",
    "data": "datasets",
    "package": "packages",
    "other": "files and others",
}


def _kind(one: Mapping[str, Any]) -> str:
    if one.get("group") == "guard" or "guard" in one.get("tags", ()):
        return "guard"
    known = {"machine-learning-model": "model", "data": "data"}
    if str(one.get("purl", "")).startswith("pkg:") and one["type"] in ("library", "framework"):
        return "package"
    return known.get(str(one["type"]), "other")


def _tool(head: Mapping[str, Any]) -> str:
    tools = head.get("tools")
    rows = tools.get("components", ()) if isinstance(tools, Mapping) else tools or ()
    return ", ".join(f"{row.get('name', '')} {row.get('version', '')}".strip() for row in rows)


def _title(one: Mapping[str, Any]) -> str:
    group = str(one.get("group", ""))
    name = str(one.get("name", ""))
    return f"{group}/{name}" if group and group != "guard" else name


def _part(one: Mapping[str, Any], needs: Mapping[str, tuple[str, ...]]) -> Part:
    inner = [row for row in one.get("components", ()) if row.get("type") == "file"]
    return Part(
        title=_title(one),
        version=str(one.get("version", "")),
        licence=", ".join(_licences(one)),
        digest=_digest(one),
        purl=str(one.get("purl", "")),
        needs=needs.get(str(one.get("bom-ref")), ()),
        description=str(one.get("description", "")),
        facts=tuple(_properties(one)),
        sections=tuple(_sections(one)),
        files=tuple((row["name"], _digest(row), _size(row)) for row in inner[:_MOST_FILES]),
        files_left=max(0, len(inner) - _MOST_FILES),
    )


def _digest(one: Mapping[str, Any]) -> str:
    rows = one.get("hashes", ())
    best = next((row for row in rows if row["alg"] == "SHA-256"), rows[0] if rows else None)
    return f"{best['alg']} {best['content']}" if best else ""


def _size(one: Mapping[str, Any]) -> str:
    found = next((value for name, value in _properties(one) if name == "size"), "")
    return f"{int(found):,}" if found.isdecimal() else ""


def _licences(one: Mapping[str, Any]) -> Iterator[str]:
    for row in one.get("licenses", ()):
        licence = row.get("license") or {}
        yield str(row.get("expression") or licence.get("id") or licence.get("name"))


def _properties(one: Mapping[str, Any]) -> Iterator[Row]:
    for row in one.get("properties", ()):
        name = str(row["name"]).removeprefix("tyrian:").removeprefix("guard:")
        yield name.replace("architecture:", ""), str(row.get("value", ""))


def _service(one: Mapping[str, Any]) -> tuple[Row, ...]:
    rows = [("address", ", ".join(one.get("endpoints", ())))]
    if "authenticated" in one:
        rows.append(("key needed", "yes" if one["authenticated"] else "no"))
    if "x-trust-boundary" in one:
        rows.append(("somebody else's", "yes" if one["x-trust-boundary"] else "no"))
    rows.append(("licence", ", ".join(_licences(one))))
    return tuple((name, value) for name, value in (*rows, *_properties(one)) if value)


def _sections(one: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Row, ...]]]:
    card = one.get("modelCard", {})
    made = {
        "What it is": _parameters(card.get("modelParameters", {}), card),
        "How well it does": [
            (f"{row.get('type', '')}{' on ' + row['slice'] if row.get('slice') else ''}",
             str(row.get("value", "")))
            for row in card.get("quantitativeAnalysis", {}).get("performanceMetrics", ())
        ],
        "What to consider": list(_considerations(card.get("considerations", {}))),
        "Where it comes from": list(_pedigree(one.get("pedigree", {}))),
    }  # fmt: skip
    yield from ((title, tuple(rows)) for title, rows in made.items() if rows)


def _parameters(told: Mapping[str, Any], card: Mapping[str, Any]) -> list[Row]:
    rows = [
        ("task", str(told.get("task", ""))),
        ("family", str(told.get("architectureFamily", ""))),
        ("architecture", str(told.get("modelArchitecture", ""))),
        ("reads", ", ".join(str(row.get("format")) for row in told.get("inputs", ()))),
        ("gives", ", ".join(str(row.get("format")) for row in told.get("outputs", ()))),
        (
            "trained on",
            ", ".join(str(row.get("name") or row.get("ref")) for row in told.get("datasets", ())),
        ),
    ]
    return [row for row in (*rows, *_properties(card)) if row[1]]


_CONSIDERED = {
    "users": "users",
    "useCases": "for",
    "technicalLimitations": "limitation",
    "performanceTradeoffs": "trade-off",
}


def _considerations(told: Mapping[str, Any]) -> Iterator[Row]:
    for key, title in _CONSIDERED.items():
        yield from ((title, str(text)) for text in told.get(key, ()))
    yield from (("risk", str(row.get("name", ""))) for row in told.get("ethicalConsiderations", ()))


def _pedigree(told: Mapping[str, Any]) -> Iterator[Row]:
    for one in told.get("ancestors", ()):
        version = f" at {one['version']}" if one.get("version") else ""
        yield "made from", f"{_title(one)}{version}"
    yield from (("code", str(one.get("uid", ""))) for one in told.get("commits", ()))
    for one in told.get("patches", ()):
        text = one.get("diff", {}).get("text", {}).get("content", "")
        yield "changed", str(text).strip()
    if told.get("notes"):
        yield "note", str(told["notes"])


def _trainings(
    document: Mapping[str, Any], titles: Mapping[str, str]
) -> Iterator[tuple[str, tuple[Row, ...]]]:
    for formula in document.get("formulation", ()):
        for flow in formula.get("workflows", ()):
            rows: list[Row] = []
            for one in flow.get("inputs", ()):
                ref = one.get("resource", {}).get("ref", "")
                role = next((value for name, value in _properties(one) if name == "role"), "input")
                rows += [(role, titles.get(ref, ref))] if ref else []
                rows += [
                    (str(row.get("name", "")), str(row.get("value", "")))
                    for row in one.get("parameters", ())
                ]
            rows += [(key, str(flow[key])) for key in ("timeStart", "timeEnd") if key in flow]
            rows += [*_properties(flow), *_properties(formula)]
            made = [
                titles.get(one.get("resource", {}).get("ref", ""), "")
                for one in flow.get("outputs", ())
            ]
            title = ", ".join(filter(None, made)) or str(flow.get("name", "workflow"))
            yield title, tuple(rows)
