"""Whether code can be parsed: Python by its own parser, others by tree-sitter where it is there."""

import ast
import textwrap
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tyrian.detectors.code_shield.semgrep.grammars import GRAMMARS, NoGrammarError, parser_of
from tyrian.errors import MissingDependencyError

if TYPE_CHECKING:
    from tree_sitter import Node

_FRAMES = {
    "c": (("void f() {\n", "\n}\n"),),
    "cpp": (("void f() {\n", "\n}\n"), ("class A {\n", "\n};\n")),
    "csharp": (("class A {\n", "\n}\n"),),
    "java": (("class A {\n", "\n}\n"), ("class A { void f() {\n", "\n}}\n")),
    "javascript": (("async function f() {\n", "\n}\n"), ("class A {\n", "\n}\n")),
    "php": (("class A {\n", "\n}\n"),),
}
"""What a piece of a program may stand in: it is valid where it is so in one of them."""


def is_valid(code: str, language: str) -> bool | None:
    """Whether this is a program or a piece of one; None without a parser for the language."""
    if language == "python":
        return python_tree(code) is not None
    frames = (("", ""), *_FRAMES.get(language, ()))
    for before, after in frames:
        errors = _errors(before + code + after, language)
        if errors is None:
            return None
        if not errors:
            return True
    return False


def goes_on(before: str, code: str, language: str) -> bool | None:
    """Whether code goes on from what stands before it: no error of syntax begins within it.

    Both may be cut anywhere, so that blocks which are never closed are no errors. None where no
    parser for the language is here.
    """
    errors = _errors(before + code, language)
    if errors is None:
        return None
    start = len(before.encode("utf-8", "replace"))
    end = len((before + code.rstrip()).encode("utf-8", "replace"))
    return not any(start <= place < end for place in errors)


def python_tree(code: str) -> ast.Module | None:
    """The syntax tree of Python, as it stands or moved to the left; None where it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes and the like in what a model wrote
        for text in (code, textwrap.dedent(code)):
            try:
                return ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return None


def _errors(code: str, language: str) -> list[int] | None:
    """Where errors begin, in bytes; None without a parser."""
    if language not in GRAMMARS:
        return None
    try:
        tree = parser_of(language, code).parse(code.encode("utf-8", "replace"))
    except (MissingDependencyError, NoGrammarError):
        return None
    return list(_error_places(tree.root_node)) if tree.root_node.has_error else []


def _error_places(root: "Node") -> Iterator[int]:
    """Innermost errors: a node with an error in it is only at fault itself where it says so."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            yield node.start_byte
        stack += [child for child in node.children if child.has_error or child.is_missing]
