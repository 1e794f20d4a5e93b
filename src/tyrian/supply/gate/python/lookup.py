"""What names and assignments tell by themselves, without knowing what they stand for."""

import ast
from collections.abc import Iterable, Sequence

from tyrian.supply.gate.python.source import Assigned, Module, Scope
from tyrian.supply.gate.python.value import EMPTY, Kind, Value


def many(values: Iterable[Value]) -> Value:
    parts = tuple(values)
    return Value(Kind.MANY, parts=parts) if parts else EMPTY


def last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def reaching(rows: Sequence[Assigned], line: int) -> Sequence[Assigned]:
    """The assignments whose value a name may have on a line."""
    before = [row for row in rows if row.line < line]
    if not before:
        return rows
    certain = [number for number, row in enumerate(before) if row.is_certain]
    return before[certain[-1] :] if certain else before


def nearest(modules: Iterable[Module], asker: Module) -> list[Module]:
    """Modules of one name, those that share most of the asker's folders first."""

    def shared(module: Module) -> int:
        pairs = zip(module.path.split("/"), asker.path.split("/"), strict=False)
        return -sum(1 for one, other in pairs if one == other)

    return sorted((one for one in modules if one is not asker), key=shared)


def holds(scope: Scope, node: ast.expr) -> bool:
    first, last = getattr(scope.node, "lineno", 0), getattr(scope.node, "end_lineno", 1 << 30)
    return first <= node.lineno <= (last or first)


def is_property(function: Scope) -> bool:
    marks = getattr(function.node, "decorator_list", [])
    return any(last_name(one) in ("property", "cached_property") for one in marks)
