"""One direction of a connection: messages are judged side by side, and leave in a sound order."""

import asyncio
from collections.abc import Awaitable, Callable

from tyrian.adapters.mcp.frame import Frame, Kind
from tyrian.adapters.mcp.wire import Outcome

AT_ONCE = 64

Send = Callable[[Frame], Awaitable[None]]


class Lane:
    """Judges the messages of one side.

    A notification leaves after all that came before it (a cancellation after its request), and
    nothing leaves before a notification that came earlier (progress before the result). Apart
    from that a slow judgement holds up nobody else.
    """

    def __init__(
        self, judge: Callable[[Frame], Awaitable[Outcome]], forward: Send, reply: Send
    ) -> None:
        self._judge = judge
        self._forward = forward
        self._reply = reply
        self._open: set[asyncio.Task[None]] = set()
        self._notified: asyncio.Task[None] | None = None
        self._places = asyncio.Semaphore(AT_ONCE)
        self.fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Has the first exception that a message raised; never a result."""

    async def take(self, frame: Frame) -> None:
        """Begin to judge a message; waits where too many are under way."""
        await self._places.acquire()
        is_note = frame.kind is Kind.NOTIFICATION
        earlier = set(self._open) if is_note else {self._notified} if self._notified else set()
        task = asyncio.create_task(self._pass(frame, earlier))
        self._open.add(task)
        task.add_done_callback(self._done)
        if is_note:
            self._notified = task

    async def drain(self) -> None:
        """Wait until all is judged and sent, or has failed."""
        while self._open:
            await asyncio.wait(self._open)

    def cancel(self) -> None:
        """Give up what is under way."""
        for task in self._open:
            task.cancel()
        self.fault.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._places.release()
        self._open.discard(task)
        if self._notified is task:
            self._notified = None
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not self.fault.done():
            self.fault.set_exception(fault)

    async def _pass(self, frame: Frame, earlier: set[asyncio.Task[None]]) -> None:
        outcome = await self._judge(frame)
        if earlier:
            await asyncio.wait(earlier)
        if outcome.forward is not None:
            await self._forward(outcome.forward)
        if outcome.reply is not None:
            await self._reply(outcome.reply)
