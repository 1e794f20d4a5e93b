"""Tables of what tools find, side by side on the same rows."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from _code_shield_data import Row
from _code_shield_judge import Judge, Judged
from _table import Cell, table

Shares = dict[tuple[str, str], float | None]
"""The share of rows with a finding, 0..1, by group and tool; None where a tool reads none."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A column: who judges, and under which profile."""

    label: str
    judge: Judge
    profile: str = "warn"

    def ask(self, rows: Sequence[Row]) -> dict[str, Judged]:
        """What it says of rows, by the row's id; rows on which it hung are not there."""
        judged = {each.row.id: each for each in self.judge.judge(rows, self.profile)}
        if len(judged) < len(rows):
            print(f"  {self.label}: no answer for {len(rows) - len(judged)} rows", file=sys.stderr)
        return judged


def _share(rows: Sequence[Row], judged: Mapping[str, Judged]) -> float | None:
    known = [judged[row.id] for row in rows if row.id in judged]
    if all(each.is_found is None for each in known):
        return None
    return sum(each.is_found is True for each in known) / len(rows)


def by_language(title: str, rows: Sequence[Row], tools: Sequence[Tool]) -> Shares:
    """Print a row per language and one for all; what a tool cannot read counts as not found."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row.language), []).append(row)
    return shares(title, {**dict(sorted(groups.items())), "all": list(rows)}, tools)


def shares(title: str, groups: Mapping[str, Sequence[Row]], tools: Sequence[Tool]) -> Shares:
    """Print a row per group with the share that each tool flags, and give the shares back."""
    rows = list({row.id: row for group in groups.values() for row in group}.values())
    judged = _ask_all(tools, rows)
    found: Shares = {
        (name, tool.label): _share(group, judged[tool.label])
        for tool in tools
        for name, group in groups.items()
    }
    print(f"  {title} done", file=sys.stderr)
    cells: list[list[Cell]] = []
    for name, group in groups.items():
        values = (found[name, tool.label] for tool in tools)
        cells.append([name, len(group), *(_percent(value) for value in values)])
    print(table(title, ["", "rows", *(tool.label for tool in tools)], cells))
    return found


def _ask_all(tools: Sequence[Tool], rows: Sequence[Row]) -> dict[str, dict[str, Judged]]:
    # Each judge is a process that answers one row at a time; what is found depends on no clock.
    by_judge: dict[Judge, list[Tool]] = {}
    for tool in tools:
        by_judge.setdefault(tool.judge, []).append(tool)

    def ask(some: Sequence[Tool]) -> dict[str, dict[str, Judged]]:
        return {tool.label: tool.ask(rows) for tool in some}

    with ThreadPoolExecutor(len(by_judge)) as pool:
        return {
            label: judged
            for answers in pool.map(ask, by_judge.values())
            for label, judged in answers.items()
        }


def _percent(value: float | None) -> Cell:
    return None if value is None else f"{value * 100:.1f}"
