"""How faults of models are written: lines for people, rows for programs."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer

from tyrian.cli.plain import plain
from tyrian.cli.result import Json
from tyrian.supply.lock.fault import Fault


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the result.")
]


def fault_lines(faults: Iterable[Fault], model: str = "") -> list[str]:
    """A line for each fault."""
    above = f"{model}: " if model else ""
    return [plain(f"{above}{one.path}: {one.kind}: {one.why}") for one in faults]


def fault_rows(faults: Iterable[Fault]) -> list[Json]:
    """A row for each fault."""
    return [{"path": one.path, "kind": str(one.kind), "why": one.why} for one in faults]
