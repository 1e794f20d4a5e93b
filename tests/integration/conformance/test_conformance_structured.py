"""Lines 16 to 19: structured output with OpenAI's client."""

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from tests.integration.conformance.conftest import STORY, Stage

GOOD = '{"name": "Ada", "age": 36}'
BROKEN = '{"name": "Ada", "age": "secret-36"}'


class Person(BaseModel):
    name: str
    age: int


def parse(stage: Stage, text: str, **options: Any) -> Any:
    return stage.client.chat.completions.parse(
        model=stage.model, messages=[{"role": "user", "content": f"say {text}"}],
        response_format=Person, **options,
    )  # fmt: skip


SCHEMA: Any = {
    "type": "json_schema",
    "json_schema": {"name": "person", "strict": True, "schema": Person.model_json_schema()},
}


def test_line_16_an_answer_is_parsed_into_its_class(stage: Stage) -> None:
    assert parse(stage, GOOD).choices[0].message.parsed == Person(name="Ada", age=36)
    sent = stage.kit.upstream.requests[-1]["response_format"]
    assert sent["json_schema"]["name"] == "Person"


def test_line_17_json_that_was_asked_for_is_json(stage: Stage) -> None:
    for form, text in (({"type": "json_object"}, '{"a": 1}'), (SCHEMA, GOOD)):
        answer = stage.ask(f"say {text}", response_format=form)
        assert json.loads(answer.choices[0].message.content)
        chunks = stage.stream(f"say {text}", response_format=form)
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == text


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"type": "json_object"}, "[1]"),
        ({"type": "json_object"}, STORY),
        (SCHEMA, STORY),
        (SCHEMA, BROKEN),
        (SCHEMA, '{"name": "Ada"}'),
    ],
)
def test_line_17_an_answer_that_breaks_its_schema_is_an_error(
    stage: Stage, form: Any, text: str
) -> None:
    client = stage.client.with_options(max_retries=2)
    messages: Any = [{"role": "user", "content": f"say {text}"}]
    with pytest.raises(openai.APIStatusError) as whole:
        client.chat.completions.create(model=stage.model, messages=messages, response_format=form)
    assert whole.value.status_code == 502
    assert len(stage.kit.upstream.requests) == 1
    with pytest.raises(openai.APIError) as streamed:
        stage.stream(f"say {text}", response_format=form)
    for error in (whole.value, streamed.value):
        assert error.code == "schema_violated"
        assert "secret-36" not in str(error)


def test_line_17_strict_functions_are_held_to_their_parameters(stage: Stage) -> None:
    function = {"name": "f", "strict": True, "parameters": Person.model_json_schema()}
    tools: Any = [{"type": "function", "function": function}]
    assert stage.ask(f"call f {GOOD}", tools=tools).choices[0].message.tool_calls
    with pytest.raises(openai.APIStatusError) as whole:
        stage.ask(f"call f {BROKEN}", tools=tools)
    with pytest.raises(openai.APIError) as streamed:
        stage.stream(f"call f {BROKEN}", tools=tools)
    assert whole.value.code == streamed.value.code == "schema_violated"


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        ({"type": "strin"}, "invalid_schema"),
        ({"$ref": "http://127.0.0.1:1/schema.json"}, "invalid_schema"),
        ({"$ref": "file:///etc/passwd"}, "invalid_schema"),
        ({"type": "string", "pattern": "(a)\\1"}, "invalid_schema"),
        ({"enum": ["x" * 300_000]}, "schema_too_large"),
        (None, None),
        (3, None),
    ],
)
def test_line_17_a_schema_that_cannot_be_held_is_refused(
    stage: Stage, schema: Any, code: str | None
) -> None:
    spec = {"name": "x", "strict": True, "schema": schema}
    with pytest.raises(openai.BadRequestError) as caught:
        stage.ask("say 1", response_format={"type": "json_schema", "json_schema": spec})
    assert caught.value.param == "response_format.json_schema.schema"
    assert caught.value.code == code
    assert not stage.kit.upstream.requests


def test_line_17_a_schema_from_a_client_cannot_stall_the_gateway(stage: Stage) -> None:
    """The pattern takes a backtracking matcher longer than the universe has."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    spec = {"name": "x", "strict": True, "schema": schema}
    text = json.dumps({"a": "a" * 5000 + "b"})
    with pytest.raises(openai.APIStatusError) as caught:
        stage.ask(f"say {text}", response_format={"type": "json_schema", "json_schema": spec})
    assert caught.value.code == "schema_violated"


def test_line_18_a_block_is_a_content_filter_to_the_parser(guarded: Stage) -> None:
    with pytest.raises(openai.ContentFilterFinishReasonError):
        parse(guarded, "an ATTACK")
    guarded.kit.upstream.say('{"name": "ATTACK", "age": 1}')
    with pytest.raises(openai.ContentFilterFinishReasonError):
        parse(guarded, "tell")
    choice = guarded.ask("say an ATTACK", response_format=SCHEMA).choices[0]
    assert choice.finish_reason == "content_filter"
    assert choice.message.refusal


def test_line_19_an_answer_that_is_too_long_is_told_apart(stage: Stage) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        parse(stage, GOOD, max_tokens=2)
    chunks = stage.stream(f"say {GOOD}", response_format=SCHEMA, max_tokens=2)
    assert chunks[-1].choices[0].finish_reason == "length"
