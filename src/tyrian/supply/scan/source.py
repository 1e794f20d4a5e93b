"""Bytes with a size that can be read at any place: a file, a part of one, or what was unpacked."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tyrian.errors import InputError

CHUNK = 1 << 18
"""Bytes that are read at a time."""


class ChangedError(InputError):
    """A file became shorter, or otherwise changed, while it was read."""


class TooLargeError(InputError):
    """What was unpacked is larger than is allowed."""


class Source:
    """A range of a file that is open; reading never moves anything that others see."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file = file
        self.start = start
        self.size = size

    def fileno(self) -> int:
        """The descriptor of the file that it is a range of."""
        return self._file.fileno()

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the end of the source."""
        wanted = min(length, self.size - offset)
        if wanted <= 0:
            return b""
        data = os.pread(self._file.fileno(), wanted, self.start + offset)
        while len(data) < wanted:
            more = os.pread(
                self._file.fileno(), wanted - len(data), self.start + offset + len(data)
            )
            if not more:
                raise ChangedError("the file became shorter while it was read")
            data += more
        return data

    def part(self, start: int, size: int) -> "Source":
        """A range of this range; cut off where this one ends."""
        start = min(max(start, 0), self.size)
        return Source(self._file, self.start + start, min(size, self.size - start))

    def chunks(self, start: int = 0) -> Iterator[bytes]:
        """All bytes from `start` on."""
        for offset in range(start, self.size, CHUNK):
            yield self.read_at(offset, CHUNK)


class Held(Source):
    """Bytes that are in memory anyhow."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        """As of a file."""
        return self._data[max(offset, 0) : offset + length] if length > 0 else b""

    def part(self, start: int, size: int) -> "Source":
        """As of a file."""
        start = min(max(start, 0), self.size)
        return Held(self._data[start : start + max(size, 0)])


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """A regular file, opened without waiting; told apart from what it was when that changes."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(fd, "rb", buffering=0) as file:
        before = os.fstat(fd)
        yield Source(file, 0, before.st_size)
        after = os.fstat(fd)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise ChangedError("the file changed while it was read")


@contextmanager
def spooled(chunks: Iterable[bytes], most: int) -> Iterator[Source]:
    """What `chunks` gives, in a file without a name that is gone afterwards."""
    from tempfile import TemporaryFile  # imports compressors that most scans do not need

    with TemporaryFile(buffering=0) as file:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise TooLargeError(f"it unpacks to more than {most >> 20} MiB")
            os.write(file.fileno(), chunk)
        yield Source(file, 0, size)
