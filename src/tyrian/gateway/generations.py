"""One application after another behind one socket: a request ends on the one it began on.

What a gateway is built from changes by building all of it anew. The new application is started,
and warm, before it takes requests; the old one is ended when its last request is over.
"""

import asyncio
from collections.abc import Awaitable, Callable

from tyrian.errors import TyrianError
from tyrian.gateway.context import Endpoint, Receive, ReceiveEvent, Scope, Send


class NotStartedError(TyrianError):
    """An application could not start."""


class Generation:
    """An application with what was built for it alone."""

    def __init__(self, app: Endpoint, close: Callable[[], Awaitable[None]] | None = None) -> None:
        """`close` is called once the application has ended, or could not start."""
        self._app = app
        self._close = close
        self._events: asyncio.Queue[ReceiveEvent] = asyncio.Queue()
        self._answers: asyncio.Queue[ReceiveEvent] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._running = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def start(self) -> None:
        """Start the application; NotStartedError where it cannot."""
        self._lifespan = asyncio.create_task(self._live())
        answer = await self._say("lifespan.startup")
        if answer != "lifespan.startup.complete":
            await self.stop()
            raise NotStartedError("the gateway cannot start with this") from self._failure

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        self._running += 1
        self._is_idle.clear()
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
            if not self._running:
                self._is_idle.set()

    async def drained(self) -> None:
        """Wait until no request is left."""
        await self._is_idle.wait()

    async def stop(self) -> None:
        """End the application."""
        if self._lifespan is not None and not self._lifespan.done():
            await self._say("lifespan.shutdown")
            await asyncio.wait([self._lifespan])
        self._lifespan = None
        if self._close is not None:
            close, self._close = self._close, None
            await close()

    async def _say(self, event: str) -> str:
        """Tell the application; what it answers, or nothing where it ended."""
        if self._lifespan is None:
            return ""
        await self._events.put({"type": event})
        answer = asyncio.create_task(self._answers.get())
        await asyncio.wait([answer, self._lifespan], return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return str(answer.result()["type"])
        answer.cancel()
        return ""

    async def _live(self) -> None:
        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        try:
            await self._app(scope, self._events.get, self._answers.put)
        except Exception as error:  # noqa: BLE001 - whoever starts it is told
            self._failure = error


class Generations:
    """The application that takes requests now, and those that end."""

    def __init__(self, first: Generation) -> None:
        self._current = first
        self._ending: set[asyncio.Task[None]] = set()
        self.on_start: Callable[[], None] | None = None
        """Called once the first has started."""
        self.on_stop: Callable[[], Awaitable[None]] | None = None
        """Awaited before the last one ends."""
        self.on_ended: Callable[[], None] | None = None
        """Called when one has ended whose place another has taken."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._current.serve(scope, receive, send)

    def replace(self, generation: Generation) -> None:
        """Let a started one take the requests from now on."""
        old, self._current = self._current, generation
        task = asyncio.create_task(self._end(old))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, generation: Generation) -> None:
        await generation.drained()
        await generation.stop()
        if self.on_ended is not None:
            self.on_ended()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._current.start()
        if self.on_start is not None:
            self.on_start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self.on_stop is not None:
            await self.on_stop()
        await self._current.stop()
        if self._ending:  # no request is left when a server shuts down
            await asyncio.wait(self._ending)
        await send({"type": "lifespan.shutdown.complete"})
