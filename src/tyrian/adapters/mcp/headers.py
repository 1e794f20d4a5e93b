"""Which headers of HTTP go on, and what they say of a call's arguments."""

import base64
import json
from collections.abc import Iterator, Mapping

from tyrian.adapters.mcp.frame import Frame
from tyrian.policy.strict_json import Json

SESSION = "Mcp-Session-Id"
_ARGUMENT = "mcp-param-"
_CONNECTION = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_OWN = frozenset({"host", "content-length", "accept-encoding", "expect", "origin", "cookie"})
_PROXY = frozenset({"proxy-authenticate", "proxy-authorization"})
_STAYS = _CONNECTION | _OWN | _PROXY
_DOWN = frozenset({"www-authenticate", "retry-after", "allow", "cache-control"})


def up_headers(given: Mapping[str, str]) -> dict[str, str]:
    """The client's headers, without those that belong to its own connection."""
    named = {name.strip().lower() for name in given.get("Connection", "").split(",")}
    return {
        name: value
        for name, value in given.items()
        if name.lower() not in _STAYS and name.lower() not in named
    }


def down_headers(given: Mapping[str, str]) -> dict[str, str]:
    """The server's headers that mean something to a client of the protocol."""
    return {
        name: value
        for name, value in given.items()
        if name.lower() in _DOWN or name.lower().startswith("mcp-")
    }


def with_arguments(headers: dict[str, str], asked: Frame, passed: Frame) -> dict[str, str]:
    """The headers with arguments in them as they were judged.

    Servers may ask for arguments in `Mcp-Param-*` too, and compare them with the body; an argument
    that changed on the way to its canonical form is changed there as well.
    """
    before, after = asked.params.get("arguments"), passed.params.get("arguments")
    if before == after:
        return headers
    changed = {old: new for old, new in _pairs(before, after) if old != new}
    return {
        name: changed.get(_decoded(value), value) if name.lower().startswith(_ARGUMENT) else value
        for name, value in headers.items()
    }


def _pairs(before: Json, after: Json) -> Iterator[tuple[str, str]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from _pairs(value, after.get(key))
    elif isinstance(before, str | int | bool) and isinstance(after, str | int | bool):
        yield _plain(before), _encoded(_plain(after))


def _plain(value: str | int | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _decoded(value: str) -> str:
    if value.startswith("=?base64?") and value.endswith("?="):
        try:
            return base64.b64decode(value[9:-2], validate=True).decode()
        except ValueError:
            return value
    return value


def _encoded(value: str) -> str:
    if value.isascii() and value.isprintable() and value == value.strip() and value[:2] != "=?":
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="
