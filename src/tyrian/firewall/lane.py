"""Worker threads for one detector, which a call that never returns cannot use up."""

import asyncio
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from tyrian.errors import DetectorError


class Job:
    """A call in a lane; `done` ends on the event loop when it has returned or raised."""

    def __init__(self, work: Callable[[], None], limit_s: float) -> None:
        self.work = work
        self.limit_s = limit_s
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self.loop.create_future()
        self.submitted_at = time.monotonic()
        self.started_at: float | None = None
        self.is_abandoned = False

    def left_s(self) -> float:
        """Seconds until the deadline: a job may wait as long as it may run."""
        since = self.submitted_at if self.started_at is None else self.started_at
        return since + self.limit_s - time.monotonic()

    def finish(self) -> None:
        """Tell the event loop; a loop that has been closed no longer wants to know."""
        try:
            self.loop.call_soon_threadsafe(self._settle)
        except RuntimeError:
            return

    def _settle(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Lane:
    """Up to `width` threads, started when needed.

    A thread whose job has passed its deadline is abandoned, counted and replaced; it ends by
    itself if its call ever returns. With `max_hung` such threads the lane takes no more jobs.
    """

    def __init__(self, name: str, width: int = 4, max_hung: int = 16) -> None:
        self.name = name
        self.width = width
        self.max_hung = max_hung
        self.hung = 0
        """Abandoned threads that have not returned yet."""
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._running: set[Job] = set()
        self._threads = 0
        self._load = 0
        self._is_closed = False

    async def run(self, work: Callable[[], None], limit_s: float) -> bool:
        """Run `work`, which must not raise; False when the deadline came first."""
        job = self._submit(Job(work, limit_s))
        try:
            while not job.done.done():
                left_s = job.left_s()
                if left_s <= 0:
                    self._abandon(job)
                    return False
                await asyncio.wait((job.done,), timeout=left_s)
        except asyncio.CancelledError:
            self._drop_if_waiting(job)
            raise
        return True

    def close(self) -> None:
        """Let idle threads end; running ones end after their job."""
        with self._lock:
            self._is_closed = True
            threads, self._threads = self._threads, 0
        for _ in range(threads):
            self._queue.put(None)

    def _submit(self, job: Job) -> Job:
        with self._lock:
            for old in [j for j in self._running if j.left_s() <= 0]:
                self._abandon_running(old)
            if self._is_closed:
                raise DetectorError("the firewall is closed")
            if self.hung >= self.max_hung:
                raise DetectorError(f"{self.hung} earlier calls of this guard have not returned")
            self._load += 1
            self._grow()
        self._queue.put(job)
        return job

    def _grow(self) -> None:
        most = min(self.width, self._load, self.max_hung - self.hung)
        while self._threads < most:
            self._threads += 1
            threading.Thread(target=self._serve, name=f"tyrian-{self.name}", daemon=True).start()

    def _abandon(self, job: Job) -> None:
        with self._lock:
            if job.is_abandoned:
                return
            if job in self._running:
                self._abandon_running(job)
            elif job.started_at is None:
                job.is_abandoned = True
                self._load -= 1

    def _abandon_running(self, job: Job) -> None:
        job.is_abandoned = True
        self._running.discard(job)
        self._load -= 1
        self.hung += 1
        if not self._is_closed:
            self._threads -= 1
            self._grow()

    def _drop_if_waiting(self, job: Job) -> None:
        if job.started_at is None:
            self._abandon(job)

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            with self._lock:
                if job.is_abandoned:
                    continue
                job.started_at = time.monotonic()
                self._running.add(job)
            job.work()
            with self._lock:
                if job.is_abandoned:
                    self.hung -= 1
                    if not self._is_closed:
                        self._grow()
                    return
                self._running.discard(job)
                self._load -= 1
            job.finish()
