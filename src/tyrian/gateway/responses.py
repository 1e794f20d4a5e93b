"""Whole JSON answers, written straight to ASGI."""

from collections.abc import Iterable

from tyrian.gateway.context import Send
from tyrian.gateway.errors import ApiError

JSON = b"application/json"


async def send_body(
    send: Send,
    body: bytes,
    *,
    status: int = 200,
    content_type: bytes = JSON,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """One whole response."""
    fields = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, error: ApiError) -> None:
    """The error's envelope."""
    await send_body(send, error.body, status=error.status, headers=error.headers)
