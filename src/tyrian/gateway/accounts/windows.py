"""Exact moving windows: never more than the limit in any stretch of time as long as the window.

The `limits` package keeps an entry for every unit, so that a limit of tokens would keep each of
them, and asks the wall clock, which jumps. Here a window keeps an entry for every request.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Take:
    """So much of a limit is wanted."""

    name: str
    """Whose limit of what; the same for all requests that count together."""
    limit: int
    amount: int
    window_s: int = 60


@dataclass(frozen=True, slots=True)
class State:
    """A window after a request was let in or turned away."""

    take: Take
    used: int
    reset_s: float
    """Until the window is as fresh as it was at first, if nothing more comes."""

    @property
    def remaining(self) -> int:
        """What is left of the limit."""
        return max(0, self.take.limit - self.used)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a request."""

    entry: str
    """By which the amounts can be corrected; empty where it was turned away."""
    states: Sequence[State]
    refused: Take | None = None
    """The first limit that has too little left."""
    retry_s: float = 0.0
    """Until it has enough; infinite where it never will."""


class Windows(Protocol):
    """Windows by name, shared by whoever shares the place where they are kept."""

    async def take(self, takes: Sequence[Take]) -> Taken:
        """Take from all of the limits, or from none; StoreError where that cannot be told."""

    def correct(
        self, entry: str, takes: Sequence[Take], amounts: Sequence[int]
    ) -> Awaitable[None] | None:
        """Set what a request took to what it used, for as long as it is in the windows.

        What is to be waited for, which may raise StoreError; None where it is done already.
        """

    async def close(self) -> None:
        """Let go of connections."""


class MemoryWindows:
    """Windows of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, int], _Kept] = {}
        self._number = 0
        self._swept_at = clock()

    async def take(self, takes: Sequence[Take]) -> Taken:
        """Take from all of the limits, or from none."""
        now = self._clock()
        if now - self._swept_at > _SWEEP_S:
            self._sweep(now)
        kept = [self._kept(take, now) for take in takes]
        for take, window in zip(takes, kept, strict=True):
            if window.total + take.amount > take.limit:
                retry_s = window.wait_s(take, now)
                return Taken("", _states(takes, kept, now), take, retry_s)
        self._number += 1
        entry = str(self._number)
        for take, window in zip(takes, kept, strict=True):
            window.add(now, entry, take.amount)
        return Taken(entry, _states(takes, kept, now))

    def correct(self, entry: str, takes: Sequence[Take], amounts: Sequence[int]) -> None:
        """Set what a request took to what it used."""
        for take, amount in zip(takes, amounts, strict=True):
            window = self._windows.get((take.name, take.window_s))
            if window is not None:
                window.correct(entry, amount)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _kept(self, take: Take, now: float) -> "_Kept":
        window = self._windows.get((take.name, take.window_s))
        if window is None:
            window = self._windows[take.name, take.window_s] = _Kept(take.window_s)
        window.expire(now)
        return window

    def _sweep(self, now: float) -> None:
        """Forget windows in which nothing is left, so that old keys take no memory."""
        self._swept_at = now
        for name, window in list(self._windows.items()):
            window.expire(now)
            if not window.entries:
                del self._windows[name]


_SWEEP_S = 300.0


class _Kept:
    """One window: entries from old to new, their amounts, and the sum."""

    __slots__ = ("amounts", "entries", "total", "window_s")

    def __init__(self, window_s: int) -> None:
        self.window_s = window_s
        self.entries: deque[tuple[float, str]] = deque()
        self.amounts: dict[str, int] = {}
        self.total = 0

    def expire(self, now: float) -> None:
        while self.entries and self.entries[0][0] <= now - self.window_s:
            _, entry = self.entries.popleft()
            self.total -= self.amounts.pop(entry)

    def add(self, now: float, entry: str, amount: int) -> None:
        self.entries.append((now, entry))
        self.amounts[entry] = amount
        self.total += amount

    def correct(self, entry: str, amount: int) -> None:
        if entry in self.amounts:
            self.total += amount - self.amounts[entry]
            self.amounts[entry] = amount

    def wait_s(self, take: Take, now: float) -> float:
        """Until enough entries have gone that the amount fits."""
        left = self.total
        for at, entry in self.entries:
            left -= self.amounts[entry]
            if left + take.amount <= take.limit:
                return at + self.window_s - now
        return float("inf")

    def reset_s(self, now: float) -> float:
        return self.entries[-1][0] + self.window_s - now if self.entries else 0.0


def _states(takes: Sequence[Take], kept: Sequence[_Kept], now: float) -> list[State]:
    return [State(t, w.total, w.reset_s(now)) for t, w in zip(takes, kept, strict=True)]
