"""Take some files out of an archive; nothing in it can write anywhere else."""

import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from tyrian.errors import InputError

MOST_FILES = 50_000
MOST_BYTES = 4 << 30
"""Of all files together."""
MOST_OF_ONE = 256 << 20
_CHUNK = 1 << 20


def unpack(archive: Path, inside: str, target: Path) -> int:
    """Write what stands below `*/inside/` of a zip below `target`; gives the number of files.

    What is there already with the right size is left alone, so that a broken run goes on.
    InputError for names that lead out, for links and devices, and for archives that grow without
    end; nothing is written then.
    """
    try:
        with ZipFile(archive) as opened:
            chosen = list(_chosen(opened, inside))
            if not chosen:
                raise InputError(f"{archive} has nothing below */{inside}/")
            for info, path in chosen:
                _write(opened, info, target / path)
            return len(chosen)
    except BadZipFile as error:
        raise InputError(f"{archive} is no whole zip archive: {error}") from error
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from error


def _chosen(opened: ZipFile, inside: str) -> Iterator[tuple[ZipInfo, PurePosixPath]]:
    infos = opened.infolist()
    if len(infos) > MOST_FILES or sum(info.file_size for info in infos) > MOST_BYTES:
        raise InputError(f"{opened.filename} holds more than is to be expected of it")
    for info in infos:
        path = PurePosixPath(info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR) and info.file_size <= MOST_OF_ONE
        is_inside = not path.is_absolute() and ".." not in path.parts and "\\" not in info.filename
        if not is_plain or not is_inside:
            raise InputError(f"{opened.filename}: {info.filename!r} is no plain file below it")
        below = PurePosixPath(*path.parts[1:])
        if not info.is_dir() and below.is_relative_to(inside):
            yield info, below.relative_to(inside)


def _write(opened: ZipFile, info: ZipInfo, path: Path) -> None:
    if path.is_file() and path.stat().st_size == info.file_size:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    size = 0
    with opened.open(info) as read, part.open("wb") as out:
        while chunk := read.read(_CHUNK):
            size += len(chunk)
            if size > info.file_size:
                raise InputError(f"{opened.filename}: {info.filename!r} is longer than it says")
            out.write(chunk)
    part.replace(path)
