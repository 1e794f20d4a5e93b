"""Lines 46 to 48: the Responses API with OpenAI's client."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web
from pydantic import BaseModel
from tests.integration.conformance.conftest import MODEL, STORY, Stage, obedient, words
from tests.integration.conformance.test_conformance_files import OTHER_KEY, TwoOrganisations

from tyrian.gateway.store.engine import Store
from tyrian.gateway.stored_responses import StoredResponses

TOOLS: Any = [
    {"type": "function", "name": name, "parameters": {"type": "object"}, "strict": False}
    for name in ("weather", "time")
]
TWO_CALLS = 'call weather {"city": "Rome"}; time {"zone": "CET"}'


def create(stage: Stage, text: Any = "tell", **options: Any) -> Any:
    return stage.client.responses.create(model=MODEL, input=text, **options)


def test_line_46_a_response_has_its_text_and_usage(stage: Stage) -> None:
    response = create(stage, instructions="Be brief.", metadata={"a": "b"}, temperature=0)
    assert response.output_text == STORY
    assert (response.object, response.status, response.error) == ("response", "completed", None)
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert (response.instructions, response.metadata) == ("Be brief.", {"a": "b"})
    assert response.temperature == 0
    assert response.id.startswith("resp_")
    sent = stage.kit.upstream.requests[-1]["messages"]
    assert sent[0] == {"role": "system", "content": "Be brief."}


def test_line_46_a_stream_has_its_events_in_order(stage: Stage) -> None:
    events = list(create(stage, stream=True))
    kinds = [event.type for event in events]
    deltas = [kind for kind in kinds if kind == "response.output_text.delta"]
    assert [k for k in kinds if k not in deltas] == [
        "response.created", "response.in_progress", "response.output_item.added",
        "response.content_part.added", "response.output_text.done", "response.content_part.done",
        "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == STORY == events[-1].response.output_text
    assert events[-1].response.id == events[0].response.id
    assert events[-1].response.usage.total_tokens == 14


def test_line_46_the_stream_helper_gives_the_final_response(stage: Stage) -> None:
    with stage.client.responses.stream(model=MODEL, input="tell") as stream:
        final = stream.get_final_response()
    assert final.output_text == STORY


def test_line_46_no_stream_ends_with_done(stage: Stage) -> None:
    body = {"model": MODEL, "input": "tell", "stream": True}
    raw = stage.http.post("/v1/responses", json=body).text
    assert "[DONE]" not in raw
    for event in raw.split("\n\n")[:-1]:
        name, data = event.split("\n")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"


class Person(BaseModel):
    name: str
    age: int


def test_line_46_structured_output_is_parsed_and_held(stage: Stage) -> None:
    text = 'say {"name": "Ada", "age": 36}'
    parsed = stage.client.responses.parse(model=MODEL, input=text, text_format=Person)
    assert parsed.output_parsed == Person(name="Ada", age=36)
    with pytest.raises(openai.APIStatusError) as caught:
        stage.client.responses.parse(model=MODEL, input="say {}", text_format=Person)
    assert caught.value.code == "schema_violated"


def test_line_46_what_is_cut_off_or_stopped_is_incomplete(guarded: Stage) -> None:
    cut = create(guarded, max_output_tokens=3)
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    for is_stream in (False, True):
        answer = create(guarded, "an ATTACK", stream=is_stream)
        response = list(answer)[-1].response if is_stream else answer
        assert (response.status, response.incomplete_details.reason) == (
            "incomplete", "content_filter",
        )  # fmt: skip
        assert "Blocked by Tyrian" in response.output[0].content[0].refusal
        assert response.model_extra["tyrian"]["effect"] == "block"


def test_line_46_a_failure_in_mid_stream_is_an_error(stage: Stage) -> None:
    async def breaks(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out = await stage.kit.begin(request)
        await out.write(stage.kit.chunk({"content": "The boats came home. "}))
        return out

    stage.kit.upstream.answer = breaks
    stream = create(stage, stream=True)
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code == "upstream_error"


def test_line_46_thoughts_and_log_probabilities_have_their_place(stage: Stage) -> None:
    async def thinks(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        if not body.get("stream"):
            message = {"role": "assistant", "content": STORY, "reasoning_content": "Boats, then."}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return web.json_response({"choices": [choice]})
        out = await stage.kit.begin(request)
        for delta in ({"reasoning_content": "Boats, "}, {"reasoning_content": "then."},
                      {"content": STORY}):  # fmt: skip
            await out.write(stage.kit.chunk(delta))
        await out.write(stage.kit.chunk({}, "stop") + b"data: [DONE]\n\n")
        return out

    stage.kit.upstream.answer = thinks
    for response in (create(stage), list(create(stage, stream=True))[-1].response):
        assert [item.type for item in response.output] == ["reasoning", "message"]
        assert response.output[0].content[0].text == "Boats, then."
        assert response.output_text == STORY
    stage.kit.upstream.answer = obedient
    include: Any = ["message.output_text.logprobs"]
    response = create(stage, include=include, top_logprobs=1)
    assert [entry.token for entry in response.output[0].content[0].logprobs] == words(STORY)


def test_line_46_moderation_stands_in_the_response(guarded: Stage) -> None:
    policy: Any = {"model": "m", "policy": {"input": {"mode": "score"}}}
    for is_stream in (False, True):
        answer = create(guarded, "say an ODD thing", moderation=policy, stream=is_stream)
        response = list(answer)[-1].response if is_stream else answer
        assert response.moderation.input.flagged
        assert response.moderation.output.type == "moderation_result"


@pytest.mark.parametrize("is_stream", [False, True])
def test_line_47_calls_and_their_outputs_make_the_round(stage: Stage, is_stream: bool) -> None:
    answer = create(stage, TWO_CALLS, tools=TOOLS, stream=is_stream)
    if is_stream:
        events = list(answer)
        done = [e for e in events if e.type == "response.function_call_arguments.done"]
        assert [e.arguments for e in done] == ['{"city": "Rome"}', '{"zone": "CET"}']
        answer = events[-1].response
        added = [e.output_index for e in events if e.type == "response.output_item.added"]
        assert added == [0, 1]
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [(c.name, c.arguments) for c in calls] == [
        ("weather", '{"city": "Rome"}'), ("time", '{"zone": "CET"}'),
    ]  # fmt: skip
    said: list[Any] = [{"role": "user", "content": TWO_CALLS}]
    said += [item.model_dump() for item in answer.output]
    said += [
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        for call in calls
    ]
    assert create(stage, said, tools=TOOLS).output_text == STORY
    sent = stage.kit.upstream.requests[-1]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool"]
    assert len(sent[1]["tool_calls"]) == 2
    said[-1]["call_id"] = "call_nobody"
    with pytest.raises(openai.BadRequestError) as caught:
        create(stage, said, tools=TOOLS)
    assert caught.value.param == "input"


def test_line_47_all_kinds_of_input_reach_the_model(stage: Stage) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"}
    content: Any = [{"type": "input_text", "text": "tell"}, image]
    create(stage, [{"type": "message", "role": "user", "content": content}])
    parts = stage.kit.upstream.requests[-1]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]
    assert parts[1]["image_url"] == {"url": "data:image/png;base64,AAAA", "detail": "low"}


@pytest.fixture
def keeping(stage: Stage, tmp_path: Path, new_file: Callable[[Path], Path]) -> Stage:
    """A gateway that keeps responses."""
    store = Store.open(new_file(tmp_path / "responses.db"))
    stage.start(responses=StoredResponses(store), keys=TwoOrganisations(), closing=store)
    return stage


@pytest.mark.parametrize("is_stream", [False, True])
def test_line_48_a_response_that_is_kept_can_be_followed(keeping: Stage, is_stream: bool) -> None:
    answer = create(keeping, "say one", store=True, instructions="Be brief.", stream=is_stream)
    first = list(answer)[-1].response if is_stream else answer
    assert first.store
    second = create(keeping, "say two", previous_response_id=first.id, store=True)
    assert second.previous_response_id == first.id
    assert [m["content"] for m in keeping.kit.upstream.requests[-1]["messages"]] == [
        "say one", "one", "say two",
    ]  # fmt: skip
    create(keeping, "tell", previous_response_id=second.id)
    assert len(keeping.kit.upstream.requests[-1]["messages"]) == 5
    responses = keeping.client.responses
    assert responses.retrieve(first.id).output_text == "one"
    items: Any = responses.input_items.list(first.id).data
    assert items[0].content[0].text == "say one"
    responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        responses.retrieve(first.id)


def test_line_48_calls_are_followed_by_their_outputs(keeping: Stage) -> None:
    first = create(keeping, TWO_CALLS, tools=TOOLS, store=True)
    outputs = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "sunny"}
        for item in first.output
    ]
    answer = create(keeping, outputs, previous_response_id=first.id, tools=TOOLS)
    assert answer.output_text == STORY


def test_line_48_nothing_is_kept_unasked_or_for_others(keeping: Stage) -> None:
    for unkept in (create(keeping, "say one"), create(keeping, "say one", store=False)):
        assert not unkept.store
        with pytest.raises(openai.NotFoundError) as caught:
            create(keeping, previous_response_id=unkept.id)
        assert caught.value.param == "previous_response_id"
    kept = create(keeping, "say one", store=True)
    stranger = keeping.kit.client_of(keeping.port, OTHER_KEY).responses
    for call in (stranger.retrieve, stranger.delete, stranger.input_items.list):
        with pytest.raises(openai.NotFoundError):
            call(kept.id)
    assert keeping.client.responses.retrieve(kept.id)


def test_line_48_what_a_guard_has_stopped_is_kept_nowhere(
    guarded: Stage, tmp_path: Path, new_file: Callable[[Path], Path]
) -> None:
    store = Store.open(new_file(tmp_path / "responses.db"))
    guarded.start(responses=StoredResponses(store), keys=TwoOrganisations(), closing=store)
    stopped = create(guarded, "an ATTACK", store=True)
    with pytest.raises(openai.NotFoundError):
        guarded.client.responses.retrieve(stopped.id)


def test_line_48_without_a_store_it_is_refused_by_name(stage: Stage) -> None:
    for options in ({"store": True}, {"previous_response_id": "resp_1"}):
        with pytest.raises(openai.BadRequestError) as caught:
            create(stage, **options)
        assert caught.value.code == "unsupported_parameter"
        assert caught.value.param == next(iter(options))


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"background": True}, "background"),
        ({"truncation": "auto"}, "truncation"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
         "input[0].content[0].type"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"text": {"format": {"type": "odd"}}}, "text.format"),
        ({"temperature": "hot"}, None),
    ],
)  # fmt: skip
def test_line_48_what_cannot_be_done_is_refused_by_name(
    stage: Stage, options: dict[str, Any], param: str | None
) -> None:
    body = {"model": MODEL, "input": "tell", **options}
    reply = stage.http.post("/v1/responses", json=body)
    if param is None:
        return
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param
    assert not stage.kit.upstream.requests
