"""Lines 54 to 59, 62 and 63: chat and models with Meta's client."""

import json
from typing import Any

import llama_api_client
import pytest
from tests.integration.conformance.conftest import MODEL, STORY, Stage

from tyrian.gateway.catalogue import ServedModel

TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("weather", "time")
]
PREFIXES = pytest.mark.parametrize("prefix", ["/v1", "/llama/v1"])


def ask(stage: Stage, text: Any, prefix: str = "/llama/v1", **options: Any) -> Any:
    messages: Any = text if isinstance(text, list) else [{"role": "user", "content": text}]
    return stage.llama(prefix).chat.completions.create(model=MODEL, messages=messages, **options)


@PREFIXES
def test_line_54_an_answer_is_a_completion_message(stage: Stage, prefix: str) -> None:
    answer = ask(stage, "tell", prefix)
    assert isinstance(answer, llama_api_client.types.CreateChatCompletionResponse)
    message: Any = answer.completion_message
    assert message.content.text == STORY
    assert (message.role, message.stop_reason, message.tool_calls) == ("assistant", "stop", [])
    assert answer.id


@PREFIXES
def test_line_54_content_is_taken_as_a_string_and_as_an_item(stage: Stage, prefix: str) -> None:
    item = {"type": "text", "text": "tell"}
    for content in ("tell", [item]):
        told: list[Any] = [
            {"role": "system", "content": content},
            {"role": "user", "content": content},
            {"role": "assistant", "content": item, "stop_reason": "stop", "tool_calls": []},
            {"role": "assistant", "content": "tell", "stop_reason": "stop"},
            {"role": "user", "content": content},
        ]
        assert ask(stage, told, prefix).completion_message.content.text == STORY
        assert stage.kit.upstream.requests[-1]["messages"][2] == {
            "role": "assistant", "content": "tell",
        }  # fmt: skip


@PREFIXES
def test_line_55_a_stream_is_start_progress_complete_and_metrics(stage: Stage, prefix: str) -> None:
    events = [chunk.event for chunk in ask(stage, "tell", prefix, stream=True)]
    kinds = [event.event_type for event in events]
    assert kinds[0] == "start"
    assert kinds[-2:] == ["complete", "metrics"]
    assert set(kinds[1:-2]) == {"progress"}
    # The loop of the client's own documentation.
    assert "".join(event.delta.text for event in events) == STORY
    assert events[-2].stop_reason == "stop"


@PREFIXES
def test_line_56_no_stream_ends_with_done(stage: Stage, prefix: str) -> None:
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "tell"}]}
    headers = {"user-agent": "LlamaAPIClient/Python 0.6.0"}
    reply = stage.http.post(f"{prefix}/chat/completions", json=body, headers=headers)
    assert b"[DONE]" not in reply.content
    for line in reply.text.split("\n\n")[:-1]:
        assert json.loads(line.removeprefix("data: "))["event"]["delta"]["type"] == "text"


@PREFIXES
def test_line_57_tool_calls_have_their_name_once_and_arguments_appended(
    stage: Stage, prefix: str
) -> None:
    told = 'call weather {"city": "Rome"}; time {"zone": "CET"}'
    answer = ask(stage, told, prefix, tools=TOOLS)
    assert answer.completion_message.stop_reason == "tool_calls"
    calls = answer.completion_message.tool_calls
    assert [(c.function.name, c.function.arguments) for c in calls] == [
        ("weather", '{"city": "Rome"}'),
        ("time", '{"zone": "CET"}'),
    ]
    made: list[list[str]] = []
    for chunk in ask(stage, told, prefix, tools=TOOLS, stream=True):
        delta = chunk.event.delta
        if delta.type == "tool_call":
            if delta.id:
                made.append([delta.id, delta.function.name, ""])
            made[-1][2] += delta.function.arguments or ""
        stop = chunk.event.stop_reason or "" if chunk.event.event_type == "complete" else ""
    assert [call[1:] for call in made] == [
        ["weather", '{"city": "Rome"}'], ["time", '{"zone": "CET"}'],
    ]  # fmt: skip
    assert len({call[0] for call in made}) == 2
    assert stop in ("tool_calls", "")


@PREFIXES
def test_line_57_a_tool_s_result_comes_back(stage: Stage, prefix: str) -> None:
    call = {"id": "call_7", "function": {"name": "weather", "arguments": "{}"}}
    said: list[Any] = [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": "", "stop_reason": "tool_calls", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_7", "content": "sunny"},
    ]
    assert ask(stage, said, prefix, tools=TOOLS).completion_message.content.text == STORY
    assert stage.kit.upstream.requests[-1]["messages"][1]["tool_calls"][0]["type"] == "function"


