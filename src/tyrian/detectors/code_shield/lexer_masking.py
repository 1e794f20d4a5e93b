"""What has been read of a text: its masked pieces, its strings and its comments."""

import re
from operator import attrgetter

from tyrian.detectors.code_shield.lexer_patterns import LexerPatterns, heredoc_end, holes_of
from tyrian.detectors.code_shield.syntax import Quote
from tyrian.detectors.code_shield.tokens import Lexed, StringToken, blank, masked

_START = attrgetter("start")


class Masking:
    """A text while it is masked from its beginning to its end."""

    def __init__(self, patterns: LexerPatterns, text: str) -> None:
        self._p = patterns
        self._text = text
        self._last_line_end = text.rfind("\n")
        self._at = 0
        self._done = 0
        self._pieces: list[str] = []
        self._strings: list[StringToken] = []
        self._comments: list[tuple[int, int]] = []
        self._unclosed: tuple[StringToken, Quote] | None = None

    def result(self) -> Lexed:
        """What has been read."""
        self._pieces.append(self._text[self._done :])
        self._strings.sort(key=_START)
        token, quote = self._unclosed or (None, None)
        code = "".join(self._pieces)
        strings, comments = tuple(self._strings), tuple(self._comments)
        return Lexed(self._text, code, strings, comments, token, quote)

    def _mask(self, start: int, end: int, mark: str) -> None:
        self._pieces += self._text[self._done : start], masked(self._text[start:end], mark)
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

    def _prefixed(self, start: int) -> int:
        """The start of a string with the letters directly before it."""
        text, prefixes = self._text, self._p.prefixes
        first = start
        while first and start - first < 2 and text[first - 1] in prefixes:
            first -= 1
        return start if first and (text[first - 1].isalnum() or text[first - 1] == "_") else first

    def _blank_to(self, place: int) -> None:
        self._pieces.append(blank(self._text[self._done : place]))
        self._done = place

    def _keep_to(self, place: int) -> None:
        self._pieces.append(self._text[self._done : place])
        self._done = place

    def _heredoc(self, match: re.Match[str]) -> None:
        """A heredoc: the rest of its line is code, its body is a string up to the tag."""
        text = self._text
        if match.end() > self._last_line_end:  # a search to the end for each would be quadratic
            self._at = match.end()
            return
        line_end = text.find("\n", match.end())
        close = heredoc_end(text, line_end, match["tag"])
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
            for match in holes_of(self._p.syntax).finditer(text, start, end):
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


def end_of(opening: re.Pattern[str], piece: str) -> int:
    """Where the opening ends with which a piece begins."""
    match = opening.match(piece)
    return match.end() if match else 0


def _body_start(text: str, start: int, opening: "re.Pattern[str] | str") -> int:
    if isinstance(opening, str):
        return text.index(opening, start) + len(opening)
    match = opening.match(text, start)
    return match.end() if match else start
