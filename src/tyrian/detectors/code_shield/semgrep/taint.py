"""Taint mode: what flows from a source to a sink within one function, unless it is cleaned.

Assignments are followed in the order of the text; branches are joined and loops read twice. A call
of an unknown function passes on what its arguments and its owner bring.
Source: https://semgrep.dev/docs/writing-rules/data-flow/taint-mode/overview
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tyrian.detectors.code_shield.semgrep.formula import Formula, Range
from tyrian.detectors.code_shield.semgrep.scope import function_kinds
from tyrian.detectors.code_shield.semgrep.source import Source
from tyrian.detectors.code_shield.semgrep.tree import Node

Taint = frozenset[int]
"""The numbers of the source ranges that a value comes from."""
CLEAN: Taint = frozenset()
_BRANCHES = ("if_", "else_", "elif_", "except_", "catch_", "case_", "switch_", "when")
_LOOPS = ("for_", "while_", "do_statement", "enhanced_for", "foreach_", "for")
_CONDITIONALS = {"conditional_expression": 1, "ternary_expression": 0, "conditional": 0}
"""Where the condition stands among the parts."""
_ITERATES = frozenset(
    {"for_statement", "for_in_statement", "enhanced_for_statement", "foreach_statement", "for"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One formula of a taint rule with what is said of it."""

    formula: Formula
    by_side_effect: bool = False
    is_exact: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Propagator:
    """A formula that carries taint from one metavariable to another."""

    formula: Formula
    start: str
    target: str
    by_side_effect: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class TaintRule:
    """What taint mode asks: at least one source and one sink."""

    sources: tuple[Part, ...]
    sinks: tuple[Part, ...]
    sanitizers: tuple[Part, ...] = ()
    propagators: tuple[Propagator, ...] = ()
    trusts_functions: bool = False
    """Calls of unknown functions give clean values."""

    def ranges(self, source: Source) -> list[Range]:
        """The sinks that something foreign reaches."""
        sinks = [(part, one) for part in self.sinks for one in source.ranges_of(part.formula)]
        if not sinks:
            return []
        flow = _Flow(self, source)
        if not flow.sources:
            return []
        flow.run(source.tree.root)
        return list(flow.reached(sinks))

    def words(self) -> frozenset[str] | None:
        """Words of the sinks, one of which a text must have."""
        found: frozenset[str] = frozenset()
        for part in self.sinks:
            words = part.formula.words()
            if words is None:
                return None
            found |= words
        return found


