"""Conversations in Anthropic's shape: blocks of text, tool use and tool results."""

from collections.abc import Iterator

from tyrian.core.message import Message, Role, TextPart, ToolCall, Trace
from tyrian.policy.recorded.parts import (
    Json,
    as_text,
    call,
    content_text,
    kind_of,
    mapping,
    optional,
    placed,
    role,
    sequence,
)

_USES = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


def read_anthropic(data: object) -> list[Trace]:
    """A request, its messages, or a request with its response."""
    if isinstance(data, list):
        return [Trace(tuple(_messages(data, "messages")))]
    fields = mapping(data, "trace")
    if "request" in fields:
        found = [*_request(mapping(fields["request"], "request"))]
        if fields.get("response") is not None:
            found += _message(mapping(fields["response"], "response"), "response")
        return [Trace(tuple(found))]
    return [Trace(tuple(_request(fields)))]


def _request(fields: Json) -> Iterator[Message]:
    if fields.get("system"):
        yield Message.system(content_text(fields["system"], "system"))
    yield from _messages(sequence(fields.get("messages") or [], "messages"), "messages")
    if "messages" not in fields and "content" in fields:
        yield from _message(fields, "trace")


def _messages(items: list[object], place: str) -> Iterator[Message]:
    for at, item in placed(items, place):
        yield from _message(item, at)


def _message(item: Json, at: str) -> Iterator[Message]:
    """One message of theirs; tool results in it are messages of their own."""
    seat = role(item.get("role"), f"{at}.role")
    content = item.get("content")
    if isinstance(content, str):
        yield Message.of(seat, content)
        return
    parts: list[TextPart | ToolCall] = []
    for place, block in placed(sequence(content, f"{at}.content"), f"{at}.content"):
        kind = kind_of(block)
        if kind in _USES:
            parts.append(call(block.get("id"), block.get("name"), block.get("input"), place))
        elif kind.endswith("tool_result"):
            if parts:
                yield Message.of(seat, parts)
                parts = []
            yield Message.tool(
                _result(block.get("content"), f"{place}.content"),
                tool_call_id=optional(block.get("tool_use_id"), f"{place}.tool_use_id"),
            )
        elif isinstance(text := block.get("text"), str):
            parts.append(TextPart(text))
        elif seat is not Role.ASSISTANT and kind in ("document", "search_result"):
            yield Message.document(as_text(block))
    if parts:
        yield Message.of(seat, parts)


def _result(content: object, at: str) -> str:
    """All that a result says: texts as they are, everything else but images as JSON."""
    if not isinstance(content, list):
        return "" if content is None else as_text(content)
    found: list[str] = []
    for _, block in placed(content, at):
        text = block.get("text")
        if isinstance(text, str):
            found.append(text)
        elif block.get("type") != "image":
            found.append(as_text(block))
    return "\n".join(found)
