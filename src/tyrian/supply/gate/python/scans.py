"""Which texts a function has judged by a firewall before it asks a model."""

import ast

from tyrian.supply.gate.python.evaluate import Evaluator
from tyrian.supply.gate.python.frameworks import SCANS
from tyrian.supply.gate.python.source import Scope
from tyrian.supply.gate.python.value import Kind

INPUT, TOOL = "input", "tool"
_BOTH = frozenset({INPUT, TOOL})
_NONE: frozenset[str] = frozenset()
_DEEPEST = 4


class Scans:
    """Finds the firewall's scans that stand before a call, in its function and those around it."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator

    def is_scan(self, call: ast.Call, scope: Scope) -> bool:
        """Whether a call is a firewall's scan."""
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in SCANS:
            return False
        return self.evaluator.value(call.func.value, scope).kind is Kind.FIREWALL

    def is_ignored(self, call: ast.Call, scope: Scope) -> bool:
        """Whether nobody looks at what a scan decided."""
        if call in scope.dropped:
            return True
        names = {
            name
            for name, rows in scope.assigned.items()
            for row in rows
            if "." not in name and _inner(row.value) is call
        }
        if not names:
            return False
        return not any(
            isinstance(part, ast.Name) and part.id in names and isinstance(part.ctx, ast.Load)
            for part in ast.walk(scope.node)
        )

    def before(self, call: ast.Call, scope: Scope, depth: int = 0) -> frozenset[str]:
        """The stages that are judged when a call is made: `input`, `tool`."""
        found: set[str] = set()
        for other in scope.calls:
            stages = self._stages(other, scope, depth)
            if other.lineno <= call.lineno:
                found |= stages
            else:  # what a tool returned is judged after the call that asked for it
                found |= stages & {TOOL}
        if depth < _DEEPEST and not found >= _BOTH and not isinstance(scope.node, ast.Module):
            callers = self.evaluator.callers(scope)
            around = [self.before(one, at, depth + 1) for one, at in callers if at is not scope]
            if around:
                found |= frozenset.intersection(*around)
        return frozenset(found)

    def _stages(self, call: ast.Call, scope: Scope, depth: int) -> frozenset[str]:
        if self.is_scan(call, scope):
            if self.is_ignored(call, scope):
                return _NONE
            first = self.evaluator.value(call.args[0], scope) if call.args else None
            if self._is_fixed(call, scope):
                return _NONE  # judged is what the program itself says, not what somebody wrote
            if first is not None and first.kind is Kind.MESSAGE:
                return frozenset({first.text}) & _BOTH
            return _BOTH
        name = self.evaluator.value(call.func, scope)
        if name.kind is Kind.NAME and self._is_named(name.text):
            return _BOTH
        if name.kind is not Kind.FUNCTION or name.scope is None or depth >= _DEEPEST:
            return _NONE
        if self._is_named(f"{name.scope.module.path[:-3].replace('/', '.')}.{name.scope.name}"):
            return _BOTH
        inner = name.scope
        found: set[str] = set()
        for one in inner.calls:
            if one is not call:
                found |= self._stages(one, inner, depth + 1)
        return frozenset(found)

    def _is_fixed(self, call: ast.Call, scope: Scope) -> bool:
        """Whether a scan reads a text that stands in the program."""
        given = call.args[0] if call.args else None
        if not isinstance(given, ast.Call):
            return False
        inner = [*given.args[:1], *(one.value for one in given.keywords if one.arg == "content")]
        return any(self.evaluator.value(one, scope).kind is Kind.TEXT for one in inner)

    def _is_named(self, dotted: str) -> bool:
        """Whether the configuration names a function as one that judges."""
        return any(
            dotted == one or dotted.endswith(f".{one}") for one in self.evaluator.around.guards
        )


def _inner(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Await) else node
