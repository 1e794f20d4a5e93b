"""JSON-RPC messages of the Model Context Protocol, read so that no two parsers may differ.

What is read is written anew before it goes on: what was judged is what the other side gets.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tyrian.errors import InputError
from tyrian.policy.refusal import Refusal
from tyrian.policy.strict_json import Json, read_object

REFUSED = -32080
"""Error code of what the firewall refuses, where a method knows no result that says so."""
INVALID = -32600
UNREADABLE = -32700

_ENVELOPE = ("jsonrpc", "id", "method", "params", "result", "error")

_HUGE = re.compile(rb"[0-9][eE]\+?[0-9]{3}|[0-9]{300}")

Id = int | str
Key = tuple[type, Id]
"""An id, with its type: 1 and "1" are two ids."""


class BadFrameError(InputError):
    """Bytes that are no message of the protocol; says what is wrong, and quotes nothing."""


class Kind(StrEnum):
    """What a message is."""

    REQUEST = "request"
    NOTIFICATION = "notification"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    kind: Kind
    body: dict[str, Json]
    """The message as a whole."""
    id: Id | None = None
    """None in notifications, and in errors about what had no id that could be read."""
    method: str = ""
    """Empty in responses."""

    @property
    def key(self) -> Key:
        """The id as it is looked up."""
        return type(self.id), self.id if self.id is not None else ""

    @property
    def params(self) -> dict[str, Json]:
        """The parameters; empty where there are none."""
        return as_object(self.body.get("params"))

    def with_body(self, **members: Json) -> "Frame":
        """The same message with some members of it replaced."""
        return Frame(self.kind, {**self.body, **members}, self.id, self.method)

    def encode(self) -> bytes:
        """One line of ASCII without its end: nothing in it can be taken for the end of a line."""
        try:
            return json.dumps(self.body, separators=(",", ":"), allow_nan=False).encode()
        except (ValueError, RecursionError):
            raise BadFrameError("the message cannot be written as JSON") from None


def read_frame(data: bytes) -> Frame:
    """The message in some bytes; BadFrameError where it is none."""
    try:
        body = read_object(data)
    except Refusal as refusal:
        raise BadFrameError(f"no message of the protocol: {refusal.reason}") from None
    frame = frame_of(body)  # type: ignore[arg-type]
    if _HUGE.search(data):
        frame.encode()  # a number that no double holds cannot be written again
    return frame


def frame_of(body: dict[str, Json]) -> Frame:
    """The message that an object is; BadFrameError where it is none."""
    exact(body, _ENVELOPE, "the message")
    if body.get("jsonrpc") != "2.0":
        raise BadFrameError("no message of the protocol: jsonrpc is not 2.0")
    has_id, identity = "id" in body, body.get("id")
    if isinstance(identity, bool) or not (identity is None or isinstance(identity, int | str)):
        raise BadFrameError("the id of a message is neither a whole number nor a string")
    is_answer = "result" in body or "error" in body
    if "method" not in body:
        if not has_id or ("result" in body) == ("error" in body):
            raise BadFrameError("a message has neither a method nor one result or error")
        if identity is None and "result" in body:
            raise BadFrameError("a result has no id")
        return Frame(Kind.RESPONSE, body, identity)
    method = body["method"]
    if is_answer or not isinstance(method, str):
        raise BadFrameError("a message is both a request and a response, or has no proper method")
    if not isinstance(body.get("params", {}), dict):
        raise BadFrameError("the parameters of a message are no object")
    if has_id and identity is None:
        raise BadFrameError("the id of a request is null")
    return Frame(Kind.REQUEST if has_id else Kind.NOTIFICATION, body, identity, method)


def exact(body: Mapping[str, Json], names: Iterable[str], what: str) -> None:
    """Refuse keys that differ from a known one in case only: some parsers take them for it."""
    known = {name.casefold(): name for name in names}
    for key in body:
        if known.get(key.casefold(), key) != key:
            raise BadFrameError(f"{what} has a key that differs from a known one only in case")


def as_object(value: Json) -> dict[str, Json]:
    """The value where it is an object, an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def answer(request: Frame, result: dict[str, Json]) -> Frame:
    """The response to a request."""
    return Frame(Kind.RESPONSE, {"jsonrpc": "2.0", "id": request.id, "result": result}, request.id)


def error(identity: Id | None, code: int, message: str) -> Frame:
    """The response to a request that failed."""
    told: dict[str, Json] = {"code": code, "message": message}
    return Frame(Kind.RESPONSE, {"jsonrpc": "2.0", "id": identity, "error": told}, identity)
