"""One lexer for all languages: masks comments and strings, and keeps every offset.

The master pattern of a language matches a comment, a literal or the opening of a string; whatever
it has matched is never read again, so the time is linear in the text, whatever the text is.
"""

import re

from tyrian.detectors.code_shield.lexer_masking import Masking, end_of
from tyrian.detectors.code_shield.lexer_patterns import (
    LexerPatterns,
    compiled_pattern,
    patterns_of,
)
from tyrian.detectors.code_shield.syntax import Quote, Syntax
from tyrian.detectors.code_shield.tokens import Lexed, StringToken, blank, masked

_DEEPEST = 12
"""Strings within expressions within strings that are told apart."""


def lex(syntax: Syntax, text: str, inside: Quote | None = None) -> Lexed:
    """Mask `text`; with `inside` the text is taken to begin within a string of that kind."""
    run = _Run(patterns_of(syntax), text)
    if inside is not None:
        run.skip_to_close(inside)
    elif syntax.page_open:
        run.skip_page(syntax.page_open)
    run.code_until_end()
    return run.result()


class _Open:
    """A string that has begun; expressions inside it suspend it."""

    __slots__ = ("body_start", "depth", "has_holes", "key", "quote", "start")

    def __init__(self, key: str, quote: Quote, start: int, body_start: int) -> None:
        self.key = key
        self.quote = quote
        self.start = start
        self.body_start = body_start
        self.depth = 0
        """Brackets that are open in the expression inside it."""
        self.has_holes = False


class _Run(Masking):
    """One pass over one text."""

    def __init__(self, patterns: LexerPatterns, text: str) -> None:
        super().__init__(patterns, text)
        self._stack: list[_Open] = []

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
            quote, mark, is_opening, opening = kinds[group]
            if prefixes and mark == '"' and text[start - 1 : start] in prefixes:
                start = self._prefixed(start)
            if is_opening:
                self._done = done
                self._open(match, start)
                return
            piece = text[start:end]
            if done != start:
                pieces.append(text[done:start])
            done = end
            if quote is None:
                if mark:
                    pieces.append(masked(piece, mark))
                    strings.append(StringToken(start, end, start + 1, max(start + 1, end - 1)))
                else:
                    pieces.append(blank(piece))
                    self._comments.append((start, end))
                continue
            pieces.append(masked(piece, mark))
            close = quote.close
            if isinstance(opening, str):
                body = start + piece.index(opening) + len(opening)
            else:
                body = start + end_of(opening, piece)
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

    def _begin(self, key: str, start: int, end: int) -> None:
        quote = self._p.quotes[key]
        self._pieces += self._text[self._done : start], quote.mark, " " * (end - start - 1)
        self._done = self._at = end
        self._stack.append(_Open(key, quote, start, end))

    def _string(self) -> None:
        """Read the body of the innermost string up to its end or to an expression."""
        top = self._stack[-1]
        for match in compiled_pattern(self._p.inner[top.key]).finditer(self._text, self._at):
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
        for match in compiled_pattern(self._p.nested).finditer(self._text, self._at):
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


def _may_nest(syntax: Syntax) -> bool:
    """Whether a quote inside `${...}` opens a string of its own."""
    return not syntax.is_indented or syntax.name in ("ruby", "shell")
