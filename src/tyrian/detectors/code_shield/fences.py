"""Code in markdown: fenced blocks, nested, indented, quoted, and the last one without an end."""

import re
from typing import NamedTuple

from tyrian.detectors.code_shield.languages import TAGS

_FENCE = re.compile(
    r"^(?P<lead>[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?)"
    r"(?P<mark>`{3,}+|~{3,}+)(?P<info>[^\n`]*)$",
    re.MULTILINE,
)
_TAG = re.compile(r"[ \t]*\{?[ \t]*\.?([A-Za-z][\w+#-]*)?")
_QUOTED = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_PROSE = frozenset({"markdown", "md", "mdx", "rst", "asciidoc"})
"""Blocks of these hold blocks of their own, and no code besides."""


class Block(NamedTuple):
    """A fenced block: where its code stands in the text, and what its fence says."""

    start: int
    end: int
    tag: str
    is_closed: bool = True
    is_quoted: bool = False
    """Each line begins with the `>` of a quotation."""
    open_at: int = 0
    """Where the line with its opening fence begins."""


class _Open:
    """A fence that has not been closed."""

    __slots__ = ("at", "is_quoted", "mark", "start", "tag")

    def __init__(self, mark: str, tag: str, start: int, at: int, *, is_quoted: bool) -> None:
        self.mark = mark
        self.tag = tag
        self.start = start
        self.at = at
        self.is_quoted = is_quoted


def blocks_of(text: str) -> list[Block]:
    """The blocks of a text in order; a block inside another one comes as a block of its own."""
    if "```" not in text and "~~~" not in text:
        return []
    found: list[Block] = []
    stack: list[_Open] = []
    for match in _FENCE.finditer(text):
        mark, info = match["mark"], match["info"].strip()
        top = stack[-1] if stack else None
        if top is not None and _closes(top, mark, info):
            _end(found, stack.pop(), match.start(), is_closed=True)
            if stack:
                stack[-1].start = match.end() + 1
            continue
        if top is not None and not _opens(top, mark, info):
            continue
        if top is not None:
            _end(found, top, match.start(), is_closed=top.tag not in _PROSE)
            if top.tag not in _PROSE:
                stack.pop()
        stack.append(_opened(match, info))
    for top in stack:
        if top.start <= len(text):
            _end(found, top, len(text), is_closed=False)
    found.sort(key=lambda block: block.start)
    return found


def _opened(match: re.Match[str], info: str) -> _Open:
    tag = _TAG.match(info)
    name = (tag[1] or "").lower() if tag else ""
    is_quoted = ">" in match["lead"]
    return _Open(match["mark"], name, match.end() + 1, match.start(), is_quoted=is_quoted)


def _closes(top: _Open, mark: str, info: str) -> bool:
    return not info and mark[0] == top.mark[0] and len(mark) >= len(top.mark)


def _opens(top: _Open, mark: str, info: str) -> bool:
    """A fence inside a block: nested in prose, or after a block whose end was forgotten."""
    if top.tag in _PROSE:
        return True
    if mark[0] != top.mark[0] or len(mark) < len(top.mark):
        return False
    tag = _TAG.match(info)
    return bool(tag and tag[1] and tag[1].lower() in TAGS)


def _end(found: list[Block], top: _Open, end: int, *, is_closed: bool) -> None:
    if top.tag not in _PROSE and end > top.start:
        found.append(Block(top.start, end, top.tag, is_closed, top.is_quoted, top.at))


def unquoted(code: str) -> str:
    """The code with the marks of a quotation blank; offsets stay."""
    return _QUOTED.sub(lambda match: " " * len(match[0]), code)
