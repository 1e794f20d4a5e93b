"""Reading a JSON request body within bounds of size, time and form."""

import asyncio

from tyrian.errors import InputError
from tyrian.gateway.context import Receive, Scope
from tyrian.gateway.errors import ApiError, bad_request, too_large
from tyrian.gateway.strict_json import decode_object

_DISCARD_FACTOR = 8


class ClientGoneError(Exception):
    """The client closed its connection; nobody is left to be answered."""


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of that (lower-case) name, empty where there is none."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return b""


async def read_json(
    scope: Scope, receive: Receive, *, limit: int, timeout_s: float
) -> tuple[bytes, dict[str, object]]:
    """The body as it came, and the object in it; ApiError where it cannot be taken."""
    _check_form(scope)
    body = await read_body(scope, receive, limit=limit, timeout_s=timeout_s)
    try:
        return body, decode_object(body)
    except InputError as error:
        raise bad_request(f"{error.message}.", code="invalid_json") from None


def _check_form(scope: Scope) -> None:
    media_type = header(scope, b"content-type").split(b";", 1)[0].strip().lower()
    if media_type != b"application/json":
        raise ApiError(
            415,
            "The request body must be JSON, sent with `Content-Type: application/json`.",
            code="unsupported_media_type",
        )
    if header(scope, b"content-encoding") not in (b"", b"identity"):
        raise ApiError(
            415, "Compressed request bodies are not taken.", code="unsupported_content_encoding"
        )


async def read_body(scope: Scope, receive: Receive, *, limit: int, timeout_s: float) -> bytes:
    """The whole body; 413 over the limit, be its length announced or not, 408 when it trickles."""
    announced = header(scope, b"content-length")
    try:
        async with asyncio.timeout(timeout_s):
            if announced.isdigit() and int(announced) > limit:
                if not header(scope, b"expect"):
                    await _discard(receive, int(announced), limit)
                raise too_large(limit)
            return await _collect(receive, limit)
    except TimeoutError:
        raise ApiError(
            408,
            "The request body did not arrive in time.",
            code="request_timeout",
            headers=((b"connection", b"close"),),
        ) from None


async def _collect(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGoneError
        part = event.get("body", b"")
        size += len(part)
        if size > limit:
            parts.clear()
            await _discard(receive, 0, limit)
            raise too_large(limit)
        parts.append(part)
        if not event.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else part


async def _discard(receive: Receive, announced: int, limit: int) -> None:
    """Take the rest of a body that is too large, within reason, and keep none of it.

    A client that is still sending when the connection closes sees a reset, not our answer, and
    tries again; one that has sent all reads the answer.
    """
    budget = limit * _DISCARD_FACTOR
    if announced > budget:
        return
    while budget > 0:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGoneError
        budget -= len(event.get("body", b""))
        if not event.get("more_body", False):
            return
