"""What names stand for in a text: imports, constants, declared types."""

import re
from collections import defaultdict

from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.imports import Aliases
from tyrian.detectors.code_shield.semgrep.tree import Node, Tree

_FUNCTIONS_TEXT = """
function_definition function_declaration method_definition method_declaration
constructor_declaration lambda method singleton_method local_function_statement
"""
_FUNCTIONS = frozenset(_FUNCTIONS_TEXT.split())
_JVM_IMPORT = re.compile(r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+\.(\w+))[ \t]*;?", re.M)
_MOST_HOPS = 6


class Scope:
    """The names of one tree. Everything is worked out when it is first asked for."""

    def __init__(self, tree: Tree, fragment: Fragment) -> None:
        self._tree = tree
        self._fragment = fragment
        self._paths: dict[str, str] | None = None
        self._assigned: dict[str, list[Node]] | None = None
        self._changed: set[str] = set()
        self._types: dict[str, set[str]] | None = None
        self._expanded: dict[Node, Node | None] = {}

    # ---- imports

    def expanded(self, node: Node) -> Node | None:
        """The name or chain as it was imported; None where that says nothing new."""
        if node not in self._expanded:
            self._expanded[node] = self._expand(node)
        return self._expanded[node]

    def _expand(self, node: Node) -> Node | None:
        if node.kind == "member":
            owner = self.expanded(node.kids[0])
            if owner is None:
                return None
            return Node("member", node.start, node.end, (owner, node.kids[1]))
        path = self._path_of(node.text) if node.kind == "name" else None
        if path is None or path == node.text:
            return None
        parts = [Node("name", node.start, node.end, text=part) for part in path.split(".")]
        chain = parts[0]
        for part in parts[1:]:
            chain = Node("member", node.start, node.end, (chain, part))
        return chain

    def _path_of(self, name: str) -> str | None:
        if self._paths is None:
            self._paths = dict(Aliases(self._fragment).paths)
            if self._tree.language in ("java", "csharp"):
                for path, last in _JVM_IMPORT.findall(self._fragment.code):
                    self._paths[last] = path
        path = self._paths.get(name)
        if path is not None and self._tree.language == "go":
            return path.rpartition(".")[2]
        return path

    # ---- constants

    def constant(self, node: Node, hops: int = 0) -> str | None:
        """The text or number that an expression is known to be; None where it is not."""
        if node.kind == "string":
            return None if node.kids else node.text
        if node.kind in ("number", "integer", "float"):
            return node.text
        if hops >= _MOST_HOPS or not self._fragment.budget.spend(1):
            return None
        if node.kind == "binary" and len(node.kids) >= 2:
            operator = node.kids[1].kind if len(node.kids) == 3 else "."
            if operator not in ("+", "."):
                return None
            left = self.constant(node.kids[0], hops + 1)
            right = self.constant(node.kids[-1], hops + 1)
            return None if left is None or right is None else left + right
        value = self.value_of(node)
        return None if value is None else self.constant(value, hops + 1)

    def is_text(self, node: Node, hops: int = 0) -> bool:
        """Whether the constant is a string and no number."""
        if node.kind == "binary":
            return self.is_text(node.kids[0], hops + 1)
        value = self.value_of(node) if node.kind == "name" and hops < _MOST_HOPS else None
        return self.is_text(value, hops + 1) if value is not None else node.kind == "string"

    def value_of(self, node: Node) -> Node | None:
        """What a name was given, where it was given something once and before."""
        if node.kind != "name":
            return None
        known = self._assignments().get(node.text, ())
        inside = _function(node)
        here = [one for one in known if _function(one) is inside] if inside else known
        if not here:
            here = [one for one in known if _function(one) is None]
        if len(here) != 1 or node.text in self._changed:
            return None
        one = here[0]
        return one.kids[1] if one.end <= node.start and one.kids[0].kind == "name" else None

    def _assignments(self) -> dict[str, list[Node]]:
        if self._assigned is None:
            found: defaultdict[str, list[Node]] = defaultdict(list)
            for node in self._tree.root.walk():
                if node.kind == "assign":
                    for target in node.kids[0].walk():
                        if target.kind == "name":
                            found[target.text].append(node)
                elif node.kind.startswith(("augmented", "update", "for_")) or (
                    node.kind in ("params", "enhanced_for_statement", "assignment_expression")
                ):
                    first = node.kids[:2] if node.kind.startswith("for_") else node.kids
                    names = (n for kid in first for n in kid.walk() if n.kind == "name")
                    self._changed.update(name.text for name in names)
            self._assigned = dict(found)
        return self._assigned

    # ---- types

    def has_type(self, node: Node, wanted: str) -> bool:
        """Whether an expression is declared or made as of a type, as far as its text shows."""
        if wanted.startswith("$"):
            return True
        last = _bare(wanted)
        if node.kind == "new":
            return _bare(node.kids[0].dotted()) == last
        if node.kind == "string":
            return last in ("String", "string")
        if node.dotted().rpartition(".")[2] == last:
            return True  # the type itself, as in a call of one of its functions
        if node.kind != "name":
            return False
        return last in self._declared().get(node.text, ())

    def _declared(self) -> dict[str, set[str]]:
        if self._types is None:
            found: defaultdict[str, set[str]] = defaultdict(set)
            for node in self._tree.root.walk():
                if node.kind not in ("param", "decl") or len(node.kids) < 2:
                    continue
                names = [k.kids[0] if k.kind == "assign" else k for k in node.kids]
                names = [k for k in names if k.kind == "name"]
                if node.name is not None:
                    names = [node.name]
                said = self._tree.text[node.start : node.end]
                for name in names:
                    types = re.findall(r"[A-Za-z_]\w*", said[: max(0, name.start - node.start)])
                    types += re.findall(r"[A-Za-z_]\w*", said[name.end - node.start :])[:3]
                    found[name.text].update(types)
            self._types = dict(found)
        return self._types


def _bare(name: str) -> str:
    """The last part of a type's name, without what is around it."""
    words: list[str] = re.findall(r"[A-Za-z_]\w*", name)
    return words[-1] if words else ""


def _function(node: Node) -> Node | None:
    """The function that a node stands in."""
    up = node.up
    while up is not None and up.kind not in _FUNCTIONS:
        up = up.up
    return up


def function_kinds() -> frozenset[str]:
    """The kinds of nodes that are functions with a body."""
    return _FUNCTIONS
