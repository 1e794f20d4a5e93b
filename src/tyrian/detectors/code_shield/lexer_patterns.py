"""What the lexer looks for in a language: one expression for all that masks code."""

import re
from functools import lru_cache
from typing import NamedTuple

from tyrian.detectors.code_shield.syntax import Quote, Syntax


class LexerPatterns(NamedTuple):
    """The expressions of one language, and what their groups mean."""

    code: re.Pattern[str]
    nested: str
    """As `code`, and braces, brackets and line ends too: for expressions inside strings."""
    inner: dict[str, str]
    """Of each string with holes: escape, hole, end."""
    prefixes: frozenset[str]
    quotes: dict[str, Quote]
    marks: dict[str, str]
    closes: dict[str, list[str]]
    kinds: dict[str, "TokenKind"]
    """What each group of the master pattern means."""
    opens: dict[str, "re.Pattern[str] | str"]
    """What stands before a string's body; text where the body begins behind its first place."""
    syntax: Syntax


class TokenKind(NamedTuple):
    """What a group of the master pattern has matched: a comment where there is no mark."""

    quote: Quote | None = None
    mark: str = ""
    is_opening: bool = False
    opening: "re.Pattern[str] | str" = ""


@lru_cache(maxsize=256)
def compiled_pattern(expression: str) -> re.Pattern[str]:
    """The expression, compiled when a text first needs it: few have expressions inside strings."""
    return re.compile(expression, re.MULTILINE)


@lru_cache(maxsize=64)
def patterns_of(syntax: Syntax) -> LexerPatterns:
    """The expressions of a language, compiled once."""
    parts: list[str] = []
    quotes: dict[str, Quote] = {}
    marks: dict[str, str] = {}
    inner: dict[str, str] = {}
    closes: dict[str, list[str]] = {}
    if syntax.heredoc:
        parts.append(f"(?P<heredoc>{syntax.heredoc})")
    parts += [f"(?P<c{i}>{comment})" for i, comment in enumerate(syntax.comments)]
    for i, (literal, mark) in enumerate(syntax.literals):
        parts.append(f"(?P<l{i}>{literal})")
        marks[f"l{i}"] = mark
    for i, quote in enumerate(syntax.quotes):
        key = f"q{i}"
        quotes[key] = quotes[f"o{i}"] = quote
        marks[key] = quote.mark
        if quote.holes:
            closed = f"(?P<{key}>{quote.open}{_body(quote)}{re.escape(quote.close)})"
            parts += [closed, f"(?P<o{i}>{quote.open})"]
            inner[f"o{i}"] = _inner(quote)
            closes[f"o{i}"] = [hole.close for hole in quote.holes]
        else:
            parts.append(f"(?P<{key}>{quote.open}{_body(quote)}(?:{re.escape(quote.close)})?)")
    master = "|".join(parts) or r"(?!)"
    nested = rf"{master}|(?P<up>[({{\[])|(?P<down>[)}}\]])|(?P<line>\n)"
    return LexerPatterns(
        compiled_pattern(_from_stop_to_stop(master, syntax.stops)),
        _from_stop_to_stop(nested, syntax.stops + "(){}[]\n"),
        inner,
        frozenset(syntax.prefixes),
        quotes,
        marks,
        closes,
        _kinds(syntax),
        {quote.open: _opening(quote) for quote in syntax.quotes},
        syntax,
    )


def _from_stop_to_stop(tokens: str, stops: str) -> str:
    """Runs up to where a token may begin, which is far quicker than a look at every character."""
    return rf"[^{re.escape(stops)}]*+(?:{tokens}|[\s\S]|\Z)"


def _kinds(syntax: Syntax) -> dict[str, TokenKind]:
    kinds = {f"c{i}": TokenKind() for i in range(len(syntax.comments))}
    kinds |= {f"l{i}": TokenKind(mark=mark) for i, (_, mark) in enumerate(syntax.literals)}
    kinds["heredoc"] = TokenKind(is_opening=True)
    for i, quote in enumerate(syntax.quotes):
        kinds[f"q{i}"] = TokenKind(quote, quote.mark, opening=_opening(quote))
        kinds[f"o{i}"] = TokenKind(quote, quote.mark, is_opening=True)
    return kinds


def _opening(quote: Quote) -> "re.Pattern[str] | str":
    plain = re.escape(quote.close)
    return quote.close if quote.open.endswith(plain) else re.compile(quote.open)


def _body(quote: Quote) -> str:
    """The body of a string without holes, as far as it goes without one."""
    close = quote.close
    edge = re.escape(close[0])
    line = "" if quote.is_multiline else r"\n"
    others: list[str] = []
    escape = ""
    if quote.escape == "\\":
        escape = r"\\"
        # A hole that begins with a backslash is not an escape.
        others.append(r"\\[^(]" if "\\" in quote.leads else r"\\[\s\S]")
    elif quote.escape == "double":
        others.append(re.escape(close + close))
    if len(close) > 1:
        others.append(f"{edge}(?!{re.escape(close[1:])})")
    leads = "".join(re.escape(c) for c in quote.leads if c != "\\")
    plain = f"[^{edge}{escape}{line}{leads}]*+"
    return f"{plain}(?:(?:{'|'.join(others)}){plain})*+" if others else plain


def _inner(quote: Quote) -> str:
    parts = []
    if quote.escape == "\\" and "\\" not in quote.leads:
        parts.append(r"(?P<esc>\\[\s\S])")
    elif quote.escape == "double":
        parts.append(f"(?P<esc>{re.escape(quote.close * 2)})")
    if "{" in quote.leads and "$" not in quote.leads and "#" not in quote.leads:
        parts.append(r"(?P<esc2>\{\{|\}\})")
    parts += [f"(?P<h{i}>{hole.open})" for i, hole in enumerate(quote.holes)]
    if quote.escape == "\\" and "\\" in quote.leads:
        parts.append(r"(?P<esc>\\[\s\S])")
    parts.append(f"(?P<end>{re.escape(quote.close)})")
    if not quote.is_multiline:
        parts.append(r"(?P<line>\n)")
    return "|".join(parts)


@lru_cache(maxsize=16)
def holes_of(syntax: Syntax) -> re.Pattern[str]:
    """The expressions within a heredoc, whole."""
    whole = []
    for hole in syntax.heredoc_holes:
        ends = {"}": r"[^}\n]{0,400}\}", ")": r"[^)\n]{0,400}\)"}
        whole.append(hole.open + ends.get(hole.close, ""))
    return re.compile("|".join(whole))


def heredoc_end(text: str, start: int, tag: str) -> tuple[int, int]:
    """Where the body ends, and where the tag behind it does; the end of the text else."""
    at = start + 1
    size = len(text)
    while at <= size:
        end = text.find("\n", at)
        end = size if end < 0 else end
        line = text[at:end].strip()
        if line.startswith(tag) and not (line[len(tag) :][:1].isalnum()):
            return at, text.find(tag, at) + len(tag)
        at = end + 1
    return size, size
