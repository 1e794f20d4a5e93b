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

    A client that takes no byte for too long is given up: ClientGoneError leaves the context then.
    The response starts with the first byte to be sent, so that a failure before it still gets
    its proper status.
    """

    def __init__(self, send: Send, limits: Limits) -> None:
        self._send = send
        self._limits = limits
        self._last = time.monotonic()
        self._writing = 0
        self._is_stuck = False
        self._task: asyncio.Task[object] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.has_begun = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        if self._is_stuck and isinstance(error, asyncio.CancelledError):
            if self._task is not None:
                self._task.uncancel()
            raise ClientGoneError from None

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the client is slow, within bounds."""
        self._last = time.monotonic()
        self._writing += 1
        try:
            if not self.has_begun:
                self.has_begun = True
                await self._send(
                    {"type": "http.response.start", "status": 200, "headers": list(_HEADERS)}
                )
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        finally:
            self._writing -= 1

    async def done(self) -> None:
        """End the stream well, as OpenAI's dialect has it."""
        await self.write(frame(DONE))
        await self.end()

    async def fail(self, error: ApiError) -> None:
        """End the stream with an error event, in place of `[DONE]`."""
        await self.write(error_frame(error.body))
        await self.end()

    async def end(self) -> None:
        """Nothing more comes."""
        if self._watcher is not None:
            self._watcher.cancel()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self) -> None:
        """Keeps silent streams alive, and gives up clients that take nothing.

        One task for a whole stream, because a timer for each write would cost more than it.
        """
        while True:
            waited_s = time.monotonic() - self._last
            bound_s = self._limits.write_s if self._writing else self._limits.ping_s
            if waited_s < bound_s:
                await asyncio.sleep(bound_s - waited_s)
            elif self._writing:
                self._give_up()
                return
            else:
                await self._ping()

    async def _ping(self) -> None:
        try:
            async with asyncio.timeout(self._limits.write_s):
                await self.write(PING)
        except TimeoutError:
            self._give_up()

    def _give_up(self) -> None:
        self._is_stuck = True
        if self._task is not None:
            self._task.cancel()
