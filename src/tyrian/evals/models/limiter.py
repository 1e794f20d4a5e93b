"""How many requests one endpoint takes at once, found by trying: slow growth, quick retreat.

Additive increase and multiplicative decrease as in TCP (Chiu and Jain, 1989): the limit grows by
one after as many answers as it allows, and falls by a fifth for each episode of refusals.
"""

import asyncio
from collections import deque

FALL = 0.8


class Limiter:
    """Admits requests up to a limit that adapts; waits together where the server asks for it."""

    def __init__(self, start: int, highest: int) -> None:
        self._limit = float(min(start, highest))
        self._highest = highest
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._not_before = 0.0
        self._episode_end = 0.0

    @property
    def limit(self) -> int:
        """Requests allowed at once now."""
        return max(1, int(self._limit))

    async def enter(self) -> None:
        """Wait for a place, and for the end of a pause that the server asked for."""
        loop = asyncio.get_running_loop()
        while self._running >= self.limit:
            turn = loop.create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()
                raise
        self._running += 1
        try:
            # Another refusal may prolong the pause meanwhile.
            while (wait := self._not_before - loop.time()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
        except asyncio.CancelledError:
            self.leave()
            raise

    def leave(self) -> None:
        """Give the place back."""
        self._running -= 1
        self._wake()

    def answered(self) -> None:
        """The server took a request: room for a little more."""
        self._limit = min(self._highest, self._limit + 1.0 / self._limit)

    def refused(self, wait_s: float) -> None:
        """The server is over its rate: fewer at once, and none for a while.

        Refusals that arrive during one pause are one episode.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._episode_end:
            self._limit = max(1.0, self._limit * FALL)
            self._episode_end = now + max(wait_s, 1.0)
        self._not_before = max(self._not_before, now + wait_s)

    def _wake(self) -> None:
        free = self.limit - self._running
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
