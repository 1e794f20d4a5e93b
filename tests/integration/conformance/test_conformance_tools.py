"""Lines 13 to 15 and 20: tools, and the stream helper of OpenAI's client."""

import json
from typing import Any

import openai
import pytest
from aiohttp import web
from tests.integration.conformance.conftest import STORY, Stage

TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("weather", "time")
]
TWO_CALLS = 'call weather {"city": "Rome"}; time {"zone": "CET"}'
EXPECTED = [("weather", {"city": "Rome"}), ("time", {"zone": "CET"})]


def collected(chunks: list[Any]) -> list[tuple[str, Any]]:
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for call in chunk.choices[0].delta.tool_calls or ():
            if call.index not in calls:
                assert call.id
                assert call.type == "function"
                calls[call.index] = [call.function.name, ""]
            calls[call.index][1] += call.function.arguments or ""
    return [(calls[i][0], json.loads(calls[i][1])) for i in sorted(calls)]


@pytest.mark.parametrize("count", [1, 2])
def test_line_13_parallel_calls_have_their_index_and_whole_arguments(
    stage: Stage, count: int
) -> None:
    told = TWO_CALLS.split(";")[0] if count == 1 else TWO_CALLS
    calls = stage.ask(told, tools=TOOLS).choices[0].message.tool_calls
    assert [(c.function.name, json.loads(c.function.arguments)) for c in calls] == EXPECTED[:count]
    assert collected(stage.stream(told, tools=TOOLS)) == EXPECTED[:count]


def test_line_13_a_server_without_indexes_and_ids_is_mended(stage: Stage) -> None:
    """Some servers send each call whole, without an index, and say `stop`."""

    async def careless(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        calls = [{"id": f"c{i}", "function": {"name": name, "arguments": json.dumps(arguments)}}
                 for i, (name, arguments) in enumerate(EXPECTED)]  # fmt: skip
        if body.get("stream"):
            out = await stage.kit.begin(request)
            for call in calls:
                await out.write(stage.kit.chunk({"tool_calls": [call]}))
            await out.write(stage.kit.chunk({}, "stop") + b"data: [DONE]\n\n")
            return out
        for call in calls:
            del call["id"]
        message = {"role": "assistant", "tool_calls": calls}
        choice = {"message": message, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})

    stage.kit.upstream.answer = careless
    choice = stage.ask("go", tools=TOOLS).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert all(call.id and call.type == "function" for call in choice.message.tool_calls)
    chunks = stage.stream("go", tools=TOOLS)
    assert collected(chunks) == EXPECTED
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


NAMED: Any = {"type": "function", "function": {"name": "time"}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("none", []), ("auto", ["weather"]), ("required", ["weather"]), (NAMED, ["time"])],
)
def test_line_14_tool_choice_is_honoured_and_finishes_the_same_both_ways(
    stage: Stage, choice: Any, expected: list[str]
) -> None:
    told = "call weather {}" if choice == "auto" else "tell"
    whole = stage.ask(told, tools=TOOLS, tool_choice=choice).choices[0]
    assert [call.function.name for call in whole.message.tool_calls or ()] == expected
    chunks = stage.stream(told, tools=TOOLS, tool_choice=choice)
    assert [name for name, _ in collected(chunks)] == expected
    finish = "tool_calls" if expected else "stop"
    assert whole.finish_reason == chunks[-1].choices[0].finish_reason == finish


@pytest.mark.parametrize("choice", ["none", "required", NAMED])
def test_line_14_a_model_that_does_not_honour_it_is_an_error(stage: Stage, choice: Any) -> None:
    if choice == "required":
        stage.kit.upstream.say(STORY)
    else:
        stage.kit.upstream.call(("weather", "{}"))
    with pytest.raises(openai.APIStatusError) as whole:
        stage.ask("tell", tools=TOOLS, tool_choice=choice)
    with pytest.raises(openai.APIError) as streamed:
        stage.stream("tell", tools=TOOLS, tool_choice=choice)
    assert whole.value.status_code == 502
    assert whole.value.code == streamed.value.code == "tool_choice_violated"


@pytest.mark.parametrize(
    "choice", ["maybe", {"type": "function", "function": {"name": "nobody"}}, {"type": "odd"}, 3]
)
def test_line_14_a_choice_that_makes_no_sense_is_refused(stage: Stage, choice: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        stage.ask("tell", tools=TOOLS, tool_choice=choice)
    assert caught.value.param == "tool_choice"


def conversation(call_id: str) -> list[Any]:
    call = {"id": "call_7", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    return [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": "sunny"},
    ]


def test_line_15_tool_results_come_back_and_must_answer_a_call(stage: Stage) -> None:
    assert stage.ask(conversation("call_7"), tools=TOOLS).choices[0].message.content == STORY
    assert stage.kit.upstream.requests[-1]["messages"][-1]["tool_call_id"] == "call_7"
    with pytest.raises(openai.BadRequestError) as caught:
        stage.ask(conversation("call_8"), tools=TOOLS)
    assert caught.value.param == "messages"


def test_line_20_the_stream_helper_fires_its_events(stage: Stage) -> None:
    messages: Any = [{"role": "user", "content": "tell"}]
    with stage.client.chat.completions.stream(model=stage.model, messages=messages) as stream:
        events = list(stream)
    assert {"content.delta", "content.done"} <= {event.type for event in events}
    assert stream.get_final_completion().choices[0].message.content == STORY
    messages = [{"role": "user", "content": TWO_CALLS}]
    with stage.client.chat.completions.stream(
        model=stage.model, messages=messages, tools=TOOLS
    ) as stream:
        done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
    assert [(e.name, json.loads(e.arguments)) for e in done] == EXPECTED
