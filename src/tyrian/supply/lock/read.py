"""All files of a directory with their digests, and whatever keeps one from being vouched for."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from tyrian.supply.lock.digest import Advance, digest_all, unheard
from tyrian.supply.lock.fault import Fault
from tyrian.supply.lock.walk import FoundFile, walk


class ReadFile(NamedTuple):
    """One file, every byte of which was read, or one link."""

    path: str
    """Relative to the directory, with forward slashes."""
    size: int
    """Bytes; 0 for a link."""
    sha256: str = ""
    """Hexadecimal; empty for links alone."""
    git: str = ""
    """SHA-1 of the git blob of a small file, where it was asked for."""
    link: str = ""
    """Where a link leads, as it is written."""


class ReadDirectory(NamedTuple):
    """What was read, and what could not be; with a fault the files are not all there are."""

    files: tuple[ReadFile, ...]
    """In order of their paths."""
    faults: tuple[Fault, ...]
    found: tuple[FoundFile, ...]
    """All files, at their places."""


def read_directory(
    directory: Path,
    left_out: frozenset[str] = frozenset(),
    advance: Advance = unheard,
    *,
    with_git: bool = False,
) -> ReadDirectory:
    """Read every byte of a directory, without the files at `left_out` paths."""
    walked = walk(directory, left_out)
    digests = digest_all(walked.files, advance, with_git=with_git)
    files = []
    for file in walked.files:
        if file.link:
            files.append(ReadFile(file.path, 0, link=file.link))
        elif one := digests.known.get(file.path):
            files.append(ReadFile(file.path, one.size, one.sha256, one.git))
    faults = (*walked.faults, *digests.faults)
    return ReadDirectory(tuple(files), faults, tuple(walked.files))


def in_words(faults: Iterable[Fault], most: int) -> str:
    """The first of some faults, for an error."""
    told = [f"{one.path}: {one.kind}: {one.why}" for one in faults]
    return "; ".join(told[:most])


class Digested(Protocol):
    """What a digest over several files is made of."""

    @property
    def path(self) -> str:
        """Relative to the directory, with forward slashes."""

    @property
    def sha256(self) -> str:
        """Hexadecimal; empty for links alone."""

    @property
    def link(self) -> str:
        """Where a link leads, as it is written."""


def tree_digest(files: Iterable[Digested]) -> str:
    """`sha256:...` over the sorted lines `sha256  path`; a link's line has its target."""
    lines = sorted(f"{one.sha256 or 'link ' + one.link}  {one.path}\n" for one in files)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"
