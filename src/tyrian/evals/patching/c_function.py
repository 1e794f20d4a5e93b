"""Functions in C and C++ source: the one around a line, its name, and another in its place.

Braces are matched outside of comments, literals and preprocessor lines; nothing is parsed further.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    r"|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*|[{};]",
    re.DOTALL | re.MULTILINE,
)
_CONTROL = re.compile(r"(?:if|for|while|switch|else|do|try|catch)\b")
_ASIDE = re.compile(r"//[^\n]*|/\*.*?\*/|__attribute__\s*\(\(.*?\)\)", re.DOTALL)
_NAME = re.compile(r"([A-Za-z_~][\w~]*)\s*\(")


@dataclass(frozen=True, slots=True)
class Function:
    """A function in a text: its name, and where it begins and ends."""

    name: str
    start: int
    end: int


def functions_in(source: str) -> Iterator[Function]:
    """All functions of a text, outer ones before what lies in them."""
    opened: list[tuple[int, int]] = []
    found: list[Function] = []
    head = 0
    for token in _TOKEN.finditer(source):
        sign = token.group()
        if sign == "{":
            opened.append((head, token.start()))
        elif sign == "}" and opened:
            start, brace = opened.pop()
            if (name := _named(source[start:brace])) is not None:
                begins = start + len(source[start:brace]) - len(source[start:brace].lstrip())
                found.append(Function(name, begins, token.end()))
        if sign in ("{", "}", ";") or sign.lstrip().startswith("#"):
            head = token.end()
    yield from sorted(found, key=lambda one: (one.start, -one.end))


def _named(head: str) -> str | None:
    plain = _ASIDE.sub(" ", head).strip()
    name = _NAME.search(plain)
    return None if name is None or _CONTROL.match(plain) else name[1]


def function_at(source: str, line: int) -> Function | None:
    """The outermost function around a line (from 1)."""
    at = 0
    for _ in range(line - 1):
        at = source.find("\n", at) + 1
        if at == 0:
            return None
    end = source.find("\n", at)
    end = len(source) if end < 0 else end
    return next((f for f in functions_in(source) if f.start <= end and at < f.end), None)


def name_in(text: str) -> str:
    """The name of the first function of a text; empty where there is none."""
    return next((one.name for one in functions_in(text)), "")
