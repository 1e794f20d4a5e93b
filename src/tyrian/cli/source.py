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
    with _heeded():
        if source == STANDARD_INPUT:
            yield sys.stdin.buffer
            return
        try:
            stream = os.fdopen(os.open(source, os.O_RDONLY | os.O_CLOEXEC), "rb")
        except OSError as error:
            reason, hint = error.strerror or "cannot be read", "name a file of JSON lines"
            raise ConfigError(f"input {source!r}: {reason}", hint=hint) from None
        with stream:
            yield stream


def read(stream: BinaryIO) -> bytes:
    """What is there now, CHUNK bytes at most; waits only while there is nothing.

    A signal ends the wait, however shortly before it the signal came. So does an interrupt since
    the read before that the interpreter lost, as it does what is raised while it clears away.
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
    if not _hears():
        return
    try:
        file = stream.fileno()
    except io.UnsupportedOperation:
        return
    awake, waker = _wakening()
    signal.set_wakeup_fd(waker)
    # An interrupt that was handled has ended the reading, unless it has a handler of its own.
    if signal.SIGINT in _heard() and _is_plain(signal.SIGINT):
        raise KeyboardInterrupt
    select.select([file, awake], [], [])


@contextmanager
def _heeded() -> Iterator[None]:
    """What was heard before does not count, and nothing is heard after."""
    if _hears():
        _heard()
    try:
        yield
    finally:
        if _hears():
            signal.set_wakeup_fd(-1)


def _hears() -> bool:
    return os.name != "nt" and threading.current_thread() is threading.main_thread()


def _heard() -> bytes:
    """The numbers of the signals that came since the last look."""
    with suppress(BlockingIOError):
        return os.read(_wakening()[0], CHUNK)
    return b""


def _is_plain(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.default_int_handler


@cache
def _wakening() -> tuple[int, int]:
    """A pipe that every signal writes to."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends
