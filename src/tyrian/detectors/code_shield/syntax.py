"""What the lexer and the index need to know of a language; all of it is data."""

from dataclasses import dataclass
from typing import NamedTuple


class Hole(NamedTuple):
    """An expression inside a string, such as `${name}`.

    `open` is a regular expression; with an empty `close` the match itself is the expression.
    """

    open: str
    close: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Quote:
    """One kind of string literal."""

    open: str
    """Regular expression of all that stands before the body."""
    close: str
    """Plain text that ends it."""
    escape: str = "\\"
    """A backslash, `double` where the closing mark is doubled, or nothing."""
    is_multiline: bool = False
    holes: tuple[Hole, ...] = ()
    leads: str = ""
    """Characters with which a hole may begin."""
    mark: str = '"'
    """What stands for its quotes in masked code."""


@dataclass(frozen=True, slots=True, eq=False)
class Syntax:
    """A language: how its comments and strings look, and how its calls and names do."""

    name: str
    stops: str = ""
    """Characters at which a comment, a literal, a string or a heredoc may begin."""
    prefixes: str = ""
    """Letters that may stand directly before a string and belong to it."""
    comments: tuple[str, ...] = ()
    """Regular expressions, each of which also matches a comment without an end."""
    comment_close: str = ""
    """Ends a block comment; one without a beginning shows that the text opens inside it."""
    page_open: str = ""
    """Regular expression of the markup with which a text may begin, up to where its code does."""
    quotes: tuple[Quote, ...] = ()
    raw: Quote | None = None
    """A string of many lines whose end is not like its beginning; it is among the literals."""
    literals: tuple[tuple[str, str], ...] = ()
    """Whole literals as (regular expression, mark): characters, raw strings, patterns."""
    heredoc: str = ""
    """Regular expression with the groups `raw` (if set, no holes), `tag`."""
    heredoc_holes: tuple[Hole, ...] = ()
    heredoc_leads: str = ""
    is_indented: bool = False
    """Blocks are made by indentation or by `end`, and a statement ends with its line."""
    ends_with_line: bool = False
    """A line's end ends a statement unless an operator stands there."""
    joins: str = r"\+"
    """Operators that make one string of two, as the alternatives of a regular expression."""
    constants: frozenset[str] = frozenset()
    formatters: frozenset[str] = frozenset()
    """Last names of functions that make a string of a template and values."""
    cleaners: frozenset[str] = frozenset()
    """Last names of functions whose result is harmless anywhere, such as conversions to numbers."""
    bare_calls: str = ""
    """Regular expression for names that are called without parentheses."""
    splits_at_blanks: bool = False
    """Arguments are words, as in a shell."""
    roots: frozenset[str] = frozenset()
    """First names that may be left out, such as `window`."""
    definers: str = r"def|func|function|fn|fun|sub|class|interface|struct|enum|trait"
    declares_by_type: bool = False
    """A name directly before another one is its type, so that no call stands there."""
    functions: str = ""
    """Regular expression for the head of a function; its body begins behind it."""
    imports: tuple[str, ...] = ()
    """Regular expressions with the groups `path`, `name`, `names`, `alias`."""
    import_words: frozenset[str] = frozenset()
    """Words of which each import has one; empty where there is none that all imports have."""
    outside: tuple[tuple[str, str], ...] = ()
    """Where names are given from outside: a regular expression with the group `name`; or one with
    the group `list` and another, with `name`, for each part of that list."""
    short_call: tuple[str, str] = ("", "")
    """A sign that calls what stands behind it, and the name of the function that it calls."""
    ignores_case: bool = False
    inherits: tuple[str, ...] = ()
    """Languages whose rules hold too."""


LINE = r"//[^\n]*"
BLOCK = r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?"
_INNER_BLOCK = r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)"
NESTED_BLOCK = rf"/\*(?:[^*/]|\*(?!/)|{_INNER_BLOCK}|/)*+(?:\*/)?"
"""A comment that may hold others, as those of Rust do."""
HASH = r"\#[^\n]*"

DQ = Quote('"', '"')
SQ = Quote("'", "'")
CHAR = (r"'(?:\\[^\n]{1,9}?|[^'\\\n]{1,4})'", "'")

C_WORDS = frozenset({"true", "false", "null", "NULL", "nullptr", "nil", "None", "undefined"})
BRACE = (Hole(r"\{", "}"),)
DOLLAR_BRACE = Hole(r"\$\{", "}")
DOLLAR_NAME = Hole(r"\$[A-Za-z_]\w*")
