"""OpenAI chat JSON to core Messages and back; pure.

The reading is strict where a lax one would let a text reach the model that no guard has seen:
content that is neither text nor image, keys that a case-blind server would take for known ones,
fields of unknown meaning with text in them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from tyrian.core.message import ImagePart, Message, Part, Role, TextPart, ToolCall, Trace
from tyrian.errors import InputError
from tyrian.gateway.strict_json import refuse_lookalikes

Json = dict[str, object]

MAX_MESSAGES = 10_000
_ROLES = {role.value: role for role in Role}
_MESSAGE_KEYS = frozenset(
    {"role", "content", "name", "tool_calls", "tool_call_id", "refusal", "reasoning_content"}
)
_PART_KEYS = frozenset({"type", "text", "image_url", "refusal"})
_CALL_KEYS = frozenset({"id", "type", "function", "index"})
_FUNCTION_KEYS = frozenset({"name", "arguments"})
_PLAIN_KEYS = {"role", "content"}
_PLAIN_ROLES = {role.value: role for role in Role if role is not Role.TOOL}
_JUDGED_ROLES = frozenset({Role.USER, Role.TOOL})
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_TEXT_PARTS = {"text": "text", "refusal": "refusal"}


class WireError(InputError):
    """A message that cannot be read; `param` is its path in the request, `code` an error code."""

    def __init__(self, message: str, param: str, *, code: str | None = None) -> None:
        super().__init__(f"{param}: {message}")
        self.param = param
        self.code = code


def message_from_openai(obj: object, param: str = "message") -> Message:
    """One chat message; WireError names the place of the fault and never quotes it."""
    fields = _object(obj, param, _MESSAGE_KEYS)
    role = _ROLES.get(_string(fields.get("role"), f"{param}.role"))
    if role is None:
        known = ", ".join(_ROLES)
        raise WireError(f"unknown role; known: {known}", f"{param}.role")
    if role in _JUDGED_ROLES and not _MESSAGE_KEYS.issuperset(fields):
        _refuse_unread(fields, param)
    if fields.get("function_call") is not None:
        # The dialect's old way to call a tool, which no guard would read.
        raise WireError("write it as `tool_calls`", f"{param}.function_call")
    parts = tuple(_content(fields.get("content"), f"{param}.content"))
    calls = tuple(_calls(fields.get("tool_calls"), f"{param}.tool_calls"))
    if calls and role is not Role.ASSISTANT:
        raise WireError("only an assistant message has tool calls", f"{param}.tool_calls")
    if not parts and not calls and role is not Role.ASSISTANT:
        raise WireError("missing", f"{param}.content")
    call_id = _optional_string(fields.get("tool_call_id"), f"{param}.tool_call_id")
    if role is Role.TOOL and not call_id:
        raise WireError("missing", f"{param}.tool_call_id")
    name = _name(fields.get("name"), f"{param}.name")
    return Message.of(role, (*parts, *calls), name=name, tool_call_id=call_id)


def trace_from_openai(messages: object, param: str = "messages") -> Trace:
    """The conversation of a request, with tool results matched to the calls before them."""
    if not isinstance(messages, list) or not messages:
        raise WireError("must be a non-empty array", param)
    if len(messages) > MAX_MESSAGES:
        raise WireError(f"more than {MAX_MESSAGES} messages", param)
    read = tuple(
        _plain_message(m) or message_from_openai(m, f"{param}[{i}]") for i, m in enumerate(messages)
    )
    _match_tool_results(read, param)
    return Trace(read)


def _plain_message(obj: object) -> Message | None:
    """The message where it is a role and a string, as most are; None leaves it to the long way."""
    if not isinstance(obj, dict) or obj.keys() != _PLAIN_KEYS:
        return None
    content = obj["content"]
    role = _PLAIN_ROLES.get(obj["role"]) if isinstance(obj["role"], str) else None
    return Message.of(role, content) if role and isinstance(content, str) else None


def _match_tool_results(messages: Sequence[Message], param: str) -> None:
    open_calls: set[str] = set()
    for message in messages:
        open_calls.update(call.id for call in message.tool_calls)
        if message.role is Role.TOOL and message.tool_call_id not in open_calls:
            raise WireError("a tool result answers no tool call before it", param)


def write_back(obj: Json, message: Message) -> Json:
    """`obj` with the strings of `message` in it; every other field stays as it is."""
    segments = iter(message.segments)
    out = dict(obj)
    content = obj.get("content")
    if isinstance(content, str):
        if message.parts and isinstance(message.parts[0], TextPart):
            out["content"] = next(segments)
    elif isinstance(content, list):
        out["content"] = [_write_part(cast(Json, part), segments) for part in content]
    calls = obj.get("tool_calls")
    if isinstance(calls, list):
        out["tool_calls"] = [_write_call(cast(Json, call), segments) for call in calls]
    return out


def _write_part(part: Json, segments: Iterator[str]) -> Json:
    key = _TEXT_PARTS.get(cast(str, part["type"]))
    return {**part, key: next(segments)} if key else part


def _write_call(call: Json, segments: Iterator[str]) -> Json:
    function = cast(Json, call["function"])
    return {**call, "function": {**function, "arguments": next(segments)}}


def _content(content: object, param: str) -> Iterable[Part]:
    if content is None:
        return
    if isinstance(content, str):
        yield TextPart(content)
        return
    if not isinstance(content, list):
        raise WireError("must be a string or an array of parts", param)
    for i, part in enumerate(content):
        yield part_from_openai(part, f"{param}[{i}]")


def part_from_openai(obj: object, param: str) -> TextPart | ImagePart:
    """One part of a content array; WireError for a type that no guard can read."""
    fields = _object(obj, param, _PART_KEYS)
    kind = _string(fields.get("type"), f"{param}.type")
    key = _TEXT_PARTS.get(kind)
    if key:
        return TextPart(_string(fields.get(key), f"{param}.{key}"))
    if kind == "image_url":
        image = _object(fields.get("image_url"), f"{param}.image_url", frozenset({"url", "detail"}))
        detail = _optional_string(image.get("detail"), f"{param}.image_url.detail")
        return ImagePart(_string(image.get("url"), f"{param}.image_url.url"), detail or "auto")
    known = "text, image_url, refusal"
    message = f"no guard can read this type of part; known: {known}"
    raise WireError(message, f"{param}.type", code="unsupported_content")


def _calls(calls: object, param: str) -> Iterable[ToolCall]:
    if calls is None:
        return
    if not isinstance(calls, list):
        raise WireError("must be an array", param)
    for i, obj in enumerate(calls):
        place = f"{param}[{i}]"
        call = _object(obj, place, _CALL_KEYS)
        function = _object(call.get("function"), f"{place}.function", _FUNCTION_KEYS)
        yield ToolCall(
            _string(call.get("id"), f"{place}.id"),
            _string(function.get("name"), f"{place}.function.name"),
            _string(function.get("arguments"), f"{place}.function.arguments"),
        )


def _object(obj: object, param: str, known: frozenset[str]) -> Json:
    if not isinstance(obj, dict):
        raise WireError("must be an object", param)
    if not known.issuperset(obj):
        try:
            refuse_lookalikes(obj, known, param)
        except InputError as error:
            raise WireError(error.message, param) from None
    return obj


def _refuse_unread(fields: Json, param: str) -> None:
    """A key that we do not read may still be one that the model reads."""
    for key, value in fields.items():
        if key not in _MESSAGE_KEYS and value is not None:
            known = ", ".join(sorted(_MESSAGE_KEYS))
            raise WireError(f"unknown key, which no guard would read; known: {known}", param)


def _string(value: object, param: str) -> str:
    if not isinstance(value, str):
        raise WireError("missing" if value is None else "must be a string", param)
    return value


def _optional_string(value: object, param: str) -> str:
    return "" if value is None else _string(value, param)


def _name(value: object, param: str) -> str:
    if value is None:
        return ""
    name = _string(value, param)
    if not _NAME.fullmatch(name):
        raise WireError("must be 1 to 64 letters, digits, `_`, `-` or `.`", param)
    return name
