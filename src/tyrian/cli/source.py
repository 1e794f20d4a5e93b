"""Where commands read their rows from: a file, or standard input."""

import io
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import BinaryIO

from tyrian.errors import ConfigError, InputError

STANDARD_INPUT = "-"
CHUNK = 1 << 16
"""Bytes that are read at a time."""


@contextmanager
def opened(source: str) -> Iterator[BinaryIO]:
    """The bytes of a file, or of standard input for `-`; ConfigError where it cannot be opened."""
    if source == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    try:
        stream = os.fdopen(os.open(source, os.O_RDONLY | os.O_CLOEXEC), "rb")
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigError(f"input {source!r}: {reason}", hint="name a file of JSON lines") from None
    with stream:
        yield stream


def read(stream: BinaryIO) -> bytes:
    """What is there now, CHUNK bytes at most; waits only while there is nothing.

    A signal ends the wait, however shortly before it the signal came.
    """
    try:
        _wait(stream)
        data: bytes = stream.read1(CHUNK)  # type: ignore[attr-defined]
    except OSError as error:
        raise InputError(f"the input cannot be read: {error.strerror}") from None
    return data


def _wait(stream: BinaryIO) -> None:
    """Return when there is something to read or a signal to handle.

    A read alone would sleep through a signal that comes after the interpreter's last look for one.
    """
    if os.name == "nt" or threading.current_thread() is not threading.main_thread():
        return
    try:
        file = stream.fileno()
    except io.UnsupportedOperation:
        return
    awake, waker = _wakening()
    try:
        signal.set_wakeup_fd(waker)
        with suppress(BlockingIOError):
            os.read(awake, CHUNK)  # of signals that were handled
        select.select([file, awake], [], [])
    finally:
        signal.set_wakeup_fd(-1)


@cache
def _wakening() -> tuple[int, int]:
    """A pipe that every signal writes to."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends
