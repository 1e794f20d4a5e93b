"""Lets the event loop see to others between the messages that are judged on it."""

import asyncio
import time

TURN_S = 0.002
"""Seconds of one turn of the event loop after which no further message is begun in it.

Who sleeps waits for up to three turns beyond their time: for the timer, the future and the task.
"""


class Turn:
    """How long the present turn of the event loop has lasted since a message was first judged.

    Requests that came together are otherwise all judged in one turn, and nothing else is seen to
    before the last of them is done.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began = 0.0

    async def take(self) -> None:
        """Wait for a turn that has time left; those who came first go first."""
        loop = asyncio.get_running_loop()
        # Where two loops share a firewall, neither waits for the turn of the other.
        while self._loop is loop and time.perf_counter() - self._began > TURN_S:
            await _next_turn()
        if self._loop is not loop:
            self._loop, self._began = loop, time.perf_counter()
            loop.call_soon(self._end, loop)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is loop:
            self._loop = None


async def _next_turn() -> None:
    await asyncio.sleep(0)
