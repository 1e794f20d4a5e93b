"""What became of one rule of a file: used as written, in part, or not at all."""

from enum import StrEnum
from typing import NamedTuple

from tyrian.detectors.code_shield.rule import CodeRule


class Status(StrEnum):
    """How much of a rule holds here."""

    EXACT = "exact"
    DEGRADED = "degraded"
    REFUSED = "refused"


class Verdict(NamedTuple):
    """What became of one rule of a file."""

    id: str
    status: Status
    reasons: tuple[str, ...] = ()
    path: tuple[object, ...] = ()
    """The keys that lead to what was refused."""
    rule: CodeRule | None = None
    line: int = 0
