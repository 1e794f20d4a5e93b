"""Names given from outside: parameters of handlers, and fields taken from a request."""

import re
from collections.abc import Iterator
from functools import lru_cache

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.syntax import Syntax

_MOST_HEADS = 200
"""Handlers of one text that are looked at."""
_OPEN = frozenset("([{<")
_CLOSE = frozenset(")]}>")


def names_outside(syntax: Syntax, code: str, budget: Budget) -> Iterator[tuple[str, int]]:
    """Each such name with its place in the masked code of a text."""
    for head, parameter in _patterns(syntax):
        for count, match in enumerate(head.finditer(code)):
            if count >= _MOST_HEADS or not budget.spend(2):
                return
            if parameter is None:
                yield match["name"], match.start("name")
                continue
            at = match.start("list")
            for piece in _pieces(match["list"]):
                one = parameter.match(piece)
                if one is not None:
                    yield one["name"], at


def _pieces(text: str) -> Iterator[str]:
    """The parts of a list, whose own brackets keep their commas."""
    depth = start = 0
    for at, char in enumerate(text):
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif char == "," and depth <= 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


@lru_cache(maxsize=32)
def _patterns(syntax: Syntax) -> tuple[tuple[re.Pattern[str], re.Pattern[str] | None], ...]:
    return tuple(
        (re.compile(head, re.MULTILINE), re.compile(parameter) if parameter else None)
        for head, parameter in syntax.outside
    )
