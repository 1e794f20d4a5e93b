"""The log of a run: one line of JSON per finished case, only ever appended.

A process may die at any byte. Lines are written whole and synced in batches; a torn last line is
cut off when the log is opened again, and its case is done again. Nothing else is ever rewritten.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from tyrian.errors import InputError, StoreError

BATCH = 64


class Exchange(msgspec.Struct, omit_defaults=True):
    """What was newly said to a model, and what it answered."""

    part: str
    said: str
    reply: str = ""
    status: str = "ok"
    reason: str = ""
    calls: list[Any] = []


class Record(msgspec.Struct, omit_defaults=True):
    """One finished case of one pass."""

    id: str
    nth: int
    digest: str
    """Of the sample: a case whose text changed since is done again."""
    slices: dict[str, str] = {}
    cluster: str = ""
    duplicate_of: str = ""
    invalid: str = ""
    values: dict[str, float] = {}
    label: str = ""
    missing: str = ""
    why: str = ""
    details: dict[str, Any] = {}
    answer: dict[str, Any] = {}
    judgement: dict[str, Any] = {}
    exchanges: list[Exchange] = []
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """What it is the record of."""
        return self.id, self.nth


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Record)


class RunLog:
    """The open log of one benchmark and model; one process writes at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._lock()
        self._mend()
        self._unsynced = 0

    def _lock(self) -> None:
        import fcntl

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise StoreError(
                f"{self.path} is being written by another run",
                hint="wait for it, or name another --output",
            ) from error

    def _mend(self) -> None:
        """Cut a torn last line off."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            end = size
            while end > 0:
                start = max(0, end - 65536)
                file.seek(start)
                at = file.read(end - start).rfind(b"\n")
                if at >= 0:
                    end = start + at + 1
                    break
                end = start
        if end < size:
            os.truncate(self.path, end)

    def append(self, record: Record) -> None:
        """Add a case; synced with others, at the latest on `close`."""
        self.append_lines(_ENCODER.encode(record) + b"\n", 1)

    def append_lines(self, lines: bytes, count: int = BATCH) -> None:
        """Add whole lines that another process made."""
        try:
            self._file.write(lines)
            self._unsynced += count
            if self._unsynced >= BATCH:
                self.sync()
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="make room and run again: what is in the log is kept",
            ) from error

    def sync(self) -> None:
        """Make all that was appended durable."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unsynced = 0

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.sync()
        except OSError:
            if kind is None:
                raise
        finally:
            self._file.close()


def records(path: Path) -> Iterator[Record]:
    """All whole lines of a log in the order of writing; InputError names a bad line."""
    return (record for _, record in placed(path))


def placed(path: Path) -> Iterator[tuple[int, Record]]:
    """The same, each with the byte at which its line begins."""
    if not path.exists():
        return
    start = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield start, _DECODER.decode(line)
            except msgspec.DecodeError as error:
                raise InputError(
                    f"{path}:{number}: not a record of a run: {error}",
                    hint="the log was changed by hand; remove the line to do its case again",
                ) from error
            start += len(line)
