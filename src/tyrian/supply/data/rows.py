"""Rows as they are read: good ones with their value, bad ones with what is wrong with them."""

from dataclasses import dataclass

from tyrian.errors import InputError

Value = dict[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One row that could be read."""

    number: int
    """Counted from 1: the line of JSON lines, else the record."""
    value: Value
    raw: bytes = b""
    """The row as it stood in its file, where files have their rows one after another."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that could not be read; it is told, never dropped."""

    number: int
    rule: str
    why: str
    raw: bytes = b""
    """The first bytes of the row as it stood."""


Batch = list[Row | BadRow]

KEPT_OF_BAD = 4096
"""Bytes of a bad row that are kept."""


class UnreadError(InputError):
    """A file, or the rest of one, cannot be read; `rule` names the kind."""

    def __init__(self, message: str, rule: str = "file-unread") -> None:
        super().__init__(message)
        self.rule = rule
