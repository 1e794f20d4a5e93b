"""uvicorn's HTTP/1.1 protocol, hardened: bounds on heads, bodies and readers in size and time, no
request that two parsers could read differently, and refusals in the shape of every other error."""

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tyrian.gateway.errors import ApiError

HEADER_DEADLINE_S = 10.0
MAX_HEADER_BYTES = 32 << 10
MAX_HEADERS = 100
MAX_PIPELINED = 32
"""Requests that may wait behind the one that is being answered."""
BODY_STEP_S = 10.0
MIN_BODY_BYTES_PER_S = 1 << 10
"""A body that comes more slowly over a whole step is given up."""
STALL_S = 60.0
"""A client that takes nothing of what is buffered for it for so long is given up."""
LINGER_S = 1.0
"""Bytes that come after a refusal are thrown away for so long: a reset would cost its text."""
_ONCE = frozenset({b"host", b"content-length", b"transfer-encoding", b"content-type"})


class HardenedProtocol(HttpToolsProtocol):
    """One connection of a client."""

    _head_timer: asyncio.TimerHandle | None = None
    _body_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _body_bytes = 0
    _is_in_head = True
    _is_in_body = False
    _size = 0
    _refused: ApiError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head, but not for ever."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all deadlines."""
        self._head_arrived()
        self._body_arrived()
        self._flowing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, as long as nothing has been refused."""
        if self._refused is not None:
            return
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._refused is not None:
            return
        # A body may stand in the same segment, so only a head that is still open counts here.
        if self._is_in_head and self._head_bytes > MAX_HEADER_BYTES:
            self._refuse(_too_long())
        elif self._is_in_body:
            self._body_bytes += len(data)
            if self._body_timer is None:
                self._await_body()

    def on_message_begin(self) -> None:
        """A new request on this connection."""
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()
        self._is_in_head = True
        self._size = 0
        if len(self.pipeline) >= MAX_PIPELINED:
            raise self._note(_bad_head("Too many requests wait on this connection."))

    def on_url(self, url: bytes) -> None:
        """Collect the target, within bounds."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, within bounds; trailers are left out, since nobody checked them."""
        self._count(len(name) + len(value) + 4)
        if not self._is_in_head:
            return
        if len(self.headers) >= MAX_HEADERS:
            raise self._note(_too_long())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, if its head is one that everybody reads in the same way."""
        self._head_arrived()
        self._is_in_head = False
        self._is_in_body = True
        self._head_bytes = self._body_bytes = 0
        fault = _fault_of_head(self.headers, self.url, self.parser.get_http_version())
        if fault is not None:
            raise self._note(fault)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next bytes are a new head."""
        super().on_message_complete()
        self._is_in_head = True
        self._is_in_body = False
        self._body_arrived()

    def pause_writing(self) -> None:
        """The client takes less than it is sent; wait, but not for ever."""
        super().pause_writing()
        if self._stall_timer is None:
            self._watch_stall()

    def resume_writing(self) -> None:
        """The client has taken enough."""
        self._flowing()
        super().resume_writing()

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
        self._head_timer = self.loop.call_later(HEADER_DEADLINE_S, self._head_is_late)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(ApiError(408, "The request's head did not arrive in time."))

    def _await_body(self) -> None:
        self._body_timer = self.loop.call_later(BODY_STEP_S, self._check_body, self._body_bytes)

    def _body_arrived(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _check_body(self, before: int) -> None:
        self._body_timer = None
        if self.transport.is_closing():
            return
        is_ours = self.flow.read_paused  # then it is the gateway that does not read
        if is_ours or self._body_bytes - before >= MIN_BODY_BYTES_PER_S * BODY_STEP_S:
            self._await_body()
        else:
            message = "The request body did not arrive in time."
            self._refuse(ApiError(408, message, code="request_timeout"))

    def _watch_stall(self) -> None:
        held = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(STALL_S, self._check_stall, held)

    def _check_stall(self, before: int) -> None:
        self._stall_timer = None
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()
        else:
            self._watch_stall()

    def _flowing(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _refuse(self, error: ApiError) -> None:
        """Answer with the error and close; cut off where an answer is under way already."""
        self._refused = error
        self._head_arrived()
        self._body_arrived()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self.pipeline or cycle.response_started:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(_response(error))
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.close)
        else:
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
    if b"transfer-encoding" in seen and (b"content-length" in seen or version != "1.1"):
        return _bad_head("The length of the request's body can be read in two ways.")
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
