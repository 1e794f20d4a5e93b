"""What the readers of recorded traces share: JSON shapes, texts of content, calls."""

import json
from collections.abc import Iterable, Iterator, Mapping

from tyrian.core.message import Message, Role, ToolCall
from tyrian.errors import InputError

Json = Mapping[str, object]

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.DEVELOPER,
    "user": Role.USER,
    "human": Role.USER,
    "assistant": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
    "model": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


def mapping(value: object, place: str) -> Json:
    """The object at a place; InputError where there is none."""
    if not isinstance(value, Mapping):
        raise InputError(f"{place}: must be an object")
    return value


def sequence(value: object, place: str) -> list[object]:
    """The list at a place; InputError where there is none."""
    if not isinstance(value, list | tuple):
        raise InputError(f"{place}: must be a list")
    return list(value)


def string(value: object, place: str) -> str:
    """The string at a place; InputError where there is none."""
    if not isinstance(value, str):
        raise InputError(f"{place}: must be a string")
    return value


def optional(value: object, place: str) -> str:
    """The string at a place, '' where it is left out."""
    return "" if value is None else string(value, place)


def role(value: object, place: str) -> Role:
    """The role of that name; InputError for any other."""
    found = _ROLES.get(value) if isinstance(value, str) else None
    if found is None:
        raise InputError(f"{place}: unknown role; known: {', '.join(_ROLES)}")
    return found


def as_text(value: object) -> str:
    """The text of anything that a tool may return: of a string the string, else its JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def kind_of(fields: Json) -> str:
    """The `type` of an object, '' where it has none."""
    kind = fields.get("type")
    return kind if isinstance(kind, str) else ""


def content_text(content: object, place: str, keys: Iterable[str] = ("text",)) -> str:
    """The texts of a content: a string, or blocks that hold texts under one of the keys.

    Blocks without any (images, files) hold no text that could be quoted.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    found: list[str] = []
    for index, block in enumerate(sequence(content, place)):
        if isinstance(block, str):
            found.append(block)
            continue
        fields = mapping(block, f"{place}[{index}]")
        found += [value for key in keys if isinstance(value := fields.get(key), str)]
    return "\n".join(found)


def call(call_id: object, name: object, arguments: object, place: str) -> ToolCall:
    """A call whose arguments are JSON text, or what stands for it."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return ToolCall(optional(call_id, f"{place}.id"), string(name, f"{place}.name"), text)


def message_of(
    seat: Role, text: str, calls: Iterable[ToolCall] = (), *, call_id: str = "", name: str = ""
) -> Message:
    """A message of that role."""
    if seat is Role.ASSISTANT:
        return Message.assistant(text, calls=calls)
    if seat is Role.TOOL:
        return Message.tool(text, tool_call_id=call_id, name=name)
    return Message.of(seat, text)


def json_or_text(value: object) -> object:
    """What a string of JSON says; anything else as it is."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def placed(values: Iterable[object], place: str) -> Iterator[tuple[str, Json]]:
    """The objects of a list, each with its place."""
    for index, value in enumerate(values):
        yield f"{place}[{index}]", mapping(value, f"{place}[{index}]")
