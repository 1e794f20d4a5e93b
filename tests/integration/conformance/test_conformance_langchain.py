"""Lines 64 to 67: LangChain's ChatOpenAI."""

import time
from pathlib import Path
from typing import Any

import httpx2
from langchain_core.tools import tool
from pydantic import BaseModel
from tests.integration.conformance.conftest import STORY, Stage

from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.record import KeyRecord, RateRule
from tyrian.gateway.accounts.scopes import MODEL_SCOPES
from tyrian.gateway.accounts.windows import MemoryWindows
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import KeyKind


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


FASTER = 60
"""How much faster time runs for line 67, on both sides: a minute is a second."""


class Limited:
    """A key with twenty requests a minute."""

    async def verify(self, token: str) -> KeyRecord | None:
        rule = RateRule("org_default", "*", 20, None)
        scopes = frozenset(MODEL_SCOPES)
        return KeyRecord("key_1", "x", KeyKind.TEST, scopes, 0, rates=(rule,))


def hasten(reply: httpx2.Response) -> None:
    """What the gateway calls a minute is a second to the client too."""
    if "retry-after" in reply.headers:
        reply.headers.pop("retry-after-ms", None)
        reply.headers["retry-after"] = str(float(reply.headers["retry-after"]) / FASTER)


def test_line_67_a_batch_completes_through_retries_under_a_limit(
    guarded: Stage, tmp_path: Path
) -> None:
    store = Store.open(tmp_path / "batch.db")
    windows = MemoryWindows(lambda: time.monotonic() * FASTER)
    guarded.start(keys=Limited(), meter=AccountMeter(store, windows=windows), closing=store)
    with httpx2.Client(event_hooks={"response": [hasten]}) as client:
        model = guarded.langchain(max_retries=30, http_client=client)
        asked = [f"say number {i}" for i in range(50)]
        answers = model.batch(list(asked), config={"max_concurrency": 10})
    assert [answer.content for answer in answers] == [f"number {i}" for i in range(50)]
    assert len(guarded.kit.upstream.requests) == 50
    page = httpx2.get(f"http://127.0.0.1:{guarded.port}/metrics").text
    assert 'tyrian_requests_total{route="chat",status="429"}' in page
