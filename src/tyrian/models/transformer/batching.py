"""Windows of concurrent requests, judged together by whichever caller comes first."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from tyrian.errors import DetectorError
from tyrian.models.transformer.backend import F64, Ids

_ALIKE = 0.75
"""Windows are padded together where the shortest has at least this share of the longest."""
_FOREVER_S = 3600.0


class BusyError(DetectorError):
    """The model judged other texts until the deadline."""


class _Job:
    __slots__ = ("error", "found", "windows")

    def __init__(self, windows: Sequence[Ids]) -> None:
        self.windows = windows
        self.found: F64 | None = None
        self.error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.found is not None or self.error is not None


class Batcher:
    """One model for many threads, without a thread of its own.

    The caller who finds the model free takes what is waiting, its own windows among it, and judges
    all of it in as few calls as `batch_tokens` allows; the others wait for their part. So a model
    never computes twice at once, and windows that came while it was busy share the next call.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Ids]], F64],
        *,
        batch_tokens: int,
        max_wait_s: float = 0.0,
    ) -> None:
        self._run = run
        self._batch_tokens = batch_tokens
        self._max_wait_s = max_wait_s
        """Seconds that a free model waits for company; a bound on what batching may cost."""
        self._queue: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._came = threading.Condition(self._lock)
        self._turn = threading.Lock()

    def submit(self, windows: Sequence[Ids], deadline: float | None = None) -> F64:
        """Probabilities of the windows, [windows, classes]; blocks until they are there.

        `deadline` is a time of `time.monotonic`; BusyError where the model stays busy until
        then. What the model raises is raised to every caller whose windows were in that call.
        """
        job = _Job(windows)
        with self._came:
            self._queue.append(job)
            self._came.notify()
        while not job.is_done:
            left_s = _FOREVER_S if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._turn.acquire(timeout=left_s):
                self._give_up(job)
                deadline = None  # it is being judged; the answer is at hand
                continue
            try:
                if not job.is_done:
                    self._lead()
            finally:
                self._turn.release()
        if job.error is not None:
            raise job.error
        assert job.found is not None
        return job.found

    def _give_up(self, job: _Job) -> None:
        with self._lock:
            if job in self._queue:
                self._queue.remove(job)
                job.error = BusyError("the model was busy until the deadline")

    def _lead(self) -> None:
        jobs = self._taken()
        try:
            found = self._judged([window for job in jobs for window in job.windows])
        except BaseException as error:  # noqa: BLE001 - every caller in the batch must hear of it
            for job in jobs:
                job.error = error
            return
        at = 0
        for job in jobs:
            job.found = found[at : at + len(job.windows)]
            at += len(job.windows)

    def _taken(self) -> list[_Job]:
        """Jobs in the order they came, at least one, up to the tokens of one call."""
        until = time.monotonic() + self._max_wait_s
        with self._came:
            while self._waiting_tokens() < self._batch_tokens:
                left_s = until - time.monotonic()
                if left_s <= 0 or not self._came.wait(left_s):
                    break
            taken, tokens = [self._queue.popleft()], 0
            tokens = _tokens(taken[0])
            while self._queue and tokens + _tokens(self._queue[0]) <= self._batch_tokens:
                taken.append(self._queue.popleft())
                tokens += _tokens(taken[-1])
        return taken

    def _waiting_tokens(self) -> int:
        return sum(map(_tokens, self._queue))

    def _judged(self, windows: Sequence[Ids]) -> F64:
        order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
        rows: dict[int, F64] = {}
        for some in self._calls(order, windows):
            rows.update(zip(some, self._run([windows[i] for i in some]), strict=True))
        return np.stack([rows[i] for i in range(len(windows))])

    def _calls(self, order: list[int], windows: Sequence[Ids]) -> list[list[int]]:
        """Windows of like length together, each call within the tokens that it may have."""
        calls: list[list[int]] = []
        for i in order:
            size = len(windows[i])
            last = calls[-1] if calls else []
            fits = (
                last
                and len(windows[last[0]]) >= _ALIKE * size
                and (len(last) + 1) * size <= self._batch_tokens
            )
            if fits:
                last.append(i)
            else:
                calls.append([i])
        return calls


def _tokens(job: _Job) -> int:
    return sum(map(len, job.windows))
