"""How often a JSON schema makes a validator look at one and the same value; pure.

Schemas come from clients. A few lines that refer to each other can apply a schema to a value two to
the power of thirty times, so that the check of one answer stands still for minutes. A schema is
walked here as a validator walks it, with what is applied to a value as a multiset: values are
told apart by their place, so that trees and lists of trees cost nothing extra.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from tyrian.errors import InputError

MAX_AT_ONCE: Final = 2_000
"""Schemas applied to one value."""
MAX_PLACES: Final = 5_000
"""Kinds of places that are told apart."""
MAX_STEPS: Final = 50_000

_IN_PLACE = ("not", "if", "then", "else")
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_IN_PLACE_MAPS = ("dependentSchemas", "dependencies")
_OF_ITEMS = ("items", "additionalItems", "contains", "unevaluatedItems")
_OF_OTHERS = ("additionalProperties", "unevaluatedProperties")
_DYNAMIC = ("$dynamicRef", "$recursiveRef")

_State = Counter[int]


def check_cost(schema: Mapping[str, Any]) -> None:
    """InputError for a schema that is too dear, or that applies itself to the same value."""
    _Walk(schema).run()


class _Walk:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes: dict[int, Mapping[str, Any]] = {}
        self._steps = 0

    def run(self) -> None:
        first = self._closed(self._state([self._root]))
        seen = {frozenset(first.items())}
        waiting = [first]
        while waiting:
            for state in self._below(waiting.pop()):
                closed = self._closed(state)
                name = frozenset(closed.items())
                if not closed or name in seen:
                    continue
                seen.add(name)
                if len(seen) > MAX_PLACES:
                    raise InputError("the schema is too complex")
                waiting.append(closed)

    def _state(self, schemas: list[object]) -> _State:
        found: _State = Counter()
        for schema in schemas:
            if isinstance(schema, dict):
                self._nodes[id(schema)] = schema
                found[id(schema)] += 1
        return found

    def _closed(self, state: _State) -> _State:
        """The state with everything that is applied to the same value, as often as it is."""
        closed: _State = Counter()
        for node, count in state.items():
            self._apply(node, count, closed, ())
        return closed

    def _apply(self, node: int, count: int, closed: _State, path: tuple[int, ...]) -> None:
        if node in path:
            raise InputError("the schema applies itself to the same value")
        closed[node] += count
        self._steps += 1
        if closed.total() > MAX_AT_ONCE or self._steps > MAX_STEPS or len(path) > MAX_AT_ONCE:
            raise InputError("the schema is too complex")
        for part in self._in_place(self._nodes[node]):
            if isinstance(part, dict):
                self._nodes[id(part)] = part
                self._apply(id(part), count, closed, (*path, node))

    def _in_place(self, schema: Mapping[str, Any]) -> Iterator[object]:
        if any(key in schema for key in _DYNAMIC):
            raise InputError("the schema has a reference that is not fixed")
        if "$id" in schema and schema is not self._root:
            raise InputError("the schema has a part with an address of its own")
        if "$ref" in schema:
            yield self._target(schema["$ref"])
        for key in _IN_PLACE:
            yield schema.get(key)
        for key in _IN_PLACE_LISTS:
            yield from _listed(schema.get(key))
        for key in _IN_PLACE_MAPS:
            yield from _mapped(schema.get(key)).values()

    def _target(self, reference: object) -> object:
        """What a reference leads to; InputError for one that is no path within the schema."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise InputError("the schema has a reference that is no path within it")
        at: Any = self._root
        for step in reference.split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(at, list) and step.isascii() and step.isdigit() and int(step) < len(at):
                at = at[int(step)]
            elif isinstance(at, dict):
                at = at.get(unquote(step))
            else:
                at = None
        return at

    def _below(self, state: _State) -> Iterator[_State]:
        """What is applied to each kind of value below."""
        applied = [(self._nodes[node], count) for node, count in state.items()]
        names = {n for schema, _ in applied for n in _mapped(schema.get("properties"))}
        for name in names:
            yield self._gathered(
                (
                    [_mapped(schema.get("properties")).get(name), *_others(schema)]
                    for schema, _ in applied
                ),
                applied,
            )
        yield self._gathered((_others(schema) for schema, _ in applied), applied)
        yield self._gathered(([schema.get("propertyNames")] for schema, _ in applied), applied)
        longest = max((len(_listed(s.get("prefixItems"))) for s, _ in applied), default=0)
        for place in range(longest + 1):
            yield self._gathered((_items(schema, place) for schema, _ in applied), applied)

    def _gathered(
        self,
        parts: Iterator[list[object]],
        applied: list[tuple[Mapping[str, Any], int]],
    ) -> _State:
        found: _State = Counter()
        for schemas, (_, count) in zip(parts, applied, strict=True):
            for node, times in self._state(schemas).items():
                found[node] += times * count
        self._steps += len(applied)
        if self._steps > MAX_STEPS:
            raise InputError("the schema is too complex")
        return found


def _others(schema: Mapping[str, Any]) -> list[object]:
    """What may be applied to a property of any name."""
    patterns = _mapped(schema.get("patternProperties")).values()
    return [*patterns, *(schema.get(key) for key in _OF_OTHERS)]


def _items(schema: Mapping[str, Any], place: int) -> list[object]:
    first = _listed(schema.get("prefixItems")) or _listed(schema.get("items"))
    below = [schema.get(key) for key in _OF_ITEMS]
    return [*first[place : place + 1], *below]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _mapped(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
