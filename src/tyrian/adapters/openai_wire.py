"""OpenAI's chat JSON as Wired messages; strict where a lax reading would hide a text."""

from collections.abc import Iterator
from typing import Any

from tyrian.adapters.wire import Json, Wired, objects, role_of
from tyrian.core.message import Role
from tyrian.errors import InputError

TEXTS = ("content", "refusal", "reasoning_content", "reasoning")
"""Keys of an assistant message, or of a piece of one, that hold text."""
KEYS = {"role", "name", "tool_calls", "tool_call_id", *TEXTS}
_PART_TEXTS = {"text": "text", "refusal": "refusal"}


def read_messages(messages: object) -> Iterator[Wired]:
    """The messages of a request; InputError for what no guard could read."""
    for place, fields in objects(messages, "messages"):
        yield read_message(fields, place)


def read_message(fields: Json, place: str = "message") -> Wired:
    """One message, of a request or of an answer."""
    role = role_of(fields, place)
    unread = [key for key, value in fields.items() if key not in KEYS and value]
    if unread and role is not Role.ASSISTANT:
        raise InputError(f"{place}: no guard reads the key {unread[0]!r}")
    if fields.get("function_call") is not None:
        raise InputError(f"{place}.function_call: write it as `tool_calls`")
    wired = Wired(role, name=fields.get("name") or "", call_id=fields.get("tool_call_id") or "")
    for key in TEXTS:
        if fields.get(key) is not None:
            _content(wired, fields, key, f"{place}.{key}")
    if fields.get("tool_calls"):
        for at, call in objects(fields["tool_calls"], f"{place}.tool_calls"):
            _call(wired, call, at)
    return wired


def _content(wired: Wired, fields: Json, key: str, place: str) -> None:
    content = fields[key]
    if not isinstance(content, list):
        wired.text(fields, key, place)
        return
    for at, part in objects(content, place):
        kind = part.get("type")
        if kind in _PART_TEXTS and _PART_TEXTS[kind] in part:
            wired.text(part, _PART_TEXTS[kind], at)
        elif kind == "image_url" and isinstance(part.get("image_url"), dict):
            wired.image(str(part["image_url"].get("url", "")))
        else:
            raise InputError(f"{at}: no guard can read a part of type {kind!r}")


def _call(wired: Wired, call: Json, place: str) -> None:
    function: Any = call.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise InputError(f"{place}: no guard can read a call of type {call.get('type')!r}")
    if not isinstance(function.get("arguments"), str):
        raise InputError(f"{place}.function.arguments: must be a string")
    wired.call(str(call.get("id") or ""), function["name"], function, "arguments")
