"""Conditions on what metavariables stand for."""

import ast
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.semgrep.fault import RefusedError
from tyrian.detectors.code_shield.semgrep.formula import Formula, Range
from tyrian.detectors.code_shield.semgrep.tree import Node
from tyrian.detectors.code_shield.semgrep.unify import Bindings

if TYPE_CHECKING:
    from tyrian.detectors.code_shield.semgrep.source import Source

_NUMBER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|\d+(?:\.\d+)?)\Z")
_OPERATORS: dict[type, Callable[[object, object], object]] = {
    ast.Lt: operator.lt,  # type: ignore[dict-item]
    ast.LtE: operator.le,  # type: ignore[dict-item]
    ast.Gt: operator.gt,  # type: ignore[dict-item]
    ast.GtE: operator.ge,  # type: ignore[dict-item]
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda one, many: one in many,  # type: ignore[operator]
    ast.NotIn: lambda one, many: one not in many,  # type: ignore[operator]
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_MOST_DIGITS = 40
_METAVARIABLE = re.compile(r"\$([A-Z_][A-Z0-9_]*|\d+)")
_FUNCTIONS = frozenset({"int", "str", "float", "len"})
_NODES = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare,
    ast.BinOp, ast.Constant, ast.Name, ast.Load, ast.List, ast.Tuple, ast.Call, ast.Attribute,
    *_OPERATORS,
)  # fmt: skip


def text_of(node: Node, source: "Source") -> str:
    """What a metavariable stands for, as it is written; the body of a `"$X"`."""
    return node.text if node.kind == "text" else source.text[node.start : node.end]


@dataclass(frozen=True, slots=True, eq=False)
class MatchesRegex:
    """`metavariable-regex`: the expression matches from the first character on."""

    name: str
    regex: str
    reads_constants: bool = False

    def __call__(self, source: "Source", one: Range) -> Iterator[Bindings]:
        """The same bindings, where it holds."""
        node = one.bound.get(self.name)
        if node is None:
            return
        text = text_of(node, source)
        if self.reads_constants:
            text = source.scope.constant(node) or text
        if compiled(rf"\A(?:{self.regex})").search(text.encode("latin-1", "replace")):
            yield one.bound


@dataclass(frozen=True, slots=True, eq=False)
class HasType:
    """`metavariable-type`: declared or made so in the same text."""

    name: str
    types: tuple[str, ...]

    def __call__(self, source: "Source", one: Range) -> Iterator[Bindings]:
        """The same bindings, where it holds."""
        node = one.bound.get(self.name)
        if node is not None and any(source.scope.has_type(node, wanted) for wanted in self.types):
            yield one.bound


@dataclass(frozen=True, slots=True, eq=False)
class FitsPattern:
    """`metavariable-pattern`: a formula that fits within what the metavariable stands for."""

    name: str
    formula: Formula

    def __call__(self, source: "Source", one: Range) -> Iterator[Bindings]:
        """The bindings of both."""
        node = one.bound.get(self.name)
        if node is None:
            return
        place = Range(node.start, node.end, one.bound)
        for found in source.ranges_of(self.formula):
            if found.lies_in(place):
                bound = place.merged(found)
                if bound is not None:
                    yield bound


