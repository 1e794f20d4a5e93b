"""Findings in code for people: the place, the line, a caret, why, and how to mend it."""

import sys
import unicodedata
from collections.abc import Iterator

from tyrian.cli.code_files import FileReport
from tyrian.cli.code_judge import Mark
from tyrian.cli.output import StandardOutput
from tyrian.cli.plain import plain
from tyrian.core.detection import Severity

Styled = tuple[str, str]
"""Text and the style that a terminal gives it."""

_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}


class TextOutput:
    """Writes reports to standard output, in colour where that is a terminal."""

    def __init__(self) -> None:
        self._is_coloured = sys.stdout.isatty()
        self._target = StandardOutput()

    def show(self, report: FileReport) -> None:
        """Everything that was found in one file."""
        for mark in report.marks:
            self._put(list(_shown(str(report.path), mark)))

    def _put(self, parts: list[Styled]) -> None:
        if not self._is_coloured:
            data = "".join(text for text, _ in parts) + "\n"
            self._target.put(data.encode("utf-8", "replace"))
            return
        from rich.console import Console
        from rich.text import Text

        Console(soft_wrap=True, highlight=False).print(Text.assemble(*parts))


def _shown(path: str, mark: Mark) -> Iterator[Styled]:
    rule = mark.rule
    yield f"{plain(path)}:{mark.line}:{mark.column}", "bold"
    yield ": ", ""
    yield str(rule.severity), _STYLES[rule.severity]
    yield f": {rule.message} ", ""
    yield f"[{rule.cwe}, {rule.id}]\n", "dim"
    gutter = f"{mark.line:>5} | "
    yield gutter, "dim"
    yield plain(mark.excerpt) + "\n", ""
    yield " " * (len(gutter) - 2) + "| ", "dim"
    yield " " * _cells(mark.excerpt[: mark.caret]), ""
    covered = mark.excerpt[mark.caret : mark.caret + mark.width].rstrip()
    yield "^" * max(1, _cells(covered)), _STYLES[rule.severity]
    if rule.fix:
        yield "\n      = fix: ", "green"
        yield rule.fix, ""
    yield "\n", ""


def _cells(text: str) -> int:
    """The columns of a terminal that a text takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
