"""Several processes that serve one socket, and the one that looks after them."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final

import structlog

from tyrian.cli.exit import ExitCode

LEAST_LIFE_S: Final = 5.0
"""A worker that ends sooner by itself would only end again: all are stopped."""
PATIENCE_S: Final = 25.0
"""For running requests to end once all are told to stop; then they are cut off."""
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Worker:
    """One of the processes that serve."""

    on_started: Callable[[], None] | None
    """To be called once it takes requests; None where others already do."""


def fork_workers(count: int) -> Worker | int:
    """Returns in each of so many new processes; and here, once all are gone, their exit status.

    The first one is up before the others begin, so that what a first start does is done once.
    """
    return _Crew(count).run()


class _Crew:
    def __init__(self, count: int) -> None:
        self._count = count
        self._alive: dict[int, float] = {}
        self._is_stopping = False
        self._stop_at = 0.0
        self._log = structlog.get_logger("tyrian.serve")

    def run(self) -> Worker | int:
        # Before the first fork: a signal in between must not leave a worker behind.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        reader, writer = os.pipe()
        if not self._fork():
            os.close(reader)
            return Worker(lambda: _tell(writer))
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            is_up = told.read(1) == b"1"
        if not is_up:
            return self._failed()
        for _ in range(self._count - 1):
            if not self._fork():
                return Worker(None)
        return self._wait()

    def _fork(self) -> bool:
        """True in this process, False in the new one."""
        parent = os.getpid()
        process = os.fork()
        if process == 0:
            _end_with(parent)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            return False
        self._alive[process] = time.monotonic()
        if self._is_stopping:  # the signal came while it was being made
            os.kill(process, signal.SIGTERM)
        return True

    def _failed(self) -> int:
        """The status of the first one, which ended before it took requests: so would all."""
        process, how = os.wait()
        self._alive.pop(process, None)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        code = os.waitstatus_to_exitcode(how)
        return code if code > 0 else 0 if self._is_stopping else ExitCode.NOT_CHECKED

    def _wait(self) -> Worker | int:
        """Wait until none is left; one that dies after a while is replaced."""
        status = 0
        while self._alive:
            process, how = os.wait()
            began = self._alive.pop(process, None)
            if began is None or self._is_stopping:
                continue
            code = os.waitstatus_to_exitcode(how)
            if time.monotonic() - began < LEAST_LIFE_S:
                status = code if code > 0 else ExitCode.NOT_CHECKED
                self._stop(signal.SIGTERM, None)
                continue
            self._log.error("worker ended, another takes its place", status=code)
            if not self._fork():
                return Worker(None)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        return status

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Tell all to end, again each second: one that is just starting may not hear it."""
        if not self._is_stopping:
            self._is_stopping = True
            self._stop_at = time.monotonic() + PATIENCE_S
            signal.signal(signal.SIGALRM, self._stop)
            signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0)
        is_late = time.monotonic() > self._stop_at
        for process in self._alive:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL if is_late else signal.SIGTERM)


def _end_with(parent: int) -> None:
    """Have this process told to end when the one that looks after it is gone, however it went."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:  # it went before the kernel was asked
        os._exit(ExitCode.NOT_CHECKED)


def _tell(writer: int) -> None:
    os.write(writer, b"1")
    os.close(writer)
