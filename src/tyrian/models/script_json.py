"""A value for a JSON schema: what the scripted model says where a form is asked for.

The common words of JSON Schema are followed; a value for the others (patterns, conditions) is a
guess, and whoever holds answers to their schema will say so.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

MAX_DEPTH: Final = 12
MAX_ITEMS: Final = 100
MAX_WORDS: Final = 200
"""Characters of the user's words that stand in a string."""

_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "nobody@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def value_for(schema: object, words: str) -> Any:
    """A value that fits the schema; strings are the user's words where that fits."""
    root = schema if isinstance(schema, dict) else {}
    return _Maker(root, words).make(root, 0)


class _Maker:
    def __init__(self, root: Mapping[str, Any], words: str) -> None:
        self._root = root
        self._words = words[:MAX_WORDS]

    def make(self, schema: object, depth: int) -> Any:
        found = self._resolved(schema, depth)
        if "const" in found:
            return found["const"]
        allowed = found.get("enum")
        if isinstance(allowed, list) and allowed:
            return allowed[0]
        kind = _kind(found, is_deep=depth >= MAX_DEPTH)
        if kind == "object":
            return self._object(found, depth)
        if kind == "array":
            return self._array(found, depth)
        if kind == "string":
            return self._string(found)
        if kind in ("integer", "number"):
            return _number(found, is_whole=kind == "integer")
        return True if kind == "boolean" else None

    def _resolved(self, schema: object, depth: int) -> Mapping[str, Any]:
        """The schema without references and choices."""
        found: dict[str, Any] = dict(schema) if isinstance(schema, dict) else {}
        for _ in range(MAX_DEPTH):
            if isinstance(found.get("$ref"), str):
                target = self._target(found.pop("$ref"))
                found = {**target, **found}
            elif isinstance(found.get("allOf"), list):
                for part in found.pop("allOf"):
                    found = _merged(found, self._resolved(part, depth))
            elif options := found.get("anyOf") or found.get("oneOf"):
                found.pop("anyOf", None)
                found.pop("oneOf", None)
                found = {**found, **self._choice(options, depth)}
            else:
                break
        return found

    def _choice(self, options: object, depth: int) -> Mapping[str, Any]:
        """The first choice; deep down the one that ends, such as null."""
        every = options if isinstance(options, list) else []
        known = [option for option in every if isinstance(option, dict)]
        if depth >= MAX_DEPTH // 2:
            ends = [option for option in known if "$ref" not in option]
            known = ends or known
        return known[0] if known else {}

    def _target(self, reference: str) -> Mapping[str, Any]:
        at: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            at = at.get(step) if isinstance(at, dict) else None
        return at if isinstance(at, dict) else {}

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        required = _strings(schema.get("required"))
        names = required if depth >= MAX_DEPTH // 2 else [*dict.fromkeys([*known, *required])]
        return {name: self.make(known.get(name), depth + 1) for name in names if depth < MAX_DEPTH}

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        first = schema.get("prefixItems")
        made = [self.make(one, depth + 1) for one in first] if isinstance(first, list) else []
        least = schema.get("minItems")
        count = min(least, MAX_ITEMS) if isinstance(least, int) else 0
        while len(made) < count and depth < MAX_DEPTH:
            made.append(self.make(schema.get("items"), depth + 1))
        return made

    def _string(self, schema: Mapping[str, Any]) -> str:
        named = _FORMATS.get(str(schema.get("format")))
        if named is not None:
            return named
        text = self._words
        most, least = schema.get("maxLength"), schema.get("minLength")
        if isinstance(most, int):
            text = text[: max(most, 0)]
        if isinstance(least, int):
            text = text.ljust(min(least, 10_000), ".")
        return text


def _kind(schema: Mapping[str, Any], *, is_deep: bool) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = "null" if is_deep and "null" in kind else next(iter(_strings(kind)), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _number(schema: Mapping[str, Any], *, is_whole: bool) -> int | float:
    value: float = 1
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if isinstance(most, int | float):
        value = min(value, most)
    if isinstance(below, int | float):
        value = min(value, below - 1)
    if isinstance(least, int | float):
        value = max(value, least)
    if isinstance(above, int | float):
        value = max(value, above + 1)
    step = schema.get("multipleOf")
    if isinstance(step, int | float) and step > 0:
        value = -(-value // step) * step
    return ceil(value) if is_whole else value


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both schemas at once, as far as their properties go."""
    out = {**one, **other}
    if isinstance(one.get("properties"), dict) and isinstance(other.get("properties"), dict):
        out["properties"] = {**one["properties"], **other["properties"]}
    names = [*_strings(one.get("required")), *_strings(other.get("required"))]
    return {**out, "required": list(dict.fromkeys(names))} if names else out


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
