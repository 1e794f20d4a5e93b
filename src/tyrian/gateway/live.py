"""Ends running requests, streams too, once their key is no longer good."""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from tyrian.errors import StoreError
from tyrian.gateway.context import (
    Endpoint,
    Receive,
    ReceiveEvent,
    RequestContext,
    Scope,
    Send,
    context_of,
)
from tyrian.gateway.errors import unauthorized
from tyrian.gateway.sse import error_frame

if TYPE_CHECKING:
    from tyrian.gateway.accounts.record import KeyRecord

EVERY_S: Final = 0.3
"""Between two looks; with the time of a look, an end reaches every stream within a second."""

IDLE_S: Final = 10.0
"""How long it goes on looking after the last request, so that the next one need not wait."""

LAST_WORD_S: Final = 1.0
"""How long a client may take for the event that tells it why its stream ends."""


@runtime_checkable
class KeyWatcher(Protocol):
    """Knows which keys have ended since they were verified."""

    async def ended(self, records: "Iterable[KeyRecord]") -> Collection[str]:
        """Of the keys that are no longer good: the ids of the secrets that proved them."""


class LiveRequests:
    """A layer around the routes that watches the keys of all running requests."""

    def __init__(self, app: Endpoint, keys: KeyWatcher) -> None:
        self._app = app
        self._keys = keys
        self._running: dict[asyncio.Task[object], RequestContext] = {}
        self._ending: set[RequestContext] = set()
        self._watching: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, self._stopping_first(receive), send)
            return
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("called outside a task")
        context = context_of(scope)
        self._running[task] = context
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if context not in self._ending or task.uncancel():
                raise
            await _tell(context, send)
        finally:
            del self._running[task]
            self._ending.discard(context)

    def _stopping_first(self, receive: Receive) -> Receive:
        """What is received, with the watch ended before a shutdown goes on."""

        async def received() -> ReceiveEvent:
            event = await receive()
            if event["type"] == "lifespan.shutdown":
                self._stopping.set()
                if self._watching is not None:
                    # Not cancelled: that would tear a connection to the database.
                    await asyncio.wait([self._watching])
            return event

        return received

    async def _watch(self) -> None:
        idle_s = 0.0
        try:
            while idle_s < IDLE_S and not self._stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), EVERY_S)
                idle_s = 0.0 if self._running else idle_s + EVERY_S
                # What cannot be asked now is asked the next time; new requests fail meanwhile.
                with suppress(StoreError):
                    await self._look()
        finally:
            self._watching = None

    async def _look(self) -> None:
        keys = [key for context in self._running.values() if (key := context.key) is not None]
        ended = await self._keys.ended(keys)
        for task, context in list(self._running.items()) if ended else ():
            is_ended = context.key is not None and context.key.secret_id in ended
            if is_ended and context not in self._ending:
                self._ending.add(context)
                task.cancel()


async def _tell(context: RequestContext, send: Send) -> None:
    """401 where no answer has begun, an error event in a stream; else it stays unfinished."""
    error = unauthorized("The API key ended while the request was being served.")
    if not context.status:
        raise error
    if context.content_type.startswith(b"text/event-stream"):
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                body = error_frame(error.body)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
