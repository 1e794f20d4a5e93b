"""One lexer for all languages: masks comments and strings, and keeps every offset.

The master pattern of a language matches a comment, a literal or the opening of a string; whatever
it has matched is never read again, so the time is linear in the text, whatever the text is.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tyrian.detectors.code_shield.syntax import Quote, Syntax

_DEEPEST = 12
"""Strings within expressions within strings that are told apart."""
_BODY_CHAR = re.compile(r"[^\n]")


class StringToken(NamedTuple):
    """A literal in the text: the whole, its body, and whether expressions stand inside it."""

    start: int
    end: int
    body_start: int
    body_end: int
    has_holes: bool = False
    is_closed: bool = True


class Lexed(NamedTuple):
    """A text with its comments and strings masked; offsets are those of the text."""

    text: str
    code: str
    """Comments are blank, strings are their two marks with blanks and expressions in between."""
    strings: tuple[StringToken, ...]
    comments: tuple[tuple[int, int], ...]
    unclosed: StringToken | None
    """The first string that the end of its line or of the text had to close."""
    unclosed_quote: Quote | None

    def plain(self) -> str:
        """The text with its comments blank and its strings as written."""
        if not self.comments:
            return self.text
        pieces: list[str] = []
        at = 0
        for start, end in self.comments:
            pieces += self.text[at:start], blank(self.text[start:end])
            at = end
        pieces.append(self.text[at:])
        return "".join(pieces)


_SHORT = {
    mark: [mark * n if n < 2 else mark + " " * (n - 2) + mark for n in range(80)]
    for mark in "\"'`/;"
}


def _masked(piece: str, mark: str) -> str:
    """The marks of a literal with blanks in between."""
    size = len(piece)
    if "\n" not in piece:
        return _SHORT[mark][size] if size < 80 else f"{mark}{' ' * (size - 2)}{mark}"
    if size < 2:
        return piece
    return mark + blank(piece[1:-1]) + ("\n" if piece[-1] == "\n" else mark)


def blank(piece: str) -> str:
    """Blanks of the same length, on the same lines."""
    return " " * len(piece) if "\n" not in piece else _BODY_CHAR.sub(" ", piece)


def lex(syntax: Syntax, text: str, inside: Quote | None = None) -> Lexed:
    """Mask `text`; with `inside` the text is taken to begin within a string of that kind."""
    run = _Run(_patterns(syntax), text)
    if inside is not None:
        run.skip_to_close(inside)
    elif syntax.page_open:
        run.skip_page(syntax.page_open)
    run.code_until_end()
    return run.result()


class _Patterns(NamedTuple):
    code: re.Pattern[str]
    nested: re.Pattern[str]
    """As `code`, and braces, brackets and line ends too: for expressions inside strings."""
    inner: dict[str, re.Pattern[str]]
    """Of each string with holes: escape, hole, end."""
    prefixes: frozenset[str]
    quotes: dict[str, Quote]
    marks: dict[str, str]
    closes: dict[str, list[str]]
    kinds: dict[str, "_Kind"]
    """What each group of the master pattern means."""
    opens: dict[str, "re.Pattern[str] | str"]
    """What stands before a string's body; text where the body begins behind its first place."""
    syntax: Syntax


class _Kind(NamedTuple):
    """What a group of the master pattern has matched: a comment where there is no mark."""

    quote: Quote | None = None
    mark: str = ""
    is_opening: bool = False
    opening: "re.Pattern[str] | str" = ""


