"""Bytes of files below the gateway's home; names on the disk are ids of ours and nothing else."""

import asyncio
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tyrian.errors import StoreError

CHUNK_BYTES = 256 << 10
ORPHAN_S = 86_400
_ID = re.compile(r"[a-z]+_[0-9A-Z]{26}")


class Disk:
    """A directory with a file for each id."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, file_id: str) -> Path:
        """Where the bytes of an id lie."""
        if not _ID.fullmatch(file_id):
            raise AssertionError("only ids of ours name files")
        return self._directory / file_id

    async def append(self, file_id: str, offset: int, data: bytes) -> None:
        """Write at the offset, where the file must end; what lies behind it was never confirmed."""
        await asyncio.to_thread(self._append, file_id, offset, data)

    def _append(self, file_id: str, offset: int, data: bytes) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(self.path(file_id), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            with open(number, "r+b") as file:
                file.truncate(offset)
                file.seek(offset)
                file.write(data)
        except OSError as error:
            raise _failed(error) from error

    async def settle(self, file_id: str) -> bytes:
        """See to it that the bytes survive the loss of power; their SHA-256."""
        return await asyncio.to_thread(self._settle, file_id)

    def _settle(self, file_id: str) -> bytes:
        try:
            with self.path(file_id).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
                os.fsync(file.fileno())
            return digest
        except OSError as error:
            raise _failed(error) from error

    async def join(self, file_id: str, parts: Sequence[str]) -> None:
        """Put the parts one after another into a file."""
        await asyncio.to_thread(self._join, file_id, parts)

    def _join(self, file_id: str, parts: Sequence[str]) -> None:
        offset = 0
        self._append(file_id, 0, b"")
        for part in parts:
            try:
                with self.path(part).open("rb") as file:
                    while data := file.read(CHUNK_BYTES):
                        self._append(file_id, offset, data)
                        offset += len(data)
            except OSError as error:
                raise _failed(error) from error

    async def read(self, file_id: str) -> AsyncIterator[bytes]:
        """The bytes, in pieces; StoreError where they are gone."""
        try:
            file = await asyncio.to_thread(self.path(file_id).open, "rb")
        except OSError as error:
            raise _failed(error) from error
        try:
            while data := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield data
        finally:
            file.close()

    async def remove(self, *file_ids: str) -> None:
        """Take the bytes away, where there are any."""
        for file_id in file_ids:
            await asyncio.to_thread(self.path(file_id).unlink, missing_ok=True)

    async def orphans(self) -> list[str]:
        """Ids of files that have not been written to for a day."""
        return await asyncio.to_thread(self._orphans)

    def _orphans(self) -> list[str]:
        if not self._directory.is_dir():
            return []
        before = time.time() - ORPHAN_S
        return [
            entry.name
            for entry in os.scandir(self._directory)
            if _ID.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < before
        ]


def _failed(error: OSError) -> StoreError:
    return StoreError(f"a file cannot be written or read: {error.strerror or 'failed'}")
