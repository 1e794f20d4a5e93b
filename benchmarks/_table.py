"""Tables for a terminal and for Markdown alike."""

from collections.abc import Sequence

Cell = str | float | int | None


def show(value: Cell, digits: int = 2) -> str:
    """A cell as text: three or so significant digits, `-` where there is none."""
    if value is None or value != value:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:.1f}"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A Markdown table with its columns padded, so that it also reads well as plain text."""
    cells = [[show(value) for value in row] for row in rows]
    widths = [
        max(len(head[i]), *(len(row[i]) for row in cells)) if cells else len(head[i])
        for i in range(len(head))
    ]

    def line(row: Sequence[str]) -> str:
        padded = [
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = (
        "|"
        + "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths))
        + "|"
    )
    return "\n".join([f"### {title}", "", line(head), rule, *map(line, cells), ""])


def verdict(is_met: bool) -> str:
    """How a target stands."""
    return "met" if is_met else "MISSED"
