"""Lists on a terminal: a line for each row, in columns as wide as their widest cell."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows as lines; the first one holds the heads."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def date(at: int | None) -> str:
    """Seconds since 1970 as people read them, in UTC; `-` for never."""
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%MZ")
