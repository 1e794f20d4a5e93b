"""The grammars that Semgrep rules are matched with: one package per language, loaded when used."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from tyrian.errors import MissingDependencyError

if TYPE_CHECKING:
    from tree_sitter import Language, Parser


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where the grammar of a language is, and how a pattern is wrapped to be parsed by it."""

    module: str
    function: str = "language"
    frames: tuple[tuple[str, str], ...] = (("", ""),)
    """What stands around a pattern, the likeliest first."""
    needs_semicolons: bool = False
    ellipsis_parameter: str = "ellz"
    """What stands for `...` among the parameters of a definition."""
    ellipsis_statement: str = "ellz"


_FIELD = ("({", "})")
_C_FRAMES = (("void f() {\n", "\n}"), ("", ""), ("class A {\n", "\n};"))
_CLASS = ("class A {\n", "\n}")
GRAMMARS = {
    "python": Grammar("tree_sitter_python", frames=(("", ""), ("({", "})"), ("(", ")"))),
    "javascript": Grammar(
        "tree_sitter_javascript",
        frames=(("", ""), _FIELD, ("(", ")"), _CLASS),
        needs_semicolons=True,
        ellipsis_statement="ellz;",
    ),
    "typescript": Grammar(
        "tree_sitter_typescript",
        "language_typescript",
        frames=(("", ""), _FIELD, ("(", ")"), _CLASS),
        needs_semicolons=True,
        ellipsis_statement="ellz;",
    ),
    "java": Grammar(
        "tree_sitter_java",
        frames=(("", ""), _CLASS, ("int a = ", ";")),
        needs_semicolons=True,
        ellipsis_parameter="ellz ellz",
        ellipsis_statement="ellz;",
    ),
    "go": Grammar(
        "tree_sitter_go",
        frames=(("package p\nfunc f() {\n", "\n}"), ("package p\n", "\n"), ("", "")),
        ellipsis_parameter="ellz ellz",
        ellipsis_statement="ellz;",
    ),
    "c": Grammar(
        "tree_sitter_c",
        frames=_C_FRAMES[:2],
        needs_semicolons=True,
        ellipsis_parameter="ellz ellz",
        ellipsis_statement="ellz;",
    ),
    "cpp": Grammar(
        "tree_sitter_cpp",
        frames=_C_FRAMES,
        needs_semicolons=True,
        ellipsis_parameter="ellz ellz",
        ellipsis_statement="ellz;",
    ),
    "csharp": Grammar(
        "tree_sitter_c_sharp",
        frames=(("", ""), _CLASS, ("var a = ", ";")),
        needs_semicolons=True,
        ellipsis_parameter="ellz ellz",
        ellipsis_statement="ellz();",
    ),
    "php": Grammar(
        "tree_sitter_php",
        "language_php_only",
        frames=(("", ""), _CLASS),
        needs_semicolons=True,
        ellipsis_parameter="$ellz",
        ellipsis_statement="ellz;",
    ),
    "ruby": Grammar("tree_sitter_ruby"),
}


class NoGrammarError(Exception):
    """A language that no grammar is known for."""


@lru_cache(maxsize=32)
def _language_of(name: str, function: str) -> "Language":
    grammar = GRAMMARS.get(name)
    if grammar is None:
        raise NoGrammarError(name)
    try:
        tree_sitter = import_module("tree_sitter")
        module = import_module(grammar.module)
    except ImportError as error:
        raise MissingDependencyError(
            f"rules in Semgrep's format need the package {error.name or grammar.module}",
            hint="get it: pip install 'tyrian[semgrep]'",
        ) from None
    language: Language = tree_sitter.Language(getattr(module, function or grammar.function)())
    return language


def parser_of(name: str, code: str = "") -> "Parser":
    """A parser for the language, of its own for each text, as one cannot be shared by threads.

    MissingDependencyError where the packages are not installed; NoGrammarError for a language
    without a grammar.
    """
    language = _language_of(name, _variant(name, code))
    parser: Parser = import_module("tree_sitter").Parser(language)
    return parser


def _variant(name: str, code: str) -> str:
    """The grammar of pages of PHP and of TypeScript with markup in it."""
    if name == "php" and ("<?php" in code or "<?=" in code):
        return "language_php"
    if name == "typescript" and ("</" in code or "/>" in code):
        return "language_tsx"
    return ""
