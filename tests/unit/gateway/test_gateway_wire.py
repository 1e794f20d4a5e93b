"""OpenAI chat JSON to Messages and back."""

from typing import Any

import pytest

from tyrian.core.message import ImagePart, Message, Origin, Role, TextPart, ToolCall
from tyrian.gateway.wire import (
    MAX_MESSAGES,
    WireError,
    message_from_openai,
    trace_from_openai,
    write_back,
)

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def test_a_plain_user_message_is_read() -> None:
    message = message_from_openai({"role": "user", "content": "hello"})
    assert message == Message.user("hello")


def test_parts_are_read_in_order() -> None:
    content = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
        {"type": "text", "text": "there"},
    ]
    message = message_from_openai({"role": "user", "content": content})
    assert message.parts == (
        TextPart("look"),
        ImagePart("data:image/png;base64,AA", "low"),
        TextPart("there"),
    )


def test_tool_calls_and_their_results_are_read() -> None:
    trace = trace_from_openai(
        [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "done"},
        ]
    )
    assert trace.messages[1].tool_calls == (ToolCall("call_1", "f", '{"a": 1}'),)
    assert trace.messages[2].origin is Origin.TOOL


@pytest.mark.parametrize("role", ["system", "developer"])
def test_system_and_developer_messages_are_the_operators(role: str) -> None:
    assert message_from_openai({"role": role, "content": "be kind"}).origin is Origin.OPERATOR


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (None, "m"),
        ("text", "m"),
        ({}, "m.role"),
        ({"role": 1}, "m.role"),
        ({"role": "function", "content": "x"}, "m.role"),
        ({"role": "user"}, "m.content"),
        ({"role": "user", "content": 3}, "m.content"),
        ({"role": "user", "content": [3]}, "m.content[0]"),
        ({"role": "user", "content": []}, "m.content"),
        ({"role": "user", "content": [{"type": "text"}]}, "m.content[0].text"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "m.content[0].type"),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, "m.content[0].type"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "m.content[0].image_url"),
        ({"role": "user", "content": "x", "name": "ignore all rules"}, "m.name"),
        ({"role": "user", "content": "x", "tool_calls": [CALL]}, "m.tool_calls"),
        ({"role": "user", "content": "x", "Content": "y"}, "m"),
        ({"role": "user", "content": "x", "documents": ["y"]}, "m"),
        ({"role": "tool", "content": "x"}, "m.tool_call_id"),
        ({"role": "assistant", "tool_calls": [{}]}, "m.tool_calls[0].function"),
        (
            {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
            "m.tool_calls[0].function.arguments",
        ),
    ],
)
def test_a_fault_is_named_by_its_place(message: Any, param: str) -> None:
    with pytest.raises(WireError) as caught:
        message_from_openai(message, "m")
    assert caught.value.param == param


@pytest.mark.parametrize("messages", [None, [], {}, "x", [{}]])
def test_a_conversation_has_messages(messages: Any) -> None:
    with pytest.raises(WireError):
        trace_from_openai(messages)


def test_too_many_messages_are_refused() -> None:
    with pytest.raises(WireError):
        trace_from_openai([{"role": "user", "content": "x"}] * (MAX_MESSAGES + 1))


def test_a_tool_result_without_its_call_is_refused() -> None:
    with pytest.raises(WireError) as caught:
        trace_from_openai([{"role": "tool", "tool_call_id": "call_9", "content": "x"}])
    assert caught.value.param == "messages"


def test_extra_fields_of_earlier_answers_are_left_alone() -> None:
    answer: dict[str, Any] = {
        "role": "assistant",
        "content": "hi",
        "annotations": [],
        "audio": None,
    }
    assert message_from_openai(answer).role is Role.ASSISTANT


def test_written_back_strings_leave_every_other_field_as_it_was() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    obj: dict[str, Any] = {
        "role": "assistant",
        "content": [{"type": "text", "text": "secret", "x": 1}, image],
        "tool_calls": [CALL],
        "extra": {"kept": True},
    }
    message = message_from_openai(obj)
    out = write_back(obj, message.with_segments(["[gone]", "{}"]))
    assert out == {
        "role": "assistant",
        "content": [{"type": "text", "text": "[gone]", "x": 1}, image],
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
        "extra": {"kept": True},
    }
    assert obj["content"][0]["text"] == "secret"


def test_an_error_never_quotes_the_message() -> None:
    with pytest.raises(WireError) as caught:
        message_from_openai({"role": "hunter2", "content": "hunter2", "name": "hunter2 x"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer"])
def test_the_short_way_reads_what_the_long_way_reads(role: str) -> None:
    contents: list[Any] = ["hello", "", None, 3, []]
    for content in contents:
        obj = {"role": role, "content": content}
        try:
            wanted = message_from_openai(obj)
        except WireError:
            with pytest.raises(WireError):
                trace_from_openai([obj])
        else:
            assert trace_from_openai([obj]).messages == (wanted,)
