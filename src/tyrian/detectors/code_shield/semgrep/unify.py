"""Holds patterns against trees: every way in which a pattern fits, with what its `$X` stand for."""

import re
from collections.abc import Iterator, Mapping, Sequence

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.semgrep.kinds import OPTIONAL
from tyrian.detectors.code_shield.semgrep.pattern import (
    ANONYMOUS,
    DEEP,
    ELLIPSIS,
    MANY,
    METAVARIABLE,
    TEXT,
)
from tyrian.detectors.code_shield.semgrep.scope import Scope
from tyrian.detectors.code_shield.semgrep.tree import Node

Bindings = Mapping[str, Node]
NOTHING: Bindings = {}

_NAMED_TEXT = re.compile(r"\$[A-Z_][A-Z0-9_]*\Z")
_REGEX_TEXT = re.compile(r"=~/([\s\S]*)/([a-z]*)\Z")
_WHOLE = frozenset({"args", "params", "block", "array"})
_EXPRESSIONS = frozenset({"call", "new", "member", "subscript", "binary", "assign"})
_MOST_STATEMENTS = 400
SEQUENCE = "sequence"
"""The kind of what `$...X` stands for."""


class Unifier:
    """One tree; patterns are held against its nodes."""

    def __init__(
        self,
        scope: Scope,
        budget: Budget,
        types: Mapping[str, str],
        *,
        reads_constants: bool = True,
    ) -> None:
        self._scope = scope
        self._budget = budget
        self._types = types
        self._reads_constants = reads_constants

    def fits(self, pattern: Node, node: Node, bound: Bindings) -> Iterator[Bindings]:
        """Every way in which the pattern fits this very node."""
        if not self._budget.spend(1):
            return
        kind = pattern.kind
        if kind == METAVARIABLE:
            yield from self._bind(pattern.text, node, bound)
        elif kind == ELLIPSIS:
            yield bound
        elif kind == DEEP:
            for below in node.walk():
                yield from self.fits(pattern.kids[0], below, bound)
        elif kind in ("string", TEXT):
            yield from self._text(pattern, node, bound)
        elif kind == node.kind == "decl" and len(pattern.kids) == 1:
            # `var $X = ...`, which leaves the type open.
            for kid in node.kids:
                yield from self.fits(pattern.kids[0], kid, bound)
        elif kind == node.kind:
            yield from self._same_kind(pattern, node, bound)
        elif kind == "assign" and node.kind == "decl":
            for kid in node.kids:
                if kid.kind == "assign":
                    yield from self._same_kind(pattern, kid, bound)
        elif kind in ("name", "member") and node.kind in ("name", "member"):
            yield from self._imported(pattern, node, bound)
        elif kind in ("number", "integer", "float", "true", "false") and node.kind == "name":
            value = self._scope.value_of(node) if self._reads_constants else None
            if value is not None and value.is_same(pattern):
                yield bound

    def _same_kind(self, pattern: Node, node: Node, bound: Bindings) -> Iterator[Bindings]:
        if not pattern.kids and not node.kids:
            if pattern.text == node.text or (pattern.kind == "regex" and not pattern.text):
                yield bound
            elif pattern.kind == "name":
                yield from self._imported(pattern, node, bound)
            return
        if pattern.kind == "args":
            yield from self._arguments(pattern.kids, node.kids, bound)
        elif pattern.kind == "object":
            yield from self._unordered(list(pattern.kids), list(node.kids), bound)
        elif pattern.kind == "block":
            yield from self.statements(pattern.kids, node.kids, bound, is_prefix=False)
        elif pattern.kind in _WHOLE:
            yield from self._list(pattern.kids, node.kids, bound)
        else:
            found = False
            for one in self._children(pattern.kids, node.kids, bound):
                found = True
                yield one
            if not found and pattern.kind == "member":
                yield from self._imported(pattern, node, bound)

    def _imported(self, pattern: Node, node: Node, bound: Bindings) -> Iterator[Bindings]:
        """A name of the code in the words of its imports."""
        other = self._scope.expanded(node)
        if other is None or other.kind != pattern.kind:
            return
        if pattern.kind == "name":
            if other.text == pattern.text:
                yield bound
        else:
            yield from self._children(pattern.kids, other.kids, bound)

    # ---- metavariables

    def _bind(self, name: str, node: Node, bound: Bindings) -> Iterator[Bindings]:
        if name == ANONYMOUS:
            yield bound
            return
        if node.name is not None:
            node = node.name
        known = bound.get(name)
        if known is not None:
            if known.is_same(node):
                yield bound
            return
        wanted = self._types.get(name)
        if wanted is None or self._scope.has_type(node, wanted):
            yield {**bound, name: node}

    # ---- literals

    def _text(self, pattern: Node, node: Node, bound: Bindings) -> Iterator[Bindings]:
        if pattern.kids:
            if node.kind == pattern.kind and node.kids:
                yield from self._list(pattern.kids, node.kids, bound)
            return
        text = self._known_text(node)
        if text is None:
            return
        if pattern.kind == TEXT:
            yield bound
        elif _NAMED_TEXT.match(pattern.text):
            leaf = Node("text", node.start, node.end, text=text)
            yield from self._bind(pattern.text, leaf, bound)
        elif regex := _REGEX_TEXT.match(pattern.text):
            flags = "(?i)" if "i" in regex[2] else ""
            if compiled(flags + regex[1]).search(text.encode("utf-8", "replace")):
                yield bound
        elif text == pattern.text:
            yield bound

    def _known_text(self, node: Node) -> str | None:
        if node.kind == "string":
            return None if node.kids else node.text
        if not self._reads_constants or node.kind not in ("name", "binary"):
            return None
        return self._scope.constant(node) if self._scope.is_text(node) else None

    # ---- children

    def _children(
        self, patterns: Sequence[Node], nodes: Sequence[Node], bound: Bindings
    ) -> Iterator[Bindings]:
        """Children in order; what a pattern may leave out is passed over."""
        if not patterns:
            if all(node.kind in OPTIONAL for node in nodes):
                yield bound
            return
        if not nodes:
            if all(pattern.kind in (ELLIPSIS, MANY) for pattern in patterns):
                yield bound
            return
        first, node = patterns[0], nodes[0]
        for one in self.fits(first, node, bound):
            yield from self._children(patterns[1:], nodes[1:], one)
        if node.kind in OPTIONAL:
            yield from self._children(patterns, nodes[1:], bound)

    def _list(
        self, patterns: Sequence[Node], nodes: Sequence[Node], bound: Bindings, at: int = 0
    ) -> Iterator[Bindings]:
        """A list from `at` on, as a whole and in order."""
        if not self._budget.spend(1):
            return
        if not patterns:
            if at == len(nodes):
                yield bound
            return
        first, rest = patterns[0], patterns[1:]
        if first.kind in (ELLIPSIS, MANY):
            most = len(nodes) - sum(1 for p in rest if p.kind not in (ELLIPSIS, MANY))
            for end in range(at if rest else len(nodes), most + 1):
                for one in self._many(first, nodes, at, end, bound):
                    yield from self._list(rest, nodes, one, end)
        elif at < len(nodes):
            for one in self.fits(first, nodes[at], bound):
                yield from self._list(rest, nodes, one, at + 1)

    def _many(
        self, pattern: Node, nodes: Sequence[Node], start: int, end: int, bound: Bindings
    ) -> Iterator[Bindings]:
        if pattern.kind == ELLIPSIS:
            yield bound
            return
        chosen = tuple(nodes[start:end])
        self._budget.spend(len(chosen) // 16)
        first = chosen[0].start if chosen else pattern.start
        last = chosen[-1].end if chosen else pattern.start
        yield from self._bind(pattern.text, Node(SEQUENCE, first, last, chosen), bound)

    def _arguments(
        self, patterns: Sequence[Node], nodes: Sequence[Node], bound: Bindings
    ) -> Iterator[Bindings]:
        """Arguments: those with a keyword in any order, the others in theirs."""
        wanted = [p for p in patterns if p.kind == "kwarg"]
        if not wanted:
            yield from self._list(patterns, nodes, bound)
            return
        plain = [p for p in patterns if p.kind != "kwarg"]
        yield from self._keywords(wanted, plain, list(nodes), bound)

    def _keywords(
        self, wanted: list[Node], plain: list[Node], nodes: list[Node], bound: Bindings
    ) -> Iterator[Bindings]:
        if not wanted:
            merged = [p for i, p in enumerate(plain) if not (i and _is_gap(p, plain[i - 1]))]
            yield from self._list(merged, nodes, bound)
            return
        for number, node in enumerate(nodes):
            if node.kind == "kwarg":
                for one in self.fits(wanted[0], node, bound):
                    rest = nodes[:number] + nodes[number + 1 :]
                    yield from self._keywords(wanted[1:], plain, rest, one)

    def _unordered(
        self, patterns: list[Node], nodes: list[Node], bound: Bindings
    ) -> Iterator[Bindings]:
        wanted = [p for p in patterns if p.kind not in (ELLIPSIS, MANY)]
        has_gap = len(wanted) < len(patterns)
        if not wanted:
            if has_gap or not nodes:
                yield bound
            return
        for number, node in enumerate(nodes):
            rest = nodes[:number] + nodes[number + 1 :]
            for one in self.fits(wanted[0], node, bound):
                gap = [Node(ELLIPSIS, 0, 0)] if has_gap else []
                yield from self._unordered(wanted[1:] + gap, rest, one)

    # ---- statements

    def statements(
        self,
        patterns: Sequence[Node],
        nodes: Sequence[Node],
        bound: Bindings,
        *,
        is_prefix: bool,
    ) -> Iterator[Bindings]:
        """A block's statements; `...` also reaches into blocks within it."""
        for one, _ in self.runs(patterns, nodes, bound, is_prefix=is_prefix):
            yield one

    def runs(
        self,
        patterns: Sequence[Node],
        nodes: Sequence[Node],
        bound: Bindings,
        at: int = 0,
        *,
        is_prefix: bool = True,
    ) -> Iterator[tuple[Bindings, Node | None]]:
        """Ways in which statements fit from `at` on, each with the last one that fits."""
        found = False
        for result in self._run(patterns, nodes, bound, at, None, is_prefix=is_prefix):
            found = True
            yield result
        has_gap = any(p.kind == ELLIPSIS for p in patterns)
        if found or len(patterns) < 2 or not has_gap or not self._may_start(patterns, nodes, at):
            return
        flat = flattened(nodes[at : at + _MOST_STATEMENTS])
        self._budget.spend(len(flat) // 4)
        if len(flat) == len(nodes) - at:
            return
        for one, last in self._run(patterns, flat, bound, 0, None, is_prefix=is_prefix):
            holding = (node for node in nodes[at:] if last and node.end >= last.end)
            yield one, next(holding, last)

    def _may_start(self, patterns: Sequence[Node], nodes: Sequence[Node], at: int) -> bool:
        """Whether the first pattern fits at all, so that looking further is worth it."""
        if patterns[0].kind == ELLIPSIS:
            return True
        return at < len(nodes) and any(True for _ in self._statement(patterns[0], nodes[at], {}))

    def _run(
        self,
        patterns: Sequence[Node],
        nodes: Sequence[Node],
        bound: Bindings,
        at: int,
        last: Node | None,
        *,
        is_prefix: bool,
    ) -> Iterator[tuple[Bindings, Node | None]]:
        if not self._budget.spend(1):
            return
        if not patterns:
            if is_prefix or at == len(nodes):
                yield bound, last
            return
        first, rest = patterns[0], patterns[1:]
        if first.kind == ELLIPSIS:
            if not rest:
                yield bound, nodes[-1] if at < len(nodes) else last
                return
            for start in range(at, len(nodes) + 1):
                if not self._budget.spend(1):
                    return
                yield from self._run(rest, nodes, bound, start, last, is_prefix=is_prefix)
        elif at < len(nodes):
            for one in self._statement(first, nodes[at], bound):
                yield from self._run(rest, nodes, one, at + 1, nodes[at], is_prefix=is_prefix)

    def _statement(self, pattern: Node, node: Node, bound: Bindings) -> Iterator[Bindings]:
        """A statement; one that is an expression also fits where it stands inside another."""
        found = False
        for one in self.fits(pattern, node, bound):
            found = True
            yield one
        if not found and pattern.kind in _EXPRESSIONS:
            for below in expressions_in(node):
                if below.kind == pattern.kind:
                    yield from self.fits(pattern, below, bound)


def expressions_in(node: Node) -> Iterator[Node]:
    """The expressions of a statement, without those of blocks inside it."""
    stack = list(reversed(node.kids))
    while stack:
        below = stack.pop()
        if below.kind not in ("block", "lambda"):
            yield below
            stack.extend(reversed(below.kids))


def flattened(nodes: Sequence[Node]) -> list[Node]:
    """Statements with those inside them, in the order of the text."""
    found: list[Node] = []
    stack = list(reversed(nodes))
    while stack and len(found) < _MOST_STATEMENTS:
        node = stack.pop()
        found.append(node)
        inner: list[Node] = []
        for kid in node.kids:
            if kid.kind == "block":
                inner += kid.kids
            elif kid.kind.endswith(("_clause", "_statement", "_block", "alternative")):
                inner += flattened_clause(kid)
        stack.extend(reversed(inner))
    return found


def flattened_clause(node: Node) -> list[Node]:
    """The statements of `else`, `except` and the like."""
    if node.kind.endswith("_statement"):
        return [node]
    return [k for kid in node.kids if kid.kind == "block" for k in kid.kids]


def _is_gap(pattern: Node, before: Node) -> bool:
    return pattern.kind == ELLIPSIS and before.kind == ELLIPSIS
