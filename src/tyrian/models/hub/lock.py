"""`tyrian-model.json`: which files a model directory has, and what they must be."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tyrian.errors import ModelError

LOCK_NAME = "tyrian-model.json"
FORMAT = 1
_BLOCK = 1 << 20


class LockedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the directory."""

    path: str
    """Relative to the directory, with forward slashes."""
    size: int
    """Bytes."""
    sha256: str
    """Of the file as it lies here, hexadecimal."""
    source_digest: str = ""
    """What the hub said of it: `sha256:...` for large files, `git-sha1:...` for small ones."""


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """Where a directory came from, under which licence, and every file in it."""

    name: str
    repository: str
    revision: str
    """Commit; 40 hexadecimal digits."""
    requested: str = ""
    """What the user asked for: a branch, a tag or a commit."""
    endpoint: str = ""
    licence: str = ""
    licence_url: str = ""
    accepted_at: str = ""
    """When the licence was accepted, ISO 8601 in UTC."""
    pulled_at: str = ""
    has_pickle: bool = False
    """Whether files are here that run code when they are read."""
    files: tuple[LockedFile, ...] = ()
    """What came from the hub."""
    made: tuple[LockedFile, ...] = ()
    """What was made here from those files, such as an ONNX export."""
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """One digest over what came, `sha256:...`: of the sorted lines `sha256  path`."""
        lines = sorted(f"{file.sha256}  {file.path}\n" for file in self.files)
        return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def is_plain_path(path: str) -> bool:
    """Whether a path from outside stays below the directory that it is joined to."""
    parts = path.split("/")
    return (
        0 < len(path) <= 512
        and path.isprintable()
        and "\\" not in path
        and ":" not in path
        and all(part not in ("", ".", "..") and len(part.encode()) <= 255 for part in parts)
    )


def parse_lock(data: bytes) -> Lock:
    """A lock from its bytes; ModelError where it is none."""
    try:
        lock = msgspec.json.decode(data, type=Lock)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{LOCK_NAME} is not a lock of a model: {error}", hint=_PULL) from None
    if lock.format != FORMAT:
        raise ModelError(f"{LOCK_NAME} has format {lock.format}, not {FORMAT}", hint=_PULL)
    paths = [file.path for file in (*lock.files, *lock.made)]
    if len(set(paths)) != len(paths) or not all(map(is_plain_path, paths)):
        raise ModelError(f"{LOCK_NAME} names files outside its directory, or twice", hint=_PULL)
    return lock


_PULL = "pull the model again: tyrian model pull NAME"


def read_lock(directory: Path) -> Lock | None:
    """The lock of a directory; None where it has none."""
    try:
        data = (directory / LOCK_NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelError(f"{directory / LOCK_NAME}: {error.strerror}") from None
    return parse_lock(data)


def write_lock(directory: Path, lock: Lock) -> None:
    """Write the lock whole, so that it is on the disk when this returns."""
    data = msgspec.json.format(msgspec.json.encode(lock), indent=1) + b"\n"
    partial = directory / f".{LOCK_NAME}.part"
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(directory / LOCK_NAME)


def record_made(directory: Path, paths: Iterable[Path]) -> None:
    """Add files that were made in a directory to its lock, where it has one.

    Made files that are no longer there leave the lock.
    """
    lock = read_lock(directory)
    if lock is None:
        return
    new = tuple(
        LockedFile(
            path=_relative(directory, path), size=path.stat().st_size, sha256=sha256_of(path)
        )
        for path in paths
    )
    names = {file.path for file in new}
    kept = tuple(
        file for file in lock.made if file.path not in names and (directory / file.path).is_file()
    )
    write_lock(directory, msgspec.structs.replace(lock, made=kept + new))


def _relative(directory: Path, path: Path) -> str:
    return path.relative_to(directory).as_posix()


def _nothing(amount: int) -> None:
    """Hear of bytes, and say nothing."""


def sha256_of(path: Path, advance: Callable[[int], None] = _nothing) -> str:
    """SHA-256 of a file, hexadecimal; `advance` hears of the bytes read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def faults(
    directory: Path,
    lock: Lock,
    *,
    is_thorough: bool,
    advance: Callable[[int], None] = _nothing,
) -> Iterator[str]:
    """Each way in which a directory differs from its lock.

    Sizes alone unless `is_thorough`, which reads every byte. Files that the lock does not name are
    faults of a thorough check: a loader might read them. A made file may be missing: it can be
    removed, and made again, without harm to the model.
    """
    made = (file for file in lock.made if (directory / file.path).exists())
    for file in (*lock.files, *made):
        path = directory / file.path
        if not path.is_file():
            yield f"{file.path}: missing"
        elif path.stat().st_size != file.size:
            yield f"{file.path}: {path.stat().st_size:,} bytes, not {file.size:,}"
        elif is_thorough and sha256_of(path, advance) != file.sha256:
            yield f"{file.path}: another SHA-256 than in the lock"
    if is_thorough:
        yield from _unexpected(directory, lock)


def _unexpected(directory: Path, lock: Lock) -> Iterator[str]:
    named = {LOCK_NAME, *(file.path for file in (*lock.files, *lock.made))}
    for path in sorted(directory.rglob("*")):
        relative = _relative(directory, path)
        if relative not in named and not path.is_dir():
            yield f"{relative}: not in the lock"
