"""The response side of a stream: starts late, keeps alive, bounds slow readers."""

import asyncio
import time
from types import TracebackType
from typing import Self

from tyrian.gateway.body import ClientGoneError
from tyrian.gateway.context import Send
from tyrian.gateway.errors import ApiError
from tyrian.gateway.settings import Limits
from tyrian.gateway.sse import DONE, PING, error_frame, frame

_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
)


class EventStream:
    """An event stream to the client. While it is open, a comment breaks every long silence.

    The response starts with the first byte to be sent, so that a failure before it still gets
    its proper status.
    """

    def __init__(self, send: Send, limits: Limits) -> None:
        self._send = send
        self._limits = limits
        self._last = time.monotonic()
        self._pinger: asyncio.Task[None] | None = None
        self.has_begun = False

    async def __aenter__(self) -> Self:
        self._pinger = asyncio.create_task(self._keep_alive())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pinger is not None:
            self._pinger.cancel()

    async def write(self, data: bytes) -> None:
        """Send bytes; ClientGoneError where the client takes none for too long."""
        self._last = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.write_s):
                if not self.has_begun:
                    self.has_begun = True
                    await self._send(
                        {"type": "http.response.start", "status": 200, "headers": list(_HEADERS)}
                    )
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            raise ClientGoneError from None

    async def done(self) -> None:
        """End the stream well."""
        await self.write(frame(DONE))
        await self._end()

    async def fail(self, error: ApiError) -> None:
        """End the stream with an error event, in place of `[DONE]`."""
        await self.write(error_frame(error.body))
        await self._end()

    async def _end(self) -> None:
        if self._pinger is not None:
            self._pinger.cancel()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _keep_alive(self) -> None:
        while True:
            silent_s = time.monotonic() - self._last
            if silent_s < self._limits.ping_s:
                await asyncio.sleep(self._limits.ping_s - silent_s)
            else:
                await self.write(PING)
