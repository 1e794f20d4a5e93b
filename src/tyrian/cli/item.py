"""One piece of an installation, as `tyrian doctor` shows it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a piece stands."""

    OK = "ok"
    ABSENT = "absent"
    """Optional, and not here or not able to run here."""
    BROKEN = "broken"
    """Needed, and missing or not working."""
    REFUSED = "refused"
    """Here, and must not be used: damaged, or it does not tell attacks from harmless texts."""


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of an installation."""

    section: str
    name: str
    state: State
    detail: str
    """What is here; or, where it is not, what it would give."""
    get: str = ""
    """The command that gets it, where there is one."""
