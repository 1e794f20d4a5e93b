"""Where functions begin and end in masked code."""

import re
from collections.abc import Callable

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.syntax import Syntax

Span = tuple[int, int]

_MADE = re.compile(r"\bnew\s+[\w.<>,\[\] ]{1,80}\Z")
"""Before the arguments of a constructor; braces behind them fill what it makes."""
_CONTROL = frozenset({"if", "for", "while", "switch", "catch", "foreach", "using", "with", "else"})


def spans_of(
    syntax: Syntax,
    code: str,
    data: bytes,
    opening_of: Callable[[int], int],
    close_of: Callable[[int], int],
    budget: Budget,
) -> list[Span]:
    """The functions of a text by their start, `budget.most_functions` at most.

    `data` is the text as bytes, which are as many as its characters.
    """
    if not syntax.functions:
        return []
    spans: list[Span] = []
    for match in compiled(syntax.functions).finditer(data):
        budget.spend(1)
        if len(spans) >= budget.most_functions:
            break
        start, end = match.span()
        if syntax.is_indented and syntax.name != "shell":
            span: Span | None = _indented(code, start)
        else:
            span = _braced(code, (start, end), opening_of, close_of)
        if span is not None:
            spans.append(span)
    return sorted(spans)


def _indented(code: str, start: int) -> Span:
    head = code.find("\n", start)
    if head < 0:
        return start, len(code)
    first = code[start : start + 200]
    indent = len(first) - len(first.lstrip(" \t"))
    stop = re.compile(rf"\n[ \t]{{0,{indent}}}(?=[^\s)\]}}#])").search(code, head)
    return start, stop.start() if stop else len(code)


def _braced(
    code: str,
    head: Span,
    opening_of: Callable[[int], int],
    close_of: Callable[[int], int],
) -> Span | None:
    start, end = head
    brace = end - 1 if code[end - 1] == "{" else code.find("{", end)
    if brace < 0 or brace - end > 400:
        return None
    if code[start] == ")":
        opening = opening_of(start)
        word = word_before(code, opening)
        if word in _CONTROL or _MADE.search(code, max(0, opening - 100), max(0, opening)):
            return None
        start = opening if opening >= 0 else start
    elif ";" in code[end:brace]:
        return None
    return start, close_of(brace) + 1


def word_before(code: str, place: int) -> str:
    """The word that ends directly before `place`, blanks aside; empty where none does."""
    head = code[max(0, place - 40) : max(0, place)].rstrip()
    end = len(head)
    while end and (head[end - 1].isalnum() or head[end - 1] in "_$"):
        end -= 1
    return head[end:]


def stripped(code: str, start: int, end: int) -> Span:
    """The span without blanks at its ends."""
    piece = code[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
