"""How faults of models are written: lines for people, rows for programs."""

from collections.abc import Iterable
from enum import StrEnum

from tyrian.cli.plain import plain
from tyrian.supply.lock.fault import Fault


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


def fault_lines(faults: Iterable[Fault], model: str = "") -> list[str]:
    """A line for each fault."""
    above = f"{model}: " if model else ""
    return [plain(f"{above}{one.path}: {one.kind}: {one.why}") for one in faults]


def fault_rows(faults: Iterable[Fault]) -> list[dict[str, object]]:
    """A row for each fault."""
    return [{"path": one.path, "kind": str(one.kind), "why": one.why} for one in faults]
