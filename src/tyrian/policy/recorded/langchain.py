"""Conversations of LangChain and LangGraph: in all ways that they are written."""

from collections.abc import Iterator

from tyrian.core.message import Message, Role, ToolCall, Trace
from tyrian.errors import InputError
from tyrian.policy.recorded.parts import (
    Json,
    as_text,
    call,
    content_text,
    mapping,
    message_of,
    optional,
    placed,
    role,
    sequence,
)

_ROLES = {
    "HumanMessage": "human",
    "AIMessage": "ai",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
}


def read_langchain(data: object) -> list[Trace]:
    """A list of messages, or a state or run that holds one."""
    return [Trace(tuple(_messages(_found(data), "messages")))]


def _found(data: object) -> list[object]:
    if isinstance(data, list):
        # A run of a chat model holds one list for each prompt.
        return list(data[0]) if data and isinstance(data[0], list) else data
    fields = mapping(data, "trace")
    for key in ("messages", "values", "outputs", "output", "inputs", "input"):
        inner = fields.get(key)
        if isinstance(inner, list):
            return _found(inner)
        if isinstance(inner, dict) and "messages" in inner:
            return _found(inner)
    raise InputError("trace: holds no messages")


def _messages(items: list[object], place: str) -> Iterator[Message]:
    for at, item in placed(items, place):
        kind, fields = _kind(item, at)
        seat = role(kind.removesuffix("MessageChunk").lower(), f"{at}.type")
        yield message_of(
            seat,
            _text(fields.get("content"), f"{at}.content", is_tool=seat is Role.TOOL),
            _calls(fields, at) if seat is Role.ASSISTANT else (),
            call_id=optional(fields.get("tool_call_id"), f"{at}.tool_call_id"),
            name=optional(fields.get("name"), f"{at}.name"),
        )


def _kind(item: Json, at: str) -> tuple[str, Json]:
    """The kind of a message, and its fields, in any of the three ways to write it."""
    if "lc" in item:
        path = sequence(item.get("id"), f"{at}.id")
        name = str(path[-1]) if path else ""
        return _ROLES.get(name.replace("Chunk", ""), name), mapping(item.get("kwargs"), at)
    if isinstance(item.get("data"), dict):
        return str(item.get("type")), mapping(item["data"], f"{at}.data")
    return str(item.get("type", item.get("role"))), item


def _text(content: object, at: str, *, is_tool: bool) -> str:
    if is_tool and not isinstance(content, str | list):
        return as_text(content)
    return content_text(content, at)


def _calls(fields: Json, at: str) -> Iterator[ToolCall]:
    for key in ("tool_calls", "invalid_tool_calls"):
        for place, given in placed(sequence(fields.get(key) or [], at), f"{at}.{key}"):
            arguments = given.get("args")
            yield call(given.get("id"), given.get("name"), arguments, place)
