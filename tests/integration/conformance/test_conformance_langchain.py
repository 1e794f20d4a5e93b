"""Lines 64 to 67: LangChain's ChatOpenAI."""

from typing import Any

from langchain_core.tools import tool
from pydantic import BaseModel
from tests.integration.conformance.conftest import STORY, Stage


@tool
def weather(city: str) -> str:
    """Tells the weather."""
    return f"sunny in {city}"


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


async def test_line_64_invoke_and_stream_say_the_same_and_count_tokens(stage: Stage) -> None:
    model = stage.langchain()
    answer = model.invoke("tell")
    assert answer.content == STORY
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 14
    whole: Any = None
    for piece in stage.langchain(stream_usage=True).stream("tell"):
        whole = piece if whole is None else whole + piece
    assert whole.content == STORY
    assert whole.usage_metadata["total_tokens"] == 14
    pieces = [piece.content async for piece in model.astream("tell")]
    assert "".join(str(piece) for piece in pieces) == STORY


def test_line_65_bound_tools_merge_to_one_call(stage: Stage) -> None:
    model = stage.langchain().bind_tools([weather])
    whole: Any = None
    for piece in model.stream('call weather {"city": "Rome"}'):
        whole = piece if whole is None else whole + piece
    assert [(c["name"], c["args"]) for c in whole.tool_calls] == [("weather", {"city": "Rome"})]


def test_line_65_structured_output_works_both_ways(stage: Stage) -> None:
    person = Person(name="Ada", age=36)
    text = person.model_dump_json()
    by_schema = stage.langchain().with_structured_output(Person, method="json_schema")
    assert by_schema.invoke(f"say {text}") == person
    by_call = stage.langchain().with_structured_output(Person, method="function_calling")
    assert by_call.invoke(f"call Person {text}") == person


def test_line_66_the_responses_api_works_whole_and_streamed(stage: Stage) -> None:
    model = stage.langchain(use_responses_api=True)
    answer = model.invoke("tell")
    assert answer.text == STORY
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 14
    whole: Any = None
    for piece in model.stream("tell"):
        whole = piece if whole is None else whole + piece
    assert whole.text == STORY
    called = model.bind_tools([weather]).invoke('call weather {"city": "Rome"}')
    assert [call["args"] for call in called.tool_calls] == [{"city": "Rome"}]
