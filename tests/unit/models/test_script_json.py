"""The scripted model's answers fit the schemas that they were asked for."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from tyrian.models.script_json import value_for


class Step(BaseModel):
    explanation: str
    output: str | None
    weight: float = Field(ge=2.5, le=3)


class Node(BaseModel):
    name: str = Field(min_length=3, max_length=8)
    children: list["Node"]
    next: "Node | None"
    steps: list[Step] = Field(min_length=2)
    kind: Any = Field(json_schema_extra={"enum": ["a", "b"]})


CASES: list[Any] = [
    Step.model_json_schema(),
    Node.model_json_schema(),
    {"type": "string", "format": "date"},
    {"type": ["string", "null"]},
    {"const": 4},
    {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]},
               {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}]},
    {"type": "integer", "exclusiveMinimum": 5, "multipleOf": 4},
    {"type": "number", "exclusiveMaximum": -2},
    {"type": "array", "prefixItems": [{"type": "null"}], "items": {"type": "integer"},
     "minItems": 3},
    {"oneOf": [{"type": "object", "required": ["x"]}]},
    True,
    {},
]  # fmt: skip


@pytest.mark.parametrize("schema", CASES, ids=range(len(CASES)))
def test_a_value_fits_its_schema(schema: Any) -> None:
    jsonschema.Draft202012Validator(schema).validate(value_for(schema, "How are you?"))


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "properties", "items", "$ref", "anyOf", "allOf", "enum", "minimum",
                         "required", "minItems", "prefixItems", "a"]) , inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(_ANY)
def test_no_schema_breaks_the_script(schema: Any) -> None:
    value_for(schema, "words")


def test_a_schema_that_holds_itself_comes_to_an_end() -> None:
    value_for({"$ref": "#"}, "words")
    value_for({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "words")
