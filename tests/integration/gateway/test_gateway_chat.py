"""Chat completions through the gateway, driven by the official client."""

from typing import Any

import openai
import pytest

from tyrian.core.detection import Stage
from tyrian.firewall.redact import RedactStyle

CALL = {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOLS: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def ask(kit: Any, client: openai.OpenAI, text: Any, **options: Any) -> Any:
    messages: Any = text if isinstance(text, list) else [{"role": "user", "content": text}]
    return client.chat.completions.create(model=kit.model, messages=messages, **options)


def streamed(kit: Any, client: openai.OpenAI, text: Any, **options: Any) -> list[Any]:
    return list(ask(kit, client, text, stream=True, **options))


def text_of(chunks: list[Any]) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


@pytest.fixture(params=["guarded", "unguarded"])
def any_client(request: pytest.FixtureRequest, kit: Any) -> openai.OpenAI:
    client: openai.OpenAI = kit.client(kit.word_firewall() if request.param == "guarded" else None)
    return client


def test_a_benign_request_is_answered_whole(kit: Any, any_client: openai.OpenAI) -> None:
    answer = ask(kit, any_client, "hello")
    assert answer.choices[0].message.content == "You said: hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 7
    assert answer._request_id.startswith("req_")


def test_a_benign_request_is_answered_in_a_stream(kit: Any, any_client: openai.OpenAI) -> None:
    chunks = streamed(kit, any_client, "hello " * 300)
    assert text_of(chunks) == "You said: " + "hello " * 300
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {(c.id, c.created, c.model) for c in chunks} == {("chatcmpl-1", 1, kit.model)}
    assert chunks[0].choices[0].delta.role == "assistant"


def test_usage_comes_once_and_only_when_asked_for(kit: Any, any_client: openai.OpenAI) -> None:
    assert not [c for c in streamed(kit, any_client, "hello") if c.usage]
    chunks = streamed(kit, any_client, "hello", stream_options={"include_usage": True})
    assert [c.usage.total_tokens for c in chunks if c.usage] == [7]
    assert chunks[-1].choices == []


def test_several_choices_are_relayed(kit: Any, any_client: openai.OpenAI) -> None:
    answer = ask(kit, any_client, "hello", n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    chunks = streamed(kit, any_client, "hello", n=2)
    for index in (0, 1):
        texts = [x.delta.content or "" for c in chunks for x in c.choices if x.index == index]
        assert "".join(texts) == "You said: hello"


def test_tool_calls_come_through(kit: Any, any_client: openai.OpenAI) -> None:
    kit.upstream.call(("f", '{"city": "Rome"}'), ("f", '{"city": "Oslo"}'))
    answer = ask(kit, any_client, "weather", tools=TOOLS)
    assert [c.function.arguments for c in answer.choices[0].message.tool_calls] == [
        '{"city": "Rome"}',
        '{"city": "Oslo"}',
    ]
    assert answer.choices[0].finish_reason == "tool_calls"
    arguments = {0: "", 1: ""}
    names = {}
    for chunk in streamed(kit, any_client, "weather", tools=TOOLS):
        for call in chunk.choices[0].delta.tool_calls or ():
            arguments[call.index] += call.function.arguments or ""
            if call.id:
                names[call.index] = (call.id, call.type, call.function.name)
        finish = chunk.choices[0].finish_reason
    assert arguments == {0: '{"city": "Rome"}', 1: '{"city": "Oslo"}'}
    assert names == {0: ("call_0", "function", "f"), 1: ("call_1", "function", "f")}
    assert finish == "tool_calls"


def test_the_stream_helper_of_the_client_works(kit: Any, any_client: openai.OpenAI) -> None:
    with any_client.chat.completions.stream(
        model=kit.model, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content == "You said: hello"


def test_images_go_to_the_model(kit: Any, any_client: openai.OpenAI) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    content = [{"type": "text", "text": "look"}, image]
    ask(kit, any_client, [{"role": "user", "content": content}])
    assert kit.upstream.requests[-1]["messages"][0]["content"] == content


def test_an_attack_never_reaches_the_model(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    answer = ask(kit, client, "an ATTACK")
    choice = answer.choices[0]
    assert (choice.finish_reason, choice.message.content) == ("content_filter", None)
    assert "jailbreak" in choice.message.refusal
    assert answer.tyrian["effect"] == "block"
    assert answer.tyrian["reasons"][0]["label"] == "jailbreak"
    assert kit.upstream.requests == []


def test_an_attack_in_a_streamed_request_never_reaches_the_model(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    chunks = streamed(kit, client, "an ATTACK", stream_options={"include_usage": True})
    assert text_of(chunks) == ""
    assert "".join(c.choices[0].delta.refusal or "" for c in chunks if c.choices)
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert finishes[-1] == "content_filter"
    assert chunks[-1].usage.total_tokens == 0
    assert kit.upstream.requests == []


def test_parse_raises_the_clients_own_error_for_a_block(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    with pytest.raises(openai.ContentFilterFinishReasonError):
        client.chat.completions.parse(
            model=kit.model, messages=[{"role": "user", "content": "ATTACK"}]
        )


def test_the_effect_stands_in_a_header(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    effects = {}
    for text in ("hello", "ODD", "pass-1234", "ATTACK", "VOTE"):
        raw = client.chat.completions.with_raw_response.create(
            model=kit.model, messages=[{"role": "user", "content": text}]
        )
        effects[text] = raw.headers.get("x-tyrian-effect")
        assert raw.headers["openai-processing-ms"].isdigit()
    assert effects == {
        "hello": "allow", "ODD": "flag", "pass-1234": "redact", "ATTACK": "block", "VOTE": "review",
    }  # fmt: skip


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_attack_in_a_tool_result_is_stopped(kit: Any, is_stream: bool) -> None:
    client = kit.client(kit.word_firewall())
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_0", "content": "an ATTACK"},
        {"role": "user", "content": "and now?"},
    ]
    answer = ask(kit, client, messages, stream=is_stream)
    last = list(answer)[-1] if is_stream else answer
    assert last.choices[0].finish_reason == "content_filter"
    assert last.tyrian["stage"] == "tool-result"
    assert kit.upstream.requests == []


def test_an_attack_in_an_earlier_turn_is_stopped(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    messages = [
        {"role": "user", "content": [{"type": "text", "text": t} for t in ("hi", "ATTACK")]},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": "please"},
    ]  # fmt: skip
    assert ask(kit, client, messages).choices[0].finish_reason == "content_filter"


def test_the_operators_own_messages_are_not_judged(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    messages = [
        {"role": "system", "content": "never ATTACK"},
        {"role": "developer", "content": "never ATTACK"},
        {"role": "user", "content": "hello"},
    ]
    assert ask(kit, client, messages).choices[0].message.content == "You said: hello"


def test_a_redacted_request_reaches_the_model_without_the_secret(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    answer = ask(kit, client, "my pass-1234 it is", temperature=0.5)
    sent = kit.upstream.requests[-1]
    assert sent["messages"][0]["content"] == "my [REDACTED:password] it is"
    assert sent["temperature"] == 0.5
    assert "pass-1234" not in answer.choices[0].message.content


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_a_secret_in_the_answer_is_redacted_however_it_is_cut(kit: Any, size: int) -> None:
    client = kit.client(kit.word_firewall())
    text = "so " * 200 + "the word is pass-1234, friend. " + "so " * 200
    kit.upstream.say(text, size=size)
    wanted = text.replace("pass-1234", "[REDACTED:password]")
    assert ask(kit, client, "tell").choices[0].message.content == wanted
    assert text_of(streamed(kit, client, "tell")) == wanted


@pytest.mark.parametrize("stages", [tuple(Stage), (Stage.INPUT,)])
def test_pseudonyms_are_turned_back_in_the_answer(kit: Any, stages: tuple[Stage, ...]) -> None:
    client = kit.client(kit.word_firewall(stages=stages, style=RedactStyle.PSEUDONYM))
    text = "it is pass-1234 and pass-5678"
    assert ask(kit, client, text).choices[0].message.content == f"You said: {text}"
    assert (
        kit.upstream.requests[-1]["messages"][0]["content"] == "it is <PASSWORD_1> and <PASSWORD_2>"
    )
    assert text_of(streamed(kit, client, text)) == f"You said: {text}"


def test_pseudonyms_are_turned_back_in_tool_calls(kit: Any) -> None:
    client = kit.client(kit.word_firewall(style=RedactStyle.PSEUDONYM))
    kit.upstream.call(("f", '{"p": "<PASSWORD_1>"}'))
    answer = ask(kit, client, "pass-1234", tools=TOOLS)
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"p": "pass-1234"}'
    chunks = streamed(kit, client, "pass-1234", tools=TOOLS)
    calls = [call for c in chunks for call in c.choices[0].delta.tool_calls or ()]
    assert "".join(call.function.arguments for call in calls) == '{"p": "pass-1234"}'


def test_an_answer_that_is_blocked_does_not_leave(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    kit.upstream.say("so " * 300 + "ATTACK at dawn" + " so" * 300)
    answer = ask(kit, client, "tell")
    assert answer.choices[0].finish_reason == "content_filter"
    assert answer.choices[0].message.content is None
    chunks = streamed(kit, client, "tell", stream_options={"include_usage": True})
    assert "ATTACK" not in text_of(chunks)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "content_filter"
    assert len([c for c in chunks if c.usage]) == 1


def test_a_tool_call_that_is_blocked_does_not_leave(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    kit.upstream.call(("f", '{"x": "harmless"}'), ("f", '{"x": "ATTACK"}'))
    answer = ask(kit, client, "go", tools=TOOLS)
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "content_filter"
    chunks = streamed(kit, client, "go", tools=TOOLS)
    assert not [c for c in chunks if c.choices[0].delta.tool_calls]
    assert chunks[-1].choices[0].finish_reason == "content_filter"


def test_reasoning_is_judged_like_the_answer(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    kit.upstream.say("fine", extra={"reasoning_content": "pass-1234"})
    message = ask(kit, client, "go").choices[0].message
    assert message.reasoning_content == "[REDACTED:password]"
    kit.upstream.say("fine", extra={"reasoning_content": "ATTACK"})
    assert ask(kit, client, "go").choices[0].finish_reason == "content_filter"


def test_what_no_guard_reads_does_not_leave(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    kit.upstream.say("fine", extra={"audio": {"transcript": "ATTACK"}, "hidden": "ATTACK"})
    raw = client.chat.completions.with_raw_response.create(
        model=kit.model, messages=[{"role": "user", "content": "go"}]
    )
    assert "ATTACK" not in raw.text


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_guard_that_fails_on_the_request_lets_nothing_through(kit: Any, is_stream: bool) -> None:
    client = kit.client(kit.word_firewall())
    with pytest.raises(openai.InternalServerError) as caught:
        ask(kit, client, "BREAKDOWN", stream=is_stream)
    assert (caught.value.status_code, caught.value.code) == (503, "guard_unavailable")
    assert kit.upstream.requests == []


def test_a_guard_that_fails_on_the_answer_lets_nothing_through(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    kit.upstream.say("a BREAKDOWN")
    with pytest.raises(openai.InternalServerError) as whole:
        ask(kit, client, "go")
    assert whole.value.code == "guard_unavailable"
    with pytest.raises(openai.APIError) as in_stream:
        streamed(kit, client, "go")
    assert in_stream.value.code == "guard_unavailable"


def test_the_compatible_path_serves_the_same(kit: Any) -> None:
    port = kit.start(kit.word_firewall())
    with openai.OpenAI(
        api_key=kit.key, base_url=f"http://127.0.0.1:{port}/compat/v1", max_retries=0
    ) as client:
        assert ask(kit, client, "hello").choices[0].message.content == "You said: hello"
        assert client.models.retrieve(kit.model).id == kit.model
