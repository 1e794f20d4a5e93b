"""Conversations in OpenAI's shapes: messages of chat completions, items of responses."""

from collections.abc import Iterator

from tyrian.core.message import Message, Role, ToolCall, Trace
from tyrian.policy.recorded.parts import (
    Json,
    as_text,
    call,
    content_text,
    kind_of,
    mapping,
    message_of,
    optional,
    placed,
    role,
    sequence,
)

_TEXTS = ("text", "refusal")
_CALLS = {"function_call": "arguments", "custom_tool_call": "input", "mcp_call": "arguments"}
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


def read_openai(data: object) -> list[Trace]:
    """A request, its messages, a request with its response, or what a response was made from."""
    if isinstance(data, list):
        return [Trace(tuple(_conversation(data, "messages")))]
    fields = mapping(data, "trace")
    if "request" in fields:
        return [Trace(tuple(_exchange(fields)))]
    return [Trace((*_request(fields), *_answers(fields)))]


def _exchange(fields: Json) -> Iterator[Message]:
    yield from _request(mapping(fields["request"], "request"))
    if fields.get("response") is not None:
        yield from _answers(mapping(fields["response"], "response"))


def _request(fields: Json) -> Iterator[Message]:
    instructions = fields.get("instructions")
    if isinstance(instructions, str):
        yield Message.system(instructions)
    for key in ("messages", "input"):
        found = fields.get(key)
        if isinstance(found, str):
            yield Message.user(found)
        elif found is not None:
            yield from _conversation(sequence(found, key), key)


def _answers(fields: Json) -> Iterator[Message]:
    """The first choice of a completion, or the output of a response."""
    for place, choice in placed(sequence(fields.get("choices") or [], "choices"), "choices"):
        yield from _conversation([choice.get("message")], f"{place}.message")
        break
    yield from _conversation(sequence(fields.get("output") or [], "output"), "output")


def _conversation(items: list[object], place: str) -> Iterator[Message]:
    waiting: list[ToolCall] = []
    for at, item in placed(items, place):
        kind = kind_of(item)
        if kind in _CALLS:
            arguments = item.get(_CALLS[kind])
            waiting.append(
                call(item.get("call_id") or item.get("id"), item.get("name"), arguments, at)
            )
            if kind == "mcp_call" and item.get("output") is not None:
                yield Message.assistant(calls=waiting)
                yield Message.tool(as_text(item["output"]), tool_call_id=waiting[-1].id)
                waiting = []
            continue
        if waiting:
            yield Message.assistant(calls=waiting)
            waiting = []
        if kind in _OUTPUTS:
            text = _output(item.get("output"), at)
            yield Message.tool(text, tool_call_id=optional(item.get("call_id"), f"{at}.call_id"))
        elif "role" in item:
            yield _message(item, at)
    if waiting:
        yield Message.assistant(calls=waiting)


def _output(output: object, at: str) -> str:
    return content_text(output, at) if isinstance(output, list) else as_text(output)


def _message(item: Json, at: str) -> Message:
    seat = role(item.get("role"), f"{at}.role")
    text = content_text(item.get("content"), f"{at}.content", _TEXTS)
    calls: list[ToolCall] = []
    for place, given in placed(sequence(item.get("tool_calls") or [], at), f"{at}.tool_calls"):
        function = mapping(given.get("function") or given.get("custom"), f"{place}.function")
        arguments = function.get("arguments", function.get("input"))
        calls.append(call(given.get("id"), function.get("name"), arguments, place))
    if old := item.get("function_call"):
        function = mapping(old, f"{at}.function_call")
        calls.append(call(None, function.get("name"), function.get("arguments"), at))
    return message_of(
        seat,
        text,
        calls if seat is Role.ASSISTANT else (),
        call_id=optional(item.get("tool_call_id"), f"{at}.tool_call_id"),
        name=optional(item.get("name"), f"{at}.name"),
    )
