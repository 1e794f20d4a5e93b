"""Digests of many files at once: hashlib and reads leave the interpreter to other threads."""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from tyrian.errors import InputError
from tyrian.supply.lock.fault import Fault, FaultKind
from tyrian.supply.lock.walk import FoundFile

if TYPE_CHECKING:
    from tyrian.supply.lock.cache import Cache

SMALL = 10 << 20
"""Bytes; up to here the hub may know a file by its git digest alone."""
_PIECE = 1 << 20
_SPARSE_FROM = 1 << 30
Advance = Callable[[int], None]


class FileFaultError(InputError):
    """A file that cannot be vouched for, with the kind of the fault."""

    def __init__(self, kind: FaultKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Digest(NamedTuple):
    """What a file is, told from every byte of it."""

    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal."""
    git: str = ""
    """SHA-1 of the git blob, hexadecimal; of files up to `SMALL` bytes."""
    is_cached: bool = False
    """Not read now, but remembered: never good enough for an approval."""


class Digests:
    """The digests of files by path, and the faults of those that have none."""

    __slots__ = ("faults", "known")

    def __init__(self) -> None:
        self.known: dict[str, Digest] = {}
        self.faults: list[Fault] = []


def unheard(amount: int) -> None:
    """Hear of bytes, and say nothing."""


def digest_file(place: str, buffer: bytearray | None = None, advance: Advance = unheard) -> Digest:
    """Read all of a file; raises FileFaultError where it changes meanwhile or is mostly holes."""
    buffer = bytearray(_PIECE) if buffer is None else buffer
    with _opened(place) as fd:
        return _digest(fd.number, fd.size, memoryview(buffer), advance, with_git=True)


def digest_all(
    files: Iterable[FoundFile],
    advance: Advance = unheard,
    cache: "Cache | None" = None,
    threads: int = 0,
    *,
    with_git: bool = False,
) -> Digests:
    """Digests of all files but links, largest first, on as many threads as there are processors.

    With a cache, files that look as they did are not read again. Git's digests of small files cost
    a little more, and only an approval needs them.
    """
    waiting = deque(sorted((f for f in files if not f.link), key=lambda f: f.size, reverse=True))
    made, lock = Digests(), threading.Lock()
    broken: list[Exception] = []

    def work() -> None:
        try:
            read_on(bytearray(_PIECE))
        except Exception as error:  # noqa: BLE001  raised below, where somebody hears of it
            broken.append(error)

    def read_on(buffer: bytearray) -> None:

        def heard(amount: int) -> None:
            with lock:
                advance(amount)

        while not broken:
            try:
                file = waiting.popleft()
            except IndexError:
                return
            try:
                digest = _remembered(file, buffer, heard, cache, with_git)
            except FileFaultError as error:
                with lock:
                    made.faults.append(Fault(error.kind, file.path, error.message))
            else:
                made.known[file.path] = digest

    workers = [
        threading.Thread(target=work, daemon=True)
        for _ in range(min(threads or len(os.sched_getaffinity(0)), len(waiting)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if broken:
        raise broken[0]
    made.faults.sort(key=lambda fault: fault.path)
    return made


def _remembered(
    file: FoundFile, buffer: bytearray, advance: Advance, cache: "Cache | None", with_git: bool
) -> Digest:
    with _opened(file.place) as fd:
        if cache is None:
            return _digest(fd.number, fd.size, memoryview(buffer), advance, with_git)
        identity = cache.identity(fd.number)
        if found := cache.get(identity):
            advance(fd.size)
            return Digest(fd.size, found.sha256, found.git, is_cached=True)
        digest = _digest(fd.number, fd.size, memoryview(buffer), advance, with_git)
        cache.put(identity, digest.sha256, digest.git)
        return digest


class _opened:  # noqa: N801  used as a function is
    """A regular file, opened without waiting; a fault where it is another afterwards."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> "_opened":
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self.number = os.open(self._place, flags)
        except OSError as error:
            raise FileFaultError(FaultKind.UNREADABLE, f"{error.strerror}") from None
        self._before = os.fstat(self.number)
        self.size = self._before.st_size
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            after = os.fstat(self.number)
        finally:
            os.close(self.number)
        if isinstance(error, OSError):
            raise FileFaultError(FaultKind.UNREADABLE, f"{error.strerror}") from None
        if error is None and _times(after) != _times(self._before):
            raise _changing()


def _times(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _changing() -> FileFaultError:
    return FileFaultError(FaultKind.CHANGING, "it changed while it was read")


def _digest(fd: int, size: int, view: memoryview, advance: Advance, with_git: bool) -> Digest:
    _check_holes(fd, size)
    sha256 = hashlib.sha256()
    is_small = with_git and size <= SMALL
    git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False) if is_small else None
    at = 0
    while at < size and (count := os.readv(fd, [view])):  # what grew is seen by its size
        at += count
        if at > size:
            raise _changing()
        sha256.update(view[:count])
        if git:
            git.update(view[:count])
        advance(count)
    if at != size:
        raise _changing()
    return Digest(size, sha256.hexdigest(), git.hexdigest() if git else "")


def _check_holes(fd: int, size: int) -> None:
    """Refuse a large file of which over half was never written: reading it would take for ever."""
    if size < _SPARSE_FROM:
        return
    written, at = 0, 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # nothing but a hole from here on
            break
        at = os.lseek(fd, start, os.SEEK_HOLE)
        written += at - start
    os.lseek(fd, 0, os.SEEK_SET)
    if written < size // 2:
        why = f"only {written:,} of its {size:,} bytes were ever written; the rest are holes"
        raise FileFaultError(FaultKind.SPARSE, why)
