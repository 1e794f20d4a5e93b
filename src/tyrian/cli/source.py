"""Where commands read their rows from: a file, or standard input."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    """What is there now, CHUNK bytes at most; waits only while there is nothing."""
    try:
        data: bytes = stream.read1(CHUNK)  # type: ignore[attr-defined]
    except OSError as error:
        raise InputError(f"the input cannot be read: {error.strerror}") from None
    return data
