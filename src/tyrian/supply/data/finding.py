"""What a scan says of data: findings with their row, and whether all of it was read."""

from enum import StrEnum

import msgspec

from tyrian.supply.data.rules import RULES


class DataFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One piece of evidence in a row, or in a file where `row` is 0."""

    rule: str
    file: str
    row: int = 0
    """Counted from 1: the line of JSON lines, else the record."""
    field: str = ""
    """Where in the row, such as `messages[1].content`."""
    start: int = 0
    end: int = 0
    """Characters of the field's text, half open; both 0 where there is no single place."""
    why: str = ""
    """A sentence that does not quote what people should not see."""
    score: float = 1.0
    """How sure, 0..1; for statistics 1 - q, where q is the share of false finds to expect."""
    related: tuple[str, int] = ("", 0)
    """File and row of another row that it is about."""

    @property
    def is_unread(self) -> bool:
        """Whether it says that something was not examined."""
        return RULES[self.rule].is_unread


class Outcome(StrEnum):
    """How a scan of data ended; only CLEAN passes."""

    CLEAN = "clean"
    FOUND = "found"
    NOT_EXAMINED = "not-examined"
    """Something of it was not read, so nothing is said of that."""


def order(found: DataFinding) -> tuple[str, int, str, int, int, str]:
    """Findings sort by file, row, field, place and rule."""
    return found.file, found.row, found.field, found.start, found.end, found.rule
