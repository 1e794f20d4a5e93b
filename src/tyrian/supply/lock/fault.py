"""What can be wrong with a directory, a file of it, or a lock: evidence as data."""

from enum import StrEnum
from typing import NamedTuple

from tyrian.errors import ConfigError


class FaultKind(StrEnum):
    """Why a file is not what it should be, or cannot be vouched for."""

    MODIFIED = "modified"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    MOVED = "moved"
    UNREADABLE = "unreadable"
    CHANGING = "changing"
    """It changed while it was read."""
    SPARSE = "sparse"
    """Mostly holes: bytes that were never written."""
    NAME = "name"
    """A name that steers a terminal, is no text, or is another's on some file systems."""
    LINK_LEAVES = "link-leaves"
    LINK_BROKEN = "link-broken"
    """It leads to nothing, or back to where it began."""
    SPECIAL = "special"
    """A pipe, socket or device."""
    SIGNATURE = "signature"
    EXPIRED = "expired"


UNREAD = frozenset({FaultKind.UNREADABLE, FaultKind.CHANGING, FaultKind.SPARSE, FaultKind.SPECIAL})
"""Faults of which a check can say no more than that it did not read the file."""


class LockError(ConfigError):
    """A lock that cannot be used: no lock, of another version, or written by nobody's tool."""


class Fault(NamedTuple):
    """One fault of one path."""

    kind: FaultKind
    path: str
    """Relative to the directory, with forward slashes; safe to print only once escaped."""
    why: str
