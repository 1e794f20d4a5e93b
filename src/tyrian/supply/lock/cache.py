"""Digests remembered between checks, by what a file looks like without reading it.

Whoever may write the files and set their times may deceive a cache. It saves time in repeated
checks; an approval (`tyrian model lock`) and a check that gates anything read every byte.
"""

import hashlib
import os
import sqlite3
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tyrian.errors import StoreError

_SAMPLES = 16
_SAMPLE = 4096
_RECENT_NS = 2_000_000_000
"""A file that changed just now may change again within one tick of its clock."""
_TABLE = """CREATE TABLE IF NOT EXISTS digests (
 device INTEGER, inode INTEGER, size INTEGER, modified INTEGER, changed INTEGER,
 sample TEXT, sha256 TEXT, git TEXT, PRIMARY KEY (device, inode))"""


@dataclass(frozen=True, slots=True)
class Identity:
    """A file as it looks: where it lies, how long it is, when it changed, and a few blocks."""

    device: int
    inode: int
    size: int
    modified: int
    """Nanoseconds."""
    changed: int
    """Nanoseconds; of the inode, which programs cannot set."""
    sample: str
    """Digest of the first, the last, and evenly spaced blocks."""

    @classmethod
    def of(cls, fd: int) -> Self:
        """The identity of an open file."""
        found = os.fstat(fd)
        digest = hashlib.blake2b(digest_size=16)
        last = max(found.st_size - _SAMPLE, 0)
        for at in sorted({last * n // (_SAMPLES - 1) for n in range(_SAMPLES)}):
            digest.update(os.pread(fd, _SAMPLE, at))
        return cls(
            found.st_dev,
            found.st_ino,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
            digest.hexdigest(),
        )


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was found when the file was read."""

    sha256: str
    git: str


class Cache:
    """Digests in a file of SQLite; several threads and processes may use it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._store = sqlite3.connect(path, timeout=10, check_same_thread=False)
            self._store.execute("PRAGMA journal_mode = WAL")
            self._store.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the cache of digests {path} cannot be used: {error}",
                hint="remove the file, or check without --cached",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(sqlite3.Error):  # what could not be remembered is read again
            self._store.commit()
        self._store.close()

    @staticmethod
    def identity(fd: int) -> Identity:
        """How an open file looks."""
        return Identity.of(fd)

    def get(self, file: Identity) -> Remembered | None:
        """What is known of a file that looks just so."""
        with self._lock:
            row = self._store.execute(
                "SELECT size, modified, changed, sample, sha256, git FROM digests"
                " WHERE device = ? AND inode = ?",
                (file.device, file.inode),
            ).fetchone()
        if row and row[:4] == (file.size, file.modified, file.changed, file.sample):
            return Remembered(row[4], row[5])
        return None

    def put(self, file: Identity, sha256: str, git: str) -> None:
        """Remember a file that was read; one that changed a moment ago is not."""
        if time.time_ns() - max(file.modified, file.changed) < _RECENT_NS:
            return
        with self._lock:
            self._store.execute(
                "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(file.device, file.inode, file.size, file.modified, file.changed),
                    *(file.sample, sha256, git),
                ),
            )
