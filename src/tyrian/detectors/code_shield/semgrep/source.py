"""One text that rules in Semgrep's format are held against; parsed once for all of them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.semgrep.formula import Formula, Range
from tyrian.detectors.code_shield.semgrep.scope import Scope
from tyrian.detectors.code_shield.semgrep.tree import Node, Tree
from tyrian.detectors.code_shield.semgrep.unify import Unifier

_DEEPEST = 150
"""Brackets within brackets; some grammars take time and memory by the square of them."""
_BRACKETS = re.compile(r"[()\[\]{}<>;]")


def deepest(code: str) -> int:
    """How many brackets of masked code stand open at most, unclosed `a < b` among them."""
    depth = angles = most = 0
    for match in _BRACKETS.finditer(code):
        char = match[0]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth = max(0, depth - 1)
        if char == "<":
            angles += 1
        elif char == ">":
            angles = max(0, angles - 1)
        elif char in ";{}":
            angles = 0
        most = max(most, depth, angles)
    return most


class Source:
    """A fragment as a tree, with what its names stand for."""

    def __init__(self, fragment: Fragment) -> None:
        self.text = fragment.lexed.text
        self.language = fragment.syntax.name
        self.budget: Budget = fragment.budget
        self._fragment = fragment
        self._tree: Tree | None = None
        self._scope: Scope | None = None
        self._by_kind: dict[str, list[Node]] | None = None
        self._all: list[Node] = []
        self._data: bytes | None = None
        self._ranges: dict[Formula, list[Range]] = {}

    @property
    def data(self) -> bytes:
        """The text for regular expressions, one byte for each character."""
        if self._data is None:
            self._data = self.text.encode("latin-1", "replace")
        return self._data

    @property
    def tree(self) -> Tree:
        """The tree; what it leaves out spends the budget, so that the coverage tells."""
        if self._tree is None:
            is_deep = deepest(self._fragment.code) > _DEEPEST
            self._tree = Tree("" if is_deep else self.text, self.language)
            if is_deep or self._tree.is_cut:
                self.budget.is_spent = True
        return self._tree

    @property
    def scope(self) -> Scope:
        """Imports, constants and types."""
        if self._scope is None:
            self._scope = Scope(self.tree, self._fragment)
        return self._scope

    def candidates(self, kinds: Iterable[str] | None) -> list[Node]:
        """The nodes of some kinds, or all of them, in the order of the text."""
        if self._by_kind is None:
            by_kind: defaultdict[str, list[Node]] = defaultdict(list)
            for node in self.tree.root.walk():
                by_kind[node.kind].append(node)
                if node is not self.tree.root:
                    self._all.append(node)
            self._by_kind = dict(by_kind)
        if kinds is None:
            return self._all
        return [node for kind in kinds for node in self._by_kind.get(kind, ())]

    def unifier(self, types: Mapping[str, str], *, reads_constants: bool = True) -> Unifier:
        """What holds patterns against this text."""
        return Unifier(self.scope, self.budget, types, reads_constants=reads_constants)

    def ranges_of(self, formula: Formula) -> list[Range]:
        """The ranges of a formula, worked out once."""
        known = self._ranges.get(formula)
        if known is None:
            known = self._ranges[formula] = formula.ranges(self)
        return known

    def has_any(self, words: frozenset[str] | None) -> bool:
        """Whether one of the words stands in the text; True without any."""
        return words is None or any(word in self.text for word in words)
