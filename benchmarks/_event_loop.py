"""For how long an event loop stands still while requests are judged on it at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TICK_S = 0.001


def _queued_ms() -> float:
    """How long this thread was ready to run and had no processor; 0 where Linux does not say."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e6
    except (OSError, IndexError, ValueError):
        return 0.0


class Watch:
    """Notes for how long the event loop stood still at most.

    `own_ms` leaves out what its thread spent in the queue for a processor: on a busy machine that
    is what other processes cost.
    """

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self.own_ms = 0.0
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            queued_ms, began = _queued_ms(), time.perf_counter()
            await asyncio.sleep(TICK_S)
            took_ms = (time.perf_counter() - began - TICK_S) * 1000
            self.longest_ms = max(self.longest_ms, took_ms)
            self.own_ms = max(self.own_ms, took_ms - (_queued_ms() - queued_ms))

    async def close(self) -> None:
        """Stop watching, once the loop has moved on."""
        await asyncio.sleep(2 * TICK_S)
        self._task.cancel()


@dataclass(frozen=True, slots=True)
class Stall:
    """Medians over tries, in milliseconds; `all_s` in seconds."""

    own_ms: float
    """Without the time that the loop's thread waited for a processor."""
    whole_ms: float
    idle_ms: float
    """What a loop with nothing to do saw in the same minute: what other processes cost."""
    all_s: float
    """Until every request was answered."""


async def _watched(work: Callable[[], Awaitable[object]]) -> tuple[Watch, float]:
    watch = Watch()
    await asyncio.sleep(2 * TICK_S)
    began = time.perf_counter()
    await work()
    took_s = time.perf_counter() - began
    await watch.close()
    return watch, took_s


async def stall_of(work: Callable[[], Awaitable[object]], tries: int) -> Stall:
    """How the loop stands still while `work` is awaited, in turns with an idle loop."""
    await work()  # what is built on first use is not counted
    busy: list[tuple[Watch, float]] = []
    idle: list[float] = []
    for _ in range(tries):
        watch, took_s = await _watched(work)
        busy.append((watch, took_s))
        resting, _ = await _watched(lambda seconds=took_s: asyncio.sleep(seconds))  # type: ignore[misc]
        idle.append(resting.longest_ms)
    return Stall(
        median(watch.own_ms for watch, _ in busy),
        median(watch.longest_ms for watch, _ in busy),
        median(idle),
        median(seconds for _, seconds in busy),
    )
