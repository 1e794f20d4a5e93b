"""The files of a directory, by name, without following anything that leads out of it."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tyrian.supply.lock.fault import Fault, FaultKind

_SKIPPED = frozenset({".git"})
"""At the top alone: the history of the files beside it."""
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that show nothing, or move what is shown."""


class FoundFile(NamedTuple):
    """One file, or one link that stays inside."""

    path: str
    """Relative to the directory, with forward slashes."""
    place: str
    """What to open; for files of the hub's cache that is where the link leads."""
    size: int
    """Bytes."""
    link: str = ""
    """Where a link leads, as it is written; empty for a file."""


class Walked:
    """All of a directory; what may not be vouched for is a fault, never left out."""

    __slots__ = ("faults", "files")

    def __init__(self) -> None:
        self.files: list[FoundFile] = []
        self.faults: list[Fault] = []

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files if not file.link)


def walk(directory: Path, left_out: frozenset[str] = frozenset()) -> Walked:
    """The files below a directory in order of their names, without those at `left_out` paths."""
    root = os.path.realpath(directory)
    walked = Walked()
    for entry, path in _entries(root, "", walked):
        if path in left_out:
            continue
        _take(entry, path, root, walked)
    walked.files.sort(key=lambda file: file.path)
    walked.faults += _collisions(walked.files)
    walked.faults.sort(key=lambda fault: (fault.path, fault.kind))
    return walked


def _entries(folder: str, above: str, walked: Walked) -> Iterator[tuple[os.DirEntry[str], str]]:
    """What is no directory; a stack in place of recursion, since depth is the attacker's choice."""
    waiting = [(folder, above)]
    while waiting:
        at, prefix = waiting.pop()
        try:
            with os.scandir(at) as entries:
                found = list(entries)
        except OSError as error:
            why = f"it cannot be listed: {error.strerror}"
            walked.faults.append(Fault(FaultKind.UNREADABLE, _shown(prefix) or ".", why))
            continue
        for entry in found:
            path = prefix + entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield entry, path
            elif prefix or entry.name not in _SKIPPED:
                if why := odd_name(entry.name):
                    walked.faults.append(Fault(FaultKind.NAME, _shown(path), why))
                waiting.append((entry.path, path + "/"))


def _take(entry: os.DirEntry[str], path: str, root: str, walked: Walked) -> None:
    def fault(kind: FaultKind, why: str) -> None:
        walked.faults.append(Fault(kind, _shown(path), why))

    if why := odd_name(entry.name):
        fault(FaultKind.NAME, why)
        return
    if not path.isprintable():  # a folder above has the odd name, and is told of
        return
    try:
        if entry.is_symlink():
            _take_link(entry, path, root, walked)
            return
        found = entry.stat(follow_symlinks=False)
    except OSError as error:
        fault(FaultKind.UNREADABLE, error.strerror or "it cannot be read")
        return
    if not stat.S_ISREG(found.st_mode):
        fault(FaultKind.SPECIAL, "it is a pipe, socket or device")
        return
    walked.files.append(FoundFile(path, entry.path, found.st_size))


def _take_link(entry: os.DirEntry[str], path: str, root: str, walked: Walked) -> None:
    told = os.readlink(entry.path)
    try:
        target = os.path.realpath(entry.path, strict=True)
    except OSError:
        why = f"it leads to {ascii(told)[:200]}, where nothing is"
        walked.faults.append(Fault(FaultKind.LINK_BROKEN, path, why))
        return
    found = os.stat(target)
    if target == root or target.startswith(root + os.sep):
        if stat.S_ISDIR(found.st_mode) and (entry.path + os.sep).startswith(target + os.sep):
            why = "it leads to a directory that it lies in, so that a walk has no end"
            walked.faults.append(Fault(FaultKind.LINK_BROKEN, path, why))
        elif odd_name(told):
            walked.faults.append(Fault(FaultKind.NAME, path, f"it leads to {ascii(told)[:200]}"))
        else:
            walked.files.append(FoundFile(path, entry.path, 0, told))
    elif _is_of_hub(target, root) and stat.S_ISREG(found.st_mode):
        walked.files.append(FoundFile(path, target, found.st_size))
    else:
        why = f"it leads out of the directory, to {ascii(target)[:200]}"
        walked.faults.append(Fault(FaultKind.LINK_LEAVES, path, why))


def _is_of_hub(target: str, root: str) -> bool:
    """The hub's cache keeps a snapshot's files in `blobs` beside `snapshots`."""
    snapshots, model = os.path.dirname(root), os.path.dirname(os.path.dirname(root))
    return os.path.basename(snapshots) == "snapshots" and (
        os.path.dirname(target) == os.path.join(model, "blobs")
    )


def odd_name(name: str) -> str:
    """Why a name is not fit for a lock; empty where it is."""
    if name.isascii() and name.isprintable() and "\\" not in name:
        return ""
    if any("\ud800" <= char <= "\udfff" for char in name):
        return f"its name is no text: {ascii(name)[:200]}"
    if not name.isprintable() or any(unicodedata.category(char) in _HIDDEN for char in name):
        return f"its name has characters that do not show: {ascii(name)[:200]}"
    if "\\" in name:
        return "its name has a backslash, which parts folders on other systems"
    return ""


def is_inside(path: str) -> bool:
    """Whether a path stays below the directory that it is joined to, and has plain names."""
    parts = path.split("/")
    return all(part not in ("", ".", "..") and not odd_name(part) for part in parts)


def _collisions(files: list[FoundFile]) -> Iterator[Fault]:
    """Names that are one on file systems without case, or that normalise."""
    seen: dict[str, str] = {}
    for file in files:
        key = file.path.casefold()
        if not key.isascii():
            key = unicodedata.normalize("NFKC", key)
        if (other := seen.setdefault(key, file.path)) != file.path:
            why = f"on some file systems it is the same file as {other}"
            yield Fault(FaultKind.NAME, file.path, why)


def _shown(path: str) -> str:
    """The path as text that can be written as UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()
