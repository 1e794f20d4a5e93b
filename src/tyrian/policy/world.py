"""What the policy asks about the world: links, files, names, redirects, earlier calls."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol


class FileKind(IntEnum):
    """What stands at a path."""

    MISSING = 0
    PLAIN = 1
    """A regular file with one name, or a directory."""
    HARD_LINKED = 2
    """A regular file that has another name elsewhere."""
    LINK = 3
    SPECIAL = 4
    """A device, a socket or a pipe."""
    UNKNOWN = 5
    """Not to be looked at: no right to, or the file system fails."""


class World(Protocol):
    """The file system and the resolver that a call would meet."""

    def kind(self, path: str) -> FileKind:
        """What stands at an absolute path, without following a link at its end."""
        ...

    def target(self, path: str) -> str:
        """Where the link at a path points, as it is stored."""
        ...

    def addresses(self, name: str) -> Sequence[Sequence[str]] | None:
        """The answers for a name, one for each look-up; None where no look-up is made."""
        ...

    def redirects(self) -> Sequence[str]:
        """Where the server would send the client on, one after another."""
        ...


class Machine:
    """The machine that the policy runs on; names are judged without look-up."""

    def kind(self, path: str) -> FileKind:
        """What stands at the path now."""
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return FileKind.MISSING
        except (OSError, ValueError):
            return FileKind.UNKNOWN
        kind = found.st_mode & _TYPE
        if kind == stat.S_IFREG and found.st_nlink > 1:
            return FileKind.HARD_LINKED
        return _KINDS.get(kind, FileKind.SPECIAL)

    def target(self, path: str) -> str:
        """Where the link points now."""
        return os.readlink(path)

    def addresses(self, name: str) -> None:
        """No look-up: the egress proxy resolves, pins and checks again."""
        return

    def redirects(self) -> tuple[str, ...]:
        """None are known before the call."""
        return ()


_TYPE = 0o170000
"""The bits of a mode that tell the type (S_IFMT)."""
_KINDS = {
    stat.S_IFDIR: FileKind.PLAIN,
    stat.S_IFREG: FileKind.PLAIN,
    stat.S_IFLNK: FileKind.LINK,
}

MACHINE = Machine()


@dataclass(frozen=True, slots=True)
class PretendWorld:
    """A world that a test or a what-if gives; nothing of the machine is looked at."""

    symlinks: Mapping[str, str] = field(default_factory=dict)
    nlink: Mapping[str, int] = field(default_factory=dict)
    dns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dns_sequence: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    redirects_: Sequence[str] = ()
    history: Sequence[object] = ()
    """Earlier calls of the trace: `{"tool", "args"?, "at"?}`, `at` in seconds."""
    devices: Sequence[str] = ()

    def kind(self, path: str) -> FileKind:
        """What the given maps say; all else is a plain file."""
        if path in self.symlinks:
            return FileKind.LINK
        if path in self.devices:
            return FileKind.SPECIAL
        return FileKind.HARD_LINKED if self.nlink.get(path, 1) > 1 else FileKind.PLAIN

    def target(self, path: str) -> str:
        """Where the link points."""
        return self.symlinks[path]

    def addresses(self, name: str) -> Sequence[Sequence[str]] | None:
        """The given answers; None for a name that none are given for."""
        if name in self.dns_sequence:
            return self.dns_sequence[name]
        return (self.dns[name],) if name in self.dns else None

    def redirects(self) -> Sequence[str]:
        """The given redirects."""
        return self.redirects_
