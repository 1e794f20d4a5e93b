"""uvicorn's HTTP/1.1 protocol, hardened: bounds on headers, no request that two parsers could
read differently, and refusals in the shape of every other error."""

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tyrian.gateway.errors import ApiError

HEADER_DEADLINE_S = 10.0
MAX_HEADER_BYTES = 32 << 10
MAX_HEADERS = 100
_ONCE = frozenset({b"host", b"content-length", b"transfer-encoding", b"content-type"})


class HardenedProtocol(HttpToolsProtocol):
    """One connection of a client."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_in_head = True
    _size = 0
    _refused: ApiError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head, but not for ever."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, as long as nothing has been refused."""
        if self._refused is not None:
            return
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # A body may stand in the same segment, so only a head that is still open counts here.
        if self._is_in_head and self._head_bytes > MAX_HEADER_BYTES and self._refused is None:
            self._refuse(_too_long())

    def on_message_begin(self) -> None:
        """A new request on this connection."""
        super().on_message_begin()
        if self._deadline is None:
            self._await_head()
        self._is_in_head = True
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """Collect the target, within bounds."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, within bounds."""
        self._count(len(name) + len(value) + 4)
        if len(self.headers) >= MAX_HEADERS:
            raise self._note(_too_long())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, if its head is one that everybody reads in the same way."""
        self._head_arrived()
        self._is_in_head = False
        self._head_bytes = 0
        fault = _fault_of_head(self.headers, self.url, self.parser.get_http_version())
        if fault is not None:
            raise self._note(fault)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next bytes are a new head."""
        super().on_message_complete()
        self._is_in_head = True

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, or was refused, and close."""
        self._refuse(self._refused or _bad_head(msg))

    def _note(self, error: ApiError) -> ApiError:
        """Keep the error for the answer: the parser hides what its callbacks raise."""
        self._refused = error
        return error

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MAX_HEADER_BYTES:
            raise self._note(_too_long())

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(HEADER_DEADLINE_S, self._head_is_late)

    def _head_arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_is_late(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._refuse(ApiError(408, "The request's head did not arrive in time."))

    def _refuse(self, error: ApiError) -> None:
        self._refused = error
        self._head_arrived()
        self.transport.write(_response(error))
        self.transport.close()


def _response(error: ApiError) -> bytes:
    body = error.body
    head = [
        STATUS_LINE[error.status],
        b"content-type: application/json\r\n",
        b"content-length: %d\r\n" % len(body),
        b"connection: close\r\n\r\n",
    ]
    return b"".join(head) + body


def _fault_of_head(headers: list[tuple[bytes, bytes]], url: bytes, version: str) -> ApiError | None:
    seen: set[bytes] = set()
    for name, value in headers:
        if name in _ONCE and name in seen:
            return _bad_head("A header of the request is given twice.")
        seen.add(name)
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            return _bad_head("The transfer encoding of the request is not known.")
    if b"content-length" in seen and b"transfer-encoding" in seen:
        return _bad_head("The request has both a length and a transfer encoding.")
    if b"host" not in seen and version != "1.0":
        return _bad_head("The request has no Host header.")
    if not url.startswith(b"/") and url != b"*":
        return _bad_head("The request target must be a path.")
    return None


def _bad_head(message: str) -> ApiError:
    return ApiError(400, message, code="bad_request")


def _too_long() -> ApiError:
    message = f"The request's head is larger than {MAX_HEADER_BYTES} bytes or {MAX_HEADERS} lines."
    return ApiError(431, message, code="headers_too_large")
