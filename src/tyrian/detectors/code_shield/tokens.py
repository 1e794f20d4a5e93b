"""A text with its comments and strings masked."""

import re
from typing import NamedTuple

from tyrian.detectors.code_shield.syntax import Quote

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


def masked(piece: str, mark: str) -> str:
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
