"""The scripted model speaks the OpenAI dialect."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.upstream import Upstream
from tyrian.models.script import LABEL
from tyrian.models.scripted import MODEL_ID, ScriptedModel, pieces

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
        },
    },
}


def body(text: str, **more: object) -> bytes:
    return json.dumps(
        {"model": MODEL_ID, "messages": [{"role": "user", "content": text}], **more}
    ).encode()


async def whole(text: str, **more: object) -> dict[str, Any]:
    reply = await ScriptedModel().chat(body(text, **more), is_stream=False)
    assert reply.status == 200
    answer: dict[str, Any] = json.loads(await reply.read())
    return answer


async def streamed(text: str, **more: object) -> list[dict[str, Any]]:
    reply = await ScriptedModel().chat(body(text, **more), is_stream=True)
    payloads = [payload async for payload in reply.events()]
    assert payloads[-1] == b"[DONE]"
    return [json.loads(payload) for payload in payloads[:-1]]


def said(chunks: list[dict[str, Any]], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(c["delta"].get("content") or "" for c in choices if c["index"] == index)


def test_it_is_an_upstream() -> None:
    upstream: Upstream = ScriptedModel()
    assert upstream.model_ids == (MODEL_ID,)


async def test_it_says_what_it_is_and_echoes() -> None:
    answer = await whole("how are the snails?")
    content = answer["choices"][0]["message"]["content"]
    assert content == f"{LABEL}\n\nYou said: how are the snails?"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_streamed_and_whole_say_the_same() -> None:
    answer = await whole("ahoy\nthere  friend")
    chunks = await streamed("ahoy\nthere  friend")
    assert said(chunks) == answer["choices"][0]["message"]["content"]
    assert {chunk["id"] for chunk in chunks} != {""}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all("finish_reason" in chunk["choices"][0] for chunk in chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_usage_comes_in_one_chunk_of_its_own_only_when_asked() -> None:
    chunks = await streamed("x", stream_options={"include_usage": True})
    assert [chunk["choices"] for chunk in chunks].count([]) == 1
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert all(chunk.get("usage") is None for chunk in await streamed("x"))


async def test_tokens_are_limited() -> None:
    answer = await whole("one two three", max_tokens=4)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 4


@pytest.mark.parametrize("stop", ["You said", ["zzz", "You said"]])
async def test_it_stops_at_a_stop_sequence(stop: object) -> None:
    answer = await whole("ahem you", stop=stop)
    assert "You said" not in answer["choices"][0]["message"]["content"]


async def test_n_choices_come_whole_and_interleaved() -> None:
    answer = await whole("one", n=2)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    chunks = await streamed("one", n=2)
    assert said(chunks, 0) == said(chunks, 1) == answer["choices"][1]["message"]["content"]


async def test_a_tool_is_called_with_arguments_of_its_schema() -> None:
    answer = await whole("use the weather tool for Tyre", tools=[WEATHER])
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    function = choice["message"]["tool_calls"][0]["function"]
    assert function["name"] == "get_weather"
    assert json.loads(function["arguments"]) == {
        "city": "use the weather tool for Tyre",
        "days": 1,
        "unit": "celsius",
    }


async def test_streamed_arguments_join_to_the_whole_ones() -> None:
    chunks = await streamed("call get_weather", tools=[WEATHER])
    calls = [
        call
        for chunk in chunks
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", [])
    ]
    joined = "".join(call["function"].get("arguments", "") for call in calls)
    assert json.loads(joined)["days"] == 1
    assert calls[0]["id"]
    assert calls[0]["function"]["name"] == "get_weather"
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "is_called"),
    [
        ("none", False),
        ("auto", False),
        ("required", True),
        ({"type": "function", "function": {"name": "get_weather"}}, True),
    ],
)
async def test_the_tool_choice_is_honoured(choice: object, is_called: bool) -> None:
    answer = await whole("good news", tools=[WEATHER], tool_choice=choice)
    assert (answer["choices"][0]["finish_reason"] == "tool_calls") is is_called


async def test_a_tool_result_is_read_back() -> None:
    messages = [
        {"role": "user", "content": "use the weather tool"},
        {"role": "tool", "tool_call_id": "call_scripted_0", "content": "sunny"},
    ]
    sent = json.dumps({"messages": messages, "tools": [WEATHER]}).encode()
    reply = await ScriptedModel().chat(sent, is_stream=False)
    answer = json.loads(await reply.read())
    assert answer["choices"][0]["message"]["content"].endswith("The tool returned: sunny")


async def test_asked_for_json_it_gives_json() -> None:
    answer = await whole("hey", response_format={"type": "json_object"})
    assert json.loads(answer["choices"][0]["message"]["content"])["echo"] == "hey"


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"{}", b'{"messages": 3}', b"[" * 100_000])
async def test_what_is_no_request_gets_a_400(sent: bytes) -> None:
    assert (await ScriptedModel().chat(sent, is_stream=False)).status == 400


@pytest.mark.parametrize("n", [-1, 17, 10**9, "two"])
async def test_too_many_choices_get_a_400(n: object) -> None:
    assert (await ScriptedModel().chat(body("x", n=n), is_stream=True)).status == 400


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
