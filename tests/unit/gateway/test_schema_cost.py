"""Schemas that would keep a validator busy are told from those that only look large."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tyrian.errors import InputError
from tyrian.gateway.schema_cost import check_cost


class Leaf(BaseModel):
    name: str
    size: int | None = None


class Tree(BaseModel):
    left: "Tree | None"
    right: "Tree | None"
    children: list["Tree"]
    named: dict[str, "Tree"]
    leaf: Leaf | str | list[Leaf]


def doubling(count: int, below: str = "") -> dict[str, Any]:
    """Each definition applies the next one twice, to the same value or to one property of it."""

    def applied(i: int) -> dict[str, Any]:
        ref = {"$ref": f"#/$defs/d{i + 1}"}
        return {"properties": {below: ref}} if below else ref

    defs: dict[str, Any] = {f"d{i}": {"allOf": [applied(i), applied(i)]} for i in range(count)}
    defs[f"d{count}"] = {"type": "integer"}
    return {"$defs": defs, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        Leaf.model_json_schema(),
        Tree.model_json_schema(),
        {"type": "array", "items": {"$ref": "#"}},
        {"properties": {f"p{i}": {"type": "string"} for i in range(1_000)}},
        {"anyOf": [{"const": i} for i in range(1_000)]},
        doubling(5),
        doubling(5, "a"),
    ],
    ids=range(8),
)
def test_what_people_write_passes(schema: dict[str, Any]) -> None:
    check_cost(schema)


@pytest.mark.parametrize(
    "schema",
    [
        doubling(30),
        doubling(30, "a"),
        {"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]},
        {"allOf": [{"items": {"$ref": "#"}}, {"additionalItems": {"$ref": "#"}},
                   {"prefixItems": [{"$ref": "#"}]}]},
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#/anyOf/0"}]},
        {"$dynamicRef": "#x"},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#anchor"},
        {"properties": {"a": {"$id": "https://example.com/", "$ref": "#/$defs/a"}}},
        {"not": {"not": {"patternProperties": {str(i): {"$ref": "#"} for i in range(9)}}}},
    ],
    ids=range(11),
)  # fmt: skip
def test_what_never_ends_or_grows_without_measure_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        check_cost(schema)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["#", "#/allOf/0", "a"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["properties", "items", "$ref", "anyOf", "allOf", "not", "a", "prefixItems",
                         "additionalProperties", "dependentSchemas"]),
        inner,
        max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["allOf", "properties", "items", "$ref"]), _ANY))
def test_any_schema_is_judged(schema: dict[str, Any]) -> None:
    try:
        check_cost(schema)
    except InputError:
        return
