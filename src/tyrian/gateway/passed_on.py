"""What of an upstream's failed answer goes on to the client: its error, in our shape."""

from collections.abc import Mapping

import msgspec

from tyrian.gateway.errors import ApiError, Headers
from tyrian.gateway.upstream import UpstreamReply

MAX_TEXT = 2_000
MAX_ERROR_BYTES = 64 << 10
_SAFE_HEADERS = ("retry-after", "retry-after-ms", "x-should-retry")
# The upstream's view of our own credential, or of our bug, is not the client's affair.
_OURS = frozenset({401, 402, 403, 405, 406, 411, 415})


class _Error(msgspec.Struct):
    message: str = ""
    code: str | int | None = None
    param: str | None = None


class _Envelope(msgspec.Struct):
    error: _Error | str


def safe_headers(headers: Mapping[str, str]) -> Headers:
    """The few headers of an upstream that mean something to its client."""
    return tuple(
        (name.encode(), value.encode("ascii"))
        for name in _SAFE_HEADERS
        if (value := headers.get(name)) and value.isascii() and value.isprintable()
    )


async def failed_reply(reply: UpstreamReply, upstream: str) -> ApiError:
    """The error to answer with for a reply that is not 200."""
    status = reply.status
    if status in (503, 504):
        code = "upstream_unavailable" if status == 503 else "upstream_timeout"
        message = f"The upstream {upstream!r} cannot serve this request now."
        return ApiError(status, message, code=code, headers=safe_headers(reply.headers))
    if status not in range(400, 500) or status in _OURS:
        what = "refused the gateway's credential" if status in (401, 403) else "failed"
        message = f"The upstream {upstream!r} {what} (status {status})."
        return ApiError(502, message, code="upstream_error")
    error = _read(await reply.read())
    return ApiError(
        status,
        error.message[:MAX_TEXT] or f"The upstream {upstream!r} refused the request.",
        code=str(error.code)[:128] if error.code is not None else "upstream_refused",
        param=error.param[:256] if error.param else None,
        headers=safe_headers(reply.headers),
    )


def _read(body: bytes) -> _Error:
    try:
        found = msgspec.json.decode(body[:MAX_ERROR_BYTES], type=_Envelope).error
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _Error()
    return found if isinstance(found, _Error) else _Error(found)
