"""What changed between what was approved and what is: evidence as data."""

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """Which kind of change one path has."""

    APPROVED = "approved"
    """Another than before, or than on the hub, and just as in the lock."""
    MODIFIED = "modified"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    MOVED = "moved"
    CONFIGURATION = "configuration"
    """Modified, and it means something else now."""


class Side(StrEnum):
    """Where a change was seen."""

    DISK = "disk"
    HUB = "hub"
    BEFORE = "before"
    """In an earlier lock."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One fact that a file told, and tells."""

    key: str
    was: str
    """Empty where it was not there."""
    now: str
    """Empty where it is gone."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs."""

    kind: ChangeKind
    side: Side
    path: str
    why: str
    meanings: tuple[Meaning, ...] = ()
    is_failure: bool = True
    """Whether what is loaded is not what was approved."""