@lru_cache(maxsize=64)
def _patterns(syntax: Syntax) -> _Patterns:
    parts: list[str] = []
    quotes: dict[str, Quote] = {}
    marks: dict[str, str] = {}
    inner: dict[str, re.Pattern[str]] = {}
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
    return _Patterns(
        _from_stop_to_stop(master, syntax.stops),
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


def _from_stop_to_stop(tokens: str, stops: str) -> re.Pattern[str]:
    """Runs up to where a token may begin, which is far quicker than a look at every character."""
    return re.compile(rf"[^{re.escape(stops)}]*+(?:{tokens}|[\s\S]|\Z)", re.MULTILINE)


def _kinds(syntax: Syntax) -> dict[str, _Kind]:
    kinds = {f"c{i}": _Kind() for i in range(len(syntax.comments))}
    kinds |= {f"l{i}": _Kind(mark=mark) for i, (_, mark) in enumerate(syntax.literals)}
    kinds["heredoc"] = _Kind(is_opening=True)
    for i, quote in enumerate(syntax.quotes):
        kinds[f"q{i}"] = _Kind(quote, quote.mark, opening=_opening(quote))
        kinds[f"o{i}"] = _Kind(quote, quote.mark, is_opening=True)
    return kinds


def _opening(quote: Quote) -> "re.Pattern[str] | str":
    plain = re.escape(quote.close)
    return quote.close if quote.open.endswith(plain) else re.compile(quote.open)


def _end_of(opening: re.Pattern[str], piece: str) -> int:
    match = opening.match(piece)
    return match.end() if match else 0


def _body_start(text: str, start: int, opening: "re.Pattern[str] | str") -> int:
    if isinstance(opening, str):
        return text.index(opening, start) + len(opening)
    match = opening.match(text, start)
    return match.end() if match else start


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


def _inner(quote: Quote) -> re.Pattern[str]:
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
    return re.compile("|".join(parts))


@dataclass(slots=True, eq=False, repr=False)
class _Open:
    """A string that has begun; expressions inside it suspend it."""

    key: str
    quote: Quote
    start: int
    body_start: int
    depth: int = 0
    """Brackets that are open in the expression inside it."""
    has_holes: bool = False


class _Run:
    """One pass over one text."""

    def __init__(self, patterns: _Patterns, text: str) -> None:
        self._p = patterns
        self._text = text
        self._at = 0
        self._done = 0
        self._pieces: list[str] = []
        self._strings: list[StringToken] = []
        self._comments: list[tuple[int, int]] = []
        self._unclosed: tuple[StringToken, Quote] | None = None
        self._stack: list[_Open] = []

    def result(self) -> Lexed:
        """What has been read."""
        self._pieces.append(self._text[self._done :])
        self._strings.sort(key=lambda token: token.start)
        token, quote = self._unclosed or (None, None)
        code = "".join(self._pieces)
        strings, comments = tuple(self._strings), tuple(self._comments)
        return Lexed(self._text, code, strings, comments, token, quote)

    def skip_to_close(self, quote: Quote) -> None:
        """The text begins inside such a string: read on behind its end."""
        end = self._text.find(quote.close)
        end = len(self._text) if end < 0 else end + len(quote.close)
        self._mask(0, end, quote.mark)
        self._strings.append(StringToken(0, end, 0, max(0, end - len(quote.close))))
        self._at = end

    def skip_page(self, opening: str) -> None:
        """The text may begin as a page: read on behind where its code begins."""
        match = re.match(opening, self._text)
        if match is not None and match[0].strip():
            start = len(match[0]) - len(match[0].lstrip())
            self._literal(start, match.end(), ";")
            self._at = match.end()

    def code_until_end(self) -> None:
        """Read on to the end of the text."""
        size = len(self._text)
        while self._at < size:
            if not self._stack:
                self._plain_code(size)
            else:
                self._expression()
        while self._stack:
            self._end_string(size, is_closed=False)

    def _plain_code(self, size: int) -> None:
        """Read code up to a string with expressions, a heredoc, or the end."""
        text, kinds = self._text, self._p.kinds
        pieces, strings, done = self._pieces, self._strings, self._done
        prefixes = self._p.prefixes
        # One turn per literal, in the hottest loop of all: nothing is called that can be spared.
        for match in self._p.code.finditer(text, self._at):
            group = match.lastgroup
            if group is None:
                continue
            start, end = match.span(group)
            kind = kinds[group]
            if prefixes and text[start - 1 : start] in prefixes and kind.mark == '"':
                start = self._prefixed(start)
            if kind.is_opening:
                self._done = done
                self._open(match, start)
                return
            piece = text[start:end]
            pieces.append(text[done:start])
            done = end
            quote = kind.quote
            if quote is None:
                if kind.mark:
                    pieces.append(_masked(piece, kind.mark))
                    strings.append(StringToken(start, end, start + 1, max(start + 1, end - 1)))
                else:
                    pieces.append(blank(piece))
                    self._comments.append((start, end))
                continue
            pieces.append(_masked(piece, quote.mark))
            opening, close = kind.opening, quote.close
            if isinstance(opening, str):
                body = start + piece.index(opening) + len(opening)
            else:
                body = start + _end_of(opening, piece)
            close_at = end - len(close)
            if close_at >= body and piece.endswith(close):
                strings.append(StringToken(start, end, body, close_at))
            else:
                self._add(StringToken(start, end, body, end, False, False), quote)
        self._done = done
        self._at = size

    def _open(self, match: re.Match[str], start: int) -> None:
        if match.lastgroup == "heredoc":
            self._heredoc(match)
        else:
            self._begin(match.lastgroup or "", start, match.end())
            self._string()

    def _prefixed(self, start: int) -> int:
        """The start of a string with the letters directly before it."""
        text, prefixes = self._text, self._p.prefixes
        first = start
        while first and start - first < 2 and text[first - 1] in prefixes:
            first -= 1
        return start if first and (text[first - 1].isalnum() or text[first - 1] == "_") else first

    def _mask(self, start: int, end: int, mark: str) -> None:
        self._pieces += self._text[self._done : start], _masked(self._text[start:end], mark)
        self._done = end

    def _comment(self, start: int, end: int) -> None:
        self._pieces += self._text[self._done : start], blank(self._text[start:end])
        self._done = end
        self._comments.append((start, end))

    def _literal(self, start: int, end: int, mark: str) -> None:
        self._mask(start, end, mark)
        self._strings.append(StringToken(start, end, start + 1, max(start + 1, end - 1)))

    def _whole(self, start: int, end: int, quote: Quote) -> None:
        width = len(quote.close)
        body = _body_start(self._text, start, self._p.opens[quote.open])
        is_closed = end - width >= body and self._text.endswith(quote.close, start, end)
        token = StringToken(
            start, end, body, end - width if is_closed else end, is_closed=is_closed
        )
        self._mask(start, end, quote.mark)
        self._add(token, quote)

    def _add(self, token: StringToken, quote: Quote) -> None:
        self._strings.append(token)
        if not token.is_closed and self._unclosed is None:
            self._unclosed = token, quote

    def _begin(self, key: str, start: int, end: int) -> None:
        quote = self._p.quotes[key]
        self._pieces += self._text[self._done : start], quote.mark, " " * (end - start - 1)
        self._done = self._at = end
        self._stack.append(_Open(key, quote, start, end))

    def _string(self) -> None:
        """Read the body of the innermost string up to its end or to an expression."""
        top = self._stack[-1]
        for match in self._p.inner[top.key].finditer(self._text, self._at):
            kind = match.lastgroup or ""
            if kind[0] == "h":
                top.has_holes = True
                self._blank_to(match.start())
                self._at = match.end()
                if self._p.closes[top.key][int(kind[1:])]:
                    top.depth = 1
                    return
                self._keep_to(match.end())
            elif kind == "end":
                self._at = match.end()
                self._end_string(match.end(), is_closed=True)
                return
            elif kind == "line":
                self._at = match.start()
                self._end_string(match.start(), is_closed=False)
                return
        self._at = len(self._text)

    def _blank_to(self, place: int) -> None:
        self._pieces.append(blank(self._text[self._done : place]))
        self._done = place

    def _keep_to(self, place: int) -> None:
        self._pieces.append(self._text[self._done : place])
        self._done = place

    def _end_string(self, end: int, *, is_closed: bool) -> None:
        top = self._stack.pop()
        width = len(top.quote.close) if is_closed else 0
        body_end = end - width
        if top.depth:
            self._keep_to(end)
        elif end > self._done:
            self._blank_to(end - 1)
            self._pieces.append(top.quote.mark if self._text[end - 1] != "\n" else "\n")
            self._done = end
        token = StringToken(top.start, end, top.body_start, body_end, top.has_holes, is_closed)
        self._add(token, top.quote)

    def _expression(self) -> None:
        """Read the code inside a string until its bracket closes."""
        top = self._stack[-1]
        if not top.depth:
            self._string()
            return
        for match in self._p.nested.finditer(self._text, self._at):
            kind = match.lastgroup
            if kind is None:
                continue
            self._at = match.end()
            if kind == "up":
                top.depth += 1
            elif kind == "down":
                top.depth -= 1
                if not top.depth:
                    self._keep_to(match.end())
                    return
            elif kind == "line":
                if not top.quote.is_multiline:
                    # The bracket was never closed: the line ends the string too.
                    self._at = match.start(kind)
                    self._end_string(match.start(kind), is_closed=False)
                    return
            elif self._inside(kind, match, top):
                return
        self._at = len(self._text)

    def _inside(self, kind: str, match: re.Match[str], top: _Open) -> bool:
        """Take a literal within an expression; True where the mode has changed."""
        start, end = match.span(kind)
        first = kind[0]
        if first in "qo" and not top.quote.is_multiline and self._p.quotes[kind] is top.quote:
            is_same = match[kind].startswith(top.quote.close)
            if is_same and not _may_nest(self._p.syntax):
                self._keep_to(start)
                top.depth = 0
                self._at = start + len(top.quote.close)
                self._end_string(self._at, is_closed=True)
                return True
        if first == "o" and len(self._stack) < _DEEPEST:
            self._begin(kind, start, end)
            self._string()
            return True
        if first == "c":
            self._at = start + 1
            return True
        if first == "q":
            self._whole(start, end, self._p.quotes[kind])
        elif first == "l":
            self._literal(start, end, self._p.marks[kind])
        return False

    def _heredoc(self, match: re.Match[str]) -> None:
        """A heredoc: the rest of its line is code, its body is a string up to the tag."""
        text = self._text
        line_end = text.find("\n", match.end())
        if line_end < 0:
            self._at = match.end()
            return
        close = _heredoc_end(text, line_end, match["tag"])
        for inner in self._p.code.finditer(text, match.end(), line_end):
            kind = inner.lastgroup
            if kind is None:
                continue
            if kind[0] == "c":
                self._comment(*inner.span(kind))
            elif kind[0] in "ql":
                self._literal(*inner.span(kind), self._p.marks[kind])
        body, end = line_end + 1, close[0]
        self._keep_to(body)
        self._heredoc_body(body, end, is_raw=bool(match["raw"]))
        self._at = close[1]

    def _heredoc_body(self, start: int, end: int, *, is_raw: bool) -> None:
        text = self._text
        pieces: list[str] = []
        at = start
        has_holes = False
        if not is_raw and self._p.syntax.heredoc_holes:
            for match in _holes(self._p.syntax).finditer(text, start, end):
                has_holes = True
                pieces += blank(text[at : match.start()]), match[0]
                at = match.end()
        pieces.append(blank(text[at:end]))
        body = "".join(pieces)
        # Its marks take the place of blanks only: a line's end or an expression stays.
        first = '"' if body[:1] == " " else body[:1]
        last = '"' if body[-1:] == " " else body[-1:]
        if len(body) >= 2:
            body = first + body[1:-1] + last
        self._pieces.append(body)
        self._done = end
        self._strings.append(StringToken(start, end, start, end, has_holes))


@lru_cache(maxsize=16)
def _holes(syntax: Syntax) -> re.Pattern[str]:
    whole = []
    for hole in syntax.heredoc_holes:
        ends = {"}": r"[^}\n]{0,400}\}", ")": r"[^)\n]{0,400}\)"}
        whole.append(hole.open + ends.get(hole.close, ""))
    return re.compile("|".join(whole))


def _heredoc_end(text: str, start: int, tag: str) -> tuple[int, int]:
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


def _may_nest(syntax: Syntax) -> bool:
    """Whether a quote inside `${...}` opens a string of its own."""
    return not syntax.is_indented or syntax.name in ("ruby", "shell")