class _Flow:
    """One pass over one tree: which expressions are tainted when they are read."""

    def __init__(self, rule: TaintRule, source: Source) -> None:
        self._rule = rule
        self._source = source
        self._budget = source.budget
        self.sources = [(p, r) for p in rule.sources for r in source.ranges_of(p.formula)]
        self._cleaned = [(p, r) for p in rule.sanitizers for r in source.ranges_of(p.formula)]
        self._carried = [(p, r) for p in rule.propagators for r in source.ranges_of(p.formula)]
        self._cost = 1 + (len(self.sources) + len(self._cleaned) + len(self._carried)) // 16
        self._tainted: dict[tuple[int, int], Taint] = {}
        """What each expression brought when it was read."""
        self._nodes: dict[tuple[int, int], list[Node]] = {}

    def run(self, root: Node) -> None:
        """Read the whole text."""
        for node in root.walk():
            self._nodes.setdefault((node.start, node.end), []).append(node)
        self._statements(root.kids, {})

    def reached(self, sinks: list[tuple[Part, Range]]) -> Iterator[Range]:
        """The sinks with something tainted in them."""
        for part, sink in sinks:
            for number in sorted(self._taint_at(part, sink)):
                bound = sink.merged(self.sources[number][1])
                yield Range(sink.start, sink.end, sink.bound if bound is None else bound)
                break

    def _taint_at(self, part: Part, sink: Range) -> Taint:
        found = self._tainted.get((sink.start, sink.end), CLEAN)
        if part.is_exact:
            return found
        nodes = self._nodes.get((sink.start, sink.end), [])
        for node in nodes:
            for kid in node.kids:
                found |= self._tainted.get((kid.start, kid.end), CLEAN)
                if kid.kind == "args":
                    for one in kid.kids:
                        found |= self._tainted.get((one.start, one.end), CLEAN)
        if not nodes:
            self._budget.spend(1 + len(self._tainted) // 64)
            for (start, end), taint in self._tainted.items():
                if sink.start <= start and end <= sink.end:
                    found |= taint
        return found

    # ---- statements

    def _statements(self, nodes: tuple[Node, ...], state: dict[str, Taint]) -> None:
        for node in nodes:
            self._statement(node, state)

    def _statement(self, node: Node, state: dict[str, Taint]) -> None:
        if not self._budget.spend(1):
            return
        kind = node.kind
        if kind == "block":
            self._statements(node.kids, state)
        elif kind in function_kinds():
            self._function(node, state)
        elif kind.startswith(_LOOPS) and node.kids:
            self._loop(node, state)
        elif kind.startswith(_BRANCHES) and any(kid.kind == "block" for kid in node.kids):
            self._branches(node, state)
        elif any(k.kind == "block" for k in node.kids):
            for kid in node.kids:
                self._statement(kid, state)
        else:
            self._value(node, state)

    def _function(self, node: Node, state: dict[str, Taint]) -> None:
        # A function runs whenever it is called; only one without a name runs where it stands.
        inner = dict(state) if node.kind == "lambda" else {}
        for kid in node.kids:
            if kid.kind in ("params", "function_declarator"):
                for name in kid.walk():
                    if name.kind == "name":
                        inner.pop(name.text, None)
                for one in kid.walk():
                    taint = self._own(one)
                    target = one.name or one
                    if taint and target.kind == "name":
                        inner[target.text] = inner.get(target.text, CLEAN) | taint
        for kid in node.kids:
            if kid.kind == "block":
                self._statements(kid.kids, inner)
            elif kid.kind not in ("params", "name", "function_declarator"):
                self._statement(kid, inner)

    def _loop(self, node: Node, state: dict[str, Taint]) -> None:
        for _ in range(2):
            inner = dict(state)
            parts = [k for k in node.kids if k.kids or k.kind in ("name", "block")]
            if node.kind in _ITERATES and len(parts) >= 3:
                target, iterated = parts[-3], parts[-2]
                self._assign(target, self._value(iterated, inner), inner)
                self._statement(parts[-1], inner)
            else:
                for kid in node.kids:
                    self._statement(kid, inner)
            _join(state, inner)

    def _branches(self, node: Node, state: dict[str, Taint]) -> None:
        ends = []
        has_else = False
        for kid in node.kids:
            if kid.kind == "block" or kid.kind.startswith(_BRANCHES):
                inner = dict(state)
                self._statement(kid, inner)
                ends.append(inner)
                has_else |= kid.kind.startswith("else_") or len(ends) > 1
            else:
                self._value(kid, state)
        if has_else and ends:
            state.clear()
        for inner in ends:
            _join(state, inner)

    # ---- expressions

    def _value(self, node: Node, state: dict[str, Taint]) -> Taint:
        """Whether the value of an expression comes from a source; noted for the sinks."""
        if not self._budget.spend(self._cost):
            return CLEAN
        if self._is_cleaned(node):
            return CLEAN
        taint = self._read(node, state) | self._own(node)
        self._side_effects(node, state, taint)
        if taint:
            key = (node.start, node.end)
            self._tainted[key] = self._tainted.get(key, CLEAN) | taint
        return taint

    def _read(self, node: Node, state: dict[str, Taint]) -> Taint:
        kind = node.kind
        if kind == "name":
            return state.get(node.text, CLEAN)
        if kind == "member":
            dotted = node.dotted()
            if dotted and dotted in state:
                return state[dotted]
            return self._value(node.kids[0], state)
        if kind == "assign":
            taint = self._value(node.kids[1], state)
            self._assign(node.kids[0], taint, state)
            return taint
        if kind == "lambda":
            self._function(node, state)
            return CLEAN
        if kind in function_kinds() or kind == "block":
            self._statement(node, state)
            return CLEAN
        if kind in ("kwarg", "pair"):
            return self._value(node.kids[-1], state)
        if kind.startswith("augmented_assignment") or kind == "assignment_expression":
            taint = self._value(node.kids[-1], state) | self._value(node.kids[0], state)
            self._assign(node.kids[0], taint, state)
            return taint
        if kind == "as_pattern" and len(node.kids) >= 2:
            taint = self._value(node.kids[0], state)
            self._assign(node.kids[-1], taint, state)
            return taint
        if kind in _CONDITIONALS:
            return self._either(node, state)
        if kind == "call" and self._rule.trusts_functions:
            for kid in node.kids:
                self._value(kid, state)
            return CLEAN
        found = CLEAN
        for kid in node.kids:
            found |= self._value(kid, state)
        return found

    def _either(self, node: Node, state: dict[str, Taint]) -> Taint:
        """One of two values; the condition between or before them brings nothing."""
        parts = [kid for kid in node.kids if kid.kind not in ("?", "if", "else")]
        found = CLEAN
        for number, kid in enumerate(parts):
            taint = self._value(kid, state)
            if number != _CONDITIONALS[node.kind]:
                found |= taint
        return found

    def _assign(self, target: Node, taint: Taint, state: dict[str, Taint]) -> None:
        taint |= self._own(target)
        if target.kind == "name":
            for name in [name for name in state if name.startswith(f"{target.text}.")]:
                del state[name]
            state[target.text] = taint
        elif target.kind == "member" and target.dotted():
            state[target.dotted()] = taint
        elif target.kind == "subscript" and target.kids:
            owner = target.kids[0].dotted()
            if owner and taint:
                state[owner] = state.get(owner, CLEAN) | taint
        else:
            for kid in target.kids:
                self._assign(kid, taint, state)

    def _side_effects(self, node: Node, state: dict[str, Taint], taint: Taint) -> None:
        for part, one in self._cleaned:
            if part.by_side_effect and (node.start, node.end) == (one.start, one.end):
                state[node.dotted() or ""] = CLEAN
        for number, (part, one) in enumerate(self.sources):
            if part.by_side_effect and (node.start, node.end) == (one.start, one.end):
                name = node.dotted()
                if name:
                    state[name] = state.get(name, CLEAN) | {number}
        for carrier, one in self._carried:
            if (node.start, node.end) != (one.start, one.end):
                continue
            start, target = one.bound.get(carrier.start), one.bound.get(carrier.target)
            if start is None or target is None:
                continue
            brought = self._tainted.get((start.start, start.end), CLEAN)
            name = target.dotted()
            if brought and name:
                state[name] = state.get(name, CLEAN) | brought

    def _own(self, node: Node) -> Taint:
        """The sources that the expression is, or lies in."""
        found = []
        for number, (part, one) in enumerate(self.sources):
            if (node.start, node.end) == (one.start, one.end) or (
                not part.is_exact
                and one.start <= node.start
                and node.end <= one.end
                and node.kind not in ("args", "block")
            ):
                found.append(number)
        return frozenset(found)

    def _is_cleaned(self, node: Node) -> bool:
        return any(
            one.start <= node.start and node.end <= one.end and not part.by_side_effect
            for part, one in self._cleaned
        )


def _join(state: dict[str, Taint], other: Mapping[str, Taint]) -> None:
    for name, taint in other.items():
        state[name] = state.get(name, CLEAN) | taint
