"""One HTTP/1.1 connection to a server: a request goes out, the answer is read as it comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, cast

import httptools

MAX_HEAD_BYTES: Final = 64 << 10
HIGH_WATER: Final = 256 << 10
"""Bytes of an answer that wait to be read; then the server has to wait."""

_INFORMAL: Final = range(100, 200)
_BODILESS: Final = frozenset({204, 304})


class ConnectFailedError(Exception):
    """No connection, or it ended before the head of an answer had come: nothing was answered."""


class BrokenAnswerError(Exception):
    """The server sent something else than a whole HTTP/1.1 answer."""


class Connection(asyncio.Protocol):
    """A connection that is opened by a pool; serves one request after another.

    Each of `head` and `chunks` raises ConnectFailedError, BrokenAnswerError, or TimeoutError where
    the server was silent for `silence_s` or the answer took longer than `total_s`.
    """

    def __init__(self, silence_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._silence_s = silence_s
        self._transport: asyncio.Transport | None = None
        self._closed: Callable[[], None] | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._total: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._is_busy = False
        self.is_open = False
        self.idle_until = 0.0
        """Until when it may be used again, by the loop's clock."""
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self._head_bytes = 0
        self._has_head = False
        self._ends_with_connection = False
        self._keeps_alive = False
        self._is_done = False
        self._has_more = False
        self._failure: BaseException | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None

    # What the pool does.

    def on_close(self, closed: Callable[[], None]) -> None:
        """Have `closed` called once, when the connection is gone."""
        self._closed = closed

    def send(self, head: bytes, body: bytes | None, total_s: float | None) -> None:
        """Send a request; the answer of the one before must have been read, or none been asked."""
        if self._transport is None or not self.is_open:
            raise ConnectFailedError
        self._begin()
        self._is_busy = True
        self._heard_at = self._loop.time()
        if self._silence is None:
            self._silence = self._loop.call_later(self._silence_s, self._listen)
        if total_s is not None:
            self._total = self._loop.call_later(total_s, self._fail, TimeoutError())
        self._transport.writelines((head, body) if body else (head,))

    async def head(self) -> None:
        """Wait until status and headers are there."""
        while not self._has_head:
            if self._failure is not None:
                raise self._failure
            await self._wait()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces as they come."""
        while True:
            if self._parts:
                yield self._taken()
            elif self._is_done:
                return
            elif self._failure is not None:
                raise self._failure
            else:
                await self._wait()

    @property
    def is_read(self) -> bool:
        """True where the answer is whole and nothing of it is left to be read."""
        return self._is_done and not self._parts

    def finish(self) -> bool:
        """End the exchange; False where the connection cannot serve another one, and is closed."""
        self._is_busy = False
        if self._total is not None:
            self._total.cancel()
            self._total = None
        if self.is_open and self._is_done and self._keeps_alive and not self._has_more:
            self._parts = []
            self._resume()
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close at once."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # What the transport does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed, by whomever."""
        self.is_open = False
        if self._silence is not None:
            self._silence.cancel()
        if self._is_busy and not self._is_done:
            if self._has_head and self._ends_with_connection and exc is None:
                self._is_done = True
                self._wake()
            else:
                self._fail(BrokenAnswerError() if self._has_head else ConnectFailedError())
        if self._closed is not None:
            self._closed()

    def data_received(self, data: bytes) -> None:
        """A piece of the answer; what nobody asked for ends the connection."""
        self._heard_at = self._loop.time()
        if not self._is_busy or self._is_done:
            self._has_more = True
            self.abort()
            return
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
            is_read = self._has_head or self._head_bytes <= MAX_HEAD_BYTES
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            is_read = False
        if is_read:
            self._wake()
        else:
            # Of an answer that was whole before, what follows it takes nothing away.
            self._fail(BrokenAnswerError())
            self.abort()

    def eof_received(self) -> None:
        """No more will come; the transport closes."""

    # What the parser does.

    def on_message_begin(self) -> None:
        """A further answer where one was asked for is none of ours."""
        self._has_more = self._has_more or self._is_done

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those after the body are left out. Several of a name become one list."""
        if self._has_head:
            return
        key, text = str(name, "latin-1").lower(), str(value, "latin-1")
        known = self.headers.get(key)
        self.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """The head is there, unless it only tells that the answer is yet to come."""
        if self._is_done or self._failure is not None:
            return
        self.status = self._parser.get_status_code()
        if self.status in _INFORMAL:
            return
        coding = self.headers.get("transfer-encoding")
        if coding is not None and (coding.lower() != "chunked" or "content-length" in self.headers):
            # Its end could be read in two ways.
            self._fail(BrokenAnswerError())
            self.abort()
            return
        self._ends_with_connection = (
            coding is None and "content-length" not in self.headers and self.status not in _BODILESS
        )
        self._keeps_alive = self._parser.should_keep_alive()
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._is_done or not self._has_head:
            return
        self._parts.append(body)
        self._size += len(body)
        if self._size > HIGH_WATER and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole; or another one follows it, which was announced by this one."""
        if self._has_head:
            self._is_done = True
        else:
            self.headers = {}

    def _taken(self) -> bytes:
        parts, self._parts, self._size = self._parts, [], 0
        self._resume()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._heard_at = self._loop.time()
            if self._transport is not None and self.is_open:
                self._transport.resume_reading()

    async def _wait(self) -> None:
        self._waiter = waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: BaseException) -> None:
        if self._failure is None:
            self._failure = failure
        self._wake()

    def _listen(self) -> None:
        """Give up where nothing was heard for too long; one timer serves many requests."""
        self._silence = None
        if not self.is_open or not self._is_busy or self._is_done:
            return
        # While we do not read, the server cannot be heard.
        heard_at = self._loop.time() if self._is_paused else self._heard_at
        left_s = heard_at + self._silence_s - self._loop.time()
        if left_s > 0:
            self._silence = self._loop.call_later(left_s, self._listen)
        else:
            self._fail(TimeoutError())