@PREFIXES
def test_line_58_metrics_count_tokens(stage: Stage, prefix: str) -> None:
    expected = {"num_prompt_tokens": 5, "num_completion_tokens": 9, "num_total_tokens": 14}
    whole = ask(stage, "tell", prefix).metrics
    streamed = list(ask(stage, "tell", prefix, stream=True))[-1].event.metrics
    for metrics in (whole, streamed):
        assert {metric.metric: metric.value for metric in metrics} == expected


@PREFIXES
def test_line_59_models_are_listed_and_found_by_a_name_with_a_slash(
    stage: Stage, prefix: str
) -> None:
    stage.start(models=[ServedModel("team/chat", "fake", upstream_model=MODEL)])
    client = stage.llama(prefix)
    assert {"team/chat", MODEL} == {model.id for model in client.models.list()}
    found = client.models.retrieve("team/chat")
    assert (found.id, found.object) == ("team/chat", "model")
    with pytest.raises(llama_api_client.NotFoundError):
        client.models.retrieve("team/nobody")


def body_of(error: llama_api_client.APIStatusError) -> Any:
    return error.body


@PREFIXES
def test_line_62_errors_are_of_the_right_class_with_their_envelope(
    stage: Stage, prefix: str
) -> None:
    def failing(**options: Any) -> Any:
        client = stage.llama(prefix, **options.pop("client", {}))
        body = {"model": MODEL, "messages": [{"role": "user", "content": "tell"}], **options}
        with pytest.raises(llama_api_client.APIStatusError) as caught:
            client.chat.completions.create(**body)
        found: Any = caught.value
        return found

    wrong: Any = failing(client={"api_key": "tyr_test_wrong"})
    assert type(wrong) is llama_api_client.AuthenticationError
    assert body_of(wrong)["error"]["code"] == "invalid_api_key"
    assert "tyr_test_wrong" not in str(wrong)
    unknown: Any = failing(model="nobody")
    assert type(unknown) is llama_api_client.NotFoundError
    assert body_of(unknown)["error"]["param"] == "model"
    odd: Any = failing(extra_body={"n": 2})
    assert type(odd) is llama_api_client.BadRequestError
    assert body_of(odd)["error"]["code"] == "unsupported_parameter"
    assert isinstance(failing(messages=[]), llama_api_client.BadRequestError)
    denied = failing(client={"api_key": stage.kit.read_only_key})
    assert isinstance(denied, llama_api_client.PermissionDeniedError)


def test_line_63_the_dialect_is_negotiated_and_answers_say_so(stage: Stage) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "tell"}]}

    def post(path: str, **headers: str) -> Any:
        return stage.http.post(f"{path}/chat/completions", json=body, headers=headers)

    llama = {"user-agent": "AsyncLlamaAPIClient/Python 0.6.0"}
    assert "completion_message" in post("/v1", **llama).json()
    assert "completion_message" in post("/v1", **{"x-api-dialect": "llama"}).json()
    assert "choices" in post("/v1", **llama, **{"x-api-dialect": "openai"}).json()
    assert "choices" in post("/v1").json()
    assert "choices" in post("/compat/v1", **llama).json()
    assert "completion_message" in post("/llama/v1").json()
    assert post("/v1").headers["vary"] == "User-Agent, X-API-Dialect"
    assert "vary" not in post("/llama/v1").headers
    unknown = stage.http.post("/v1/chat/completions", json={**body, "model": "nobody"})
    assert unknown.headers["vary"] == "User-Agent, X-API-Dialect"


@PREFIXES
def test_a_schema_always_holds_in_the_llama_dialect(stage: Stage, prefix: str) -> None:
    schema = {"type": "object", "required": ["age"], "properties": {"age": {"type": "integer"}}}
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = ask(stage, 'say {"age": 3}', prefix, response_format=form)
    assert json.loads(answer.completion_message.content.text) == {"age": 3}
    with pytest.raises(llama_api_client.InternalServerError) as caught:
        ask(stage, 'say {"age": "x"}', prefix, response_format=form)
    assert caught.value.status_code == 502


@PREFIXES
def test_a_block_is_told_in_the_answer(guarded: Stage, prefix: str) -> None:
    answer = ask(guarded, "an ATTACK", prefix)
    assert "Blocked by Tyrian" in answer.completion_message.content.text
    assert answer.completion_message.stop_reason == "stop"
    assert answer.model_extra["tyrian"]["effect"] == "block"
    chunks = list(ask(guarded, "an ATTACK", prefix, stream=True))
    assert "Blocked by Tyrian" in "".join(chunk.event.delta.text for chunk in chunks)
    assert not guarded.kit.upstream.requests
