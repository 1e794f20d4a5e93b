"""One file from the hub to the disk: it goes on where it stopped, and its digest must fit."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tyrian.models.hub.client import BrokenOffError, Hub, RangeError
from tyrian.models.hub.errors import HubError, OfflineError, RefusedError
from tyrian.models.hub.listing import RemoteFile
from tyrian.models.hub.lock import LockedFile

Advance = Callable[[int], None]
"""Hears of that many bytes more; of a negative number where some have to come again."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Patience:
    """How often an interrupted download is taken up again."""

    attempts: int = 6
    """In a row without a byte of progress."""
    first_wait_s: float = 0.5
    longest_wait_s: float = 16.0

    def wait_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row: doubles each time."""
        return min(self.first_wait_s * 2.0 ** (failures - 1), self.longest_wait_s)


class _Digests:
    """The SHA-256 of some bytes; and where the hub names it, their SHA-1 as a git blob."""

    def __init__(self, size: int, digest: str) -> None:
        self.sha256 = hashlib.sha256()
        kind, _, self._wanted = digest.partition(":")
        self._git = None
        if kind == "git-sha1":
            self._git = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)

    def update(self, data: bytes) -> None:
        self.sha256.update(data)
        if self._git:
            self._git.update(data)

    def fits(self) -> bool:
        return (self._git or self.sha256).hexdigest() == self._wanted


@dataclass(slots=True)
class Partial:
    """A file that grows to its full size, and what its bytes so far amount to."""

    path: Path
    size: int
    """Bytes that it will have."""
    digest: str
    """What its bytes will amount to, as the hub names it."""
    length: int = 0
    """Bytes that it has."""
    _digests: _Digests = field(init=False)

    def __post_init__(self) -> None:
        self._digests = _Digests(self.size, self.digest)

    def take_up(self) -> None:
        """Read what an earlier attempt left here; what cannot be its beginning is dropped."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.is_file() or self.path.stat().st_size > self.size:
            self.start_again()
            return
        with self.path.open("rb") as file:
            while block := file.read(_BLOCK):
                self._digests.update(block)
                self.length += len(block)

    def start_again(self) -> None:
        """Forget the bytes so far; somebody may still read the old file, so it gets a new one."""
        self.path.unlink(missing_ok=True)
        self.length = 0
        self._digests = _Digests(self.size, self.digest)

    def append(self, data: bytes) -> None:
        """Write more bytes; RefusedError where there are more of them than announced."""
        if self.length + len(data) > self.size:
            raise RefusedError(f"{self.path.name} is larger than the hub's list says")
        with self.path.open("ab") as file:
            file.write(data)
        self._digests.update(data)
        self.length += len(data)

    def fits(self) -> bool:
        """Whether the file is whole and has its digest."""
        return self.length == self.size and self._digests.fits()

    def finish(self) -> str:
        """Reach the disk; the SHA-256 of the file, hexadecimal."""
        with self.path.open("ab") as file:
            os.fsync(file.fileno())
        return self._digests.sha256.hexdigest()


@dataclass(frozen=True, slots=True)
class Download:
    """Fetches the files of one commit below a directory."""

    hub: Hub
    repository: str
    commit: str
    directory: Path
    advance: Advance
    patience: Patience = field(default_factory=Patience)

    async def fetch(self, file: RemoteFile) -> LockedFile:
        """The file, whole and with the digest that the hub names.

        RefusedError where its digest is another one, even when it is fetched anew; then nothing of
        it stays. Other HubErrors leave what has come, for the next attempt.
        """
        if file.size is None or not file.digest:
            raise RefusedError(f"the hub names no digest for {file.path}: it cannot be checked")
        partial = Partial(self.directory / file.path, file.size, file.digest)
        try:
            return await self._fetch(file, partial)
        except OSError as error:
            told = error.strerror or "cannot be written"
            raise HubError(f"{partial.path}: {told}") from None

    async def _fetch(self, file: RemoteFile, partial: Partial) -> LockedFile:
        partial.take_up()
        self.advance(partial.length)
        was_here = partial.length > 0
        await self._complete(file, partial)
        if not partial.fits() and was_here:
            # What an earlier attempt left may be to blame, so once more from the start.
            self._start_again(partial)
            await self._complete(file, partial)
        if not partial.fits():
            self._start_again(partial)
            raise RefusedError(
                f"{file.path} is not what the hub says it is: its digest is not {file.digest}",
                hint="nothing of it was kept; a proxy or a mirror may change files, try another",
            )
        sha256 = partial.finish()
        return LockedFile(
            path=file.path, size=partial.size, sha256=sha256, source_digest=file.digest
        )

    def _start_again(self, partial: Partial) -> None:
        self.advance(-partial.length)
        partial.start_again()

    async def _complete(self, file: RemoteFile, partial: Partial) -> None:
        """Ask until the file has its full length; over and over while bytes come."""
        failures = 0
        while partial.length < partial.size or not partial.path.exists():
            before = partial.length
            try:
                await self._ask(file, partial)
            except (BrokenOffError, OfflineError) as error:
                if isinstance(error, RangeError):
                    self._start_again(partial)
                failures = 1 if partial.length > before else failures + 1
                if failures >= self.patience.attempts:
                    raise
                asked_s = error.wait_s if isinstance(error, BrokenOffError) else 0.0
                await asyncio.sleep(max(self.patience.wait_s(failures), asked_s))

    async def _ask(self, file: RemoteFile, partial: Partial) -> None:
        at = partial.length
        async with self.hub.body(self.repository, self.commit, file, at) as body:
            if body.offset != at:
                self._start_again(partial)
            partial.append(b"")  # an empty file is a file too
            async for chunk in body.chunks():
                partial.append(chunk)
                self.advance(len(chunk))
        if partial.length < partial.size:
            raise BrokenOffError(f"the hub broke off in {file.path}")
