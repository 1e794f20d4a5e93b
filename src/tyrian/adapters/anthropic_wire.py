"""Anthropic's message JSON as Wired messages; strict where a lax reading would hide a text."""

from collections.abc import Iterator
from typing import Any

from tyrian.adapters.wire import Json, Wired, objects, role_of
from tyrian.core.message import Origin, Role
from tyrian.errors import InputError

_PASSED = frozenset({"redacted_thinking", "container_upload"})
"""Blocks without a text that anybody could read."""


def read_request(body: Json) -> Iterator[Wired]:
    """The messages of a request; results and documents in them are messages of their own."""
    system = body.get("system")
    if system:
        wired = Wired(Role.SYSTEM)
        _texts(wired, body, "system", "system")
        yield wired
    for place, fields in objects(body.get("messages"), "messages"):
        role = role_of(fields, place)
        if role is Role.ASSISTANT:
            yield read_answer(fields, place)
        else:
            yield from _said(role, fields, place)


def read_answer(fields: Json, place: str = "message") -> Wired:
    """What the model said, earlier or now."""
    wired = Wired(Role.ASSISTANT)
    if isinstance(fields.get("content"), str):
        wired.text(fields, "content", f"{place}.content")
        return wired
    for at, block in objects(fields.get("content"), f"{place}.content"):
        kind = block.get("type")
        if kind in ("text", "thinking"):
            wired.text(block, kind, at)
        elif kind == "tool_use":
            wired.call(str(block.get("id") or ""), str(block.get("name") or ""), block, "input")
        elif kind not in _PASSED:
            raise _unread(at, kind)
    return wired


def _said(role: Role, fields: Json, place: str) -> Iterator[Wired]:
    wired = Wired(role)
    if isinstance(fields.get("content"), str):
        wired.text(fields, "content", f"{place}.content")
        yield wired
        return
    for at, block in objects(fields.get("content"), f"{place}.content"):
        kind = block.get("type")
        if kind == "tool_result":
            result = Wired(Role.TOOL, call_id=str(block.get("tool_use_id") or ""))
            if block.get("content") is not None:
                _texts(result, block, "content", f"{at}.content")
            yield result
        elif kind in ("document", "search_result"):
            yield _document(block, at)
        elif kind not in _PASSED:
            _part(wired, block, at)
    if wired.parts:
        yield wired


def _texts(wired: Wired, holder: Json, key: str, place: str) -> None:
    if isinstance(holder[key], str):
        wired.text(holder, key, place)
        return
    for at, block in objects(holder[key], place):
        _part(wired, block, at)


def _part(wired: Wired, block: Json, place: str) -> None:
    source: Any = block.get("source")
    kind = block.get("type")
    if kind == "text":
        wired.text(block, "text", place)
    elif kind == "image" and isinstance(source, dict) and "url" in source:
        wired.image(str(source["url"]))
    elif kind == "image" and isinstance(source, dict) and "data" in source:
        wired.image(f"data:{source.get('media_type')};base64,{source['data']}")
    else:
        raise _unread(place, kind)


def _document(block: Json, place: str) -> Wired:
    wired = Wired(Role.USER, Origin.RETRIEVAL)
    for key in ("title", "context"):
        if isinstance(block.get(key), str):
            wired.text(block, key, f"{place}.{key}")
    source: Any = block.get("source")
    if block.get("type") == "search_result":
        _texts(wired, block, "content", f"{place}.content")
    elif isinstance(source, dict) and source.get("type") == "text":
        wired.text(source, "data", f"{place}.source.data")
    elif isinstance(source, dict) and source.get("type") == "content":
        _texts(wired, source, "content", f"{place}.source.content")
    else:
        raise _unread(f"{place}.source", source.get("type") if isinstance(source, dict) else None)
    return wired


def _unread(place: str, kind: object) -> InputError:
    return InputError(f"{place}: no guard can read a block of type {kind!r}")