class Compares:
    """`metavariable-comparison`: an expression over numbers and texts."""

    def __init__(self, name: str, text: str, *, strip: bool = False, base: int = 0) -> None:
        self._name = name
        self._strip = strip
        self._base = base
        self.names = frozenset(f"${name}" for name in _METAVARIABLE.findall(text))
        try:
            self._tree = ast.parse(_METAVARIABLE.sub(r"mvz_\1", text).strip(), mode="eval").body
        except (SyntaxError, ValueError):
            raise RefusedError(f"this comparison cannot be read: {text!r}") from None
        for node in ast.walk(self._tree):
            if not isinstance(node, _NODES):
                kind = type(node).__name__
                raise RefusedError(f"a comparison cannot hold {kind}: {text!r}")
            if isinstance(node, ast.Call):
                self._check_call(node, text)

    @staticmethod
    def _check_call(node: ast.Call, text: str) -> None:
        said = ast.unparse(node.func)
        if said in _FUNCTIONS and len(node.args) == 1 and not node.keywords:
            return
        if said != "re.match" or len(node.args) != 2 or node.keywords:
            raise RefusedError(f"a comparison cannot call {said}: {text!r}")
        pattern = node.args[0]
        if not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, str):
            raise RefusedError(f"re.match needs a literal expression: {text!r}")
        compiled(pattern.value)

    def __call__(self, source: "Source", one: Range) -> Iterator[Bindings]:
        """The same bindings, where it holds; where a value is not known it does not."""
        try:
            holds = bool(self._value(self._tree, source, one))
        except (TypeError, ValueError, KeyError, ZeroDivisionError, OverflowError):
            return
        if holds:
            yield one.bound

    def _value(self, node: ast.expr, source: "Source", one: Range) -> object:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._of_name(node.id, source, one)
        if isinstance(node, ast.BoolOp):
            test = all if isinstance(node.op, ast.And) else any
            return test(bool(self._value(value, source, one)) for value in node.values)
        if isinstance(node, ast.UnaryOp):
            value = self._value(node.operand, source, one)
            return not value if isinstance(node.op, ast.Not) else -value  # type: ignore[operator]
        if isinstance(node, ast.BinOp):
            left, right = self._value(node.left, source, one), self._value(node.right, source, one)
            return _OPERATORS[type(node.op)](_small(left), _small(right))
        if isinstance(node, ast.Compare):
            values = [self._value(v, source, one) for v in (node.left, *node.comparators)]
            pairs = zip(node.ops, values, values[1:], strict=False)
            return all(_OPERATORS[type(op)](a, b) for op, a, b in pairs)
        if isinstance(node, ast.List | ast.Tuple):
            return [self._value(value, source, one) for value in node.elts]
        if isinstance(node, ast.Call):
            return self._called(node, source, one)
        raise ValueError(ast.dump(node))

    def _called(self, node: ast.Call, source: "Source", one: Range) -> object:
        values = [self._value(arg, source, one) for arg in node.args]
        if isinstance(node.func, ast.Attribute):
            pattern = rf"\A(?:{values[0]})"
            return bool(compiled(pattern).search(str(values[1]).encode("latin-1", "replace")))
        name = ast.unparse(node.func)
        if name == "int":
            return _number(str(values[0]), self._base)
        if name == "float":
            return float(str(values[0]))
        return str(values[0]) if name == "str" else len(str(values[0]))

    def _of_name(self, word: str, source: "Source", one: Range) -> object:
        if word in ("True", "False"):
            return word == "True"
        name = "$" + word.removeprefix("mvz_")
        node = one.bound[name]
        text = node.text if node.kind == "text" else source.scope.constant(node)
        if text is None:
            text = text_of(node, source)
        if self._strip and name == self._name:
            text = text.strip("\"'`")
        is_number = node.kind not in ("string", "text") or self._strip
        if is_number and _NUMBER.match(text) and len(text) < _MOST_DIGITS:
            return _number(text, self._base if name == self._name else 0)
        return text


def _number(text: str, base: int) -> float:
    plain = text.strip().replace("_", "")
    if base:
        return int(plain, base)
    if "." in plain:
        return float(plain)
    if re.match(r"[-+]?0[0-7]+\Z", plain):
        return int(plain, 8)
    return int(plain, 0)


def _small(value: object) -> object:
    """A value that arithmetic cannot blow up."""
    if isinstance(value, str) and len(value) > 10_000:
        raise ValueError("too long")
    if isinstance(value, int) and abs(value) > 10**18:
        raise ValueError("too large")
    return value
