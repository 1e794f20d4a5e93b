"""Judges code while it is written: findings come with the line that completes them."""

import re

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.engine import CodeFinding, Engine, with_offset
from tyrian.detectors.code_shield.fences import Block, blocks_of
from tyrian.detectors.code_shield.reading import read_code
from tyrian.detectors.code_shield.rule import Profile

_LONGEST_BLOCK = 10_000
"""Characters of an open block that are read again; beyond, a window from a boundary in it."""
_WINDOW = 4_000


_DOCUMENT = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})[ \t]*(?:markdown|mdx?|rst)\b", re.MULTILINE)
_LONGEST_DOCUMENT = 40_000
_ANYTHING = "\x00"
"""Stands for what follows, so that a fence that has just opened is seen as open."""


class CodeStream:
    """One streamed text. The block that is open is read again whenever a line of it ends.

    `feed` and `close` give each finding once, as soon as its code is there; places count from the
    beginning of the text. Text outside of fences is not judged before `close`.
    """

    def __init__(self, engine: Engine, profile: Profile = Profile.WARN) -> None:
        self._engine = engine
        self._profile = profile
        self._text = ""
        self._base = 0
        """How much before `_text` needs no further look."""
        self._fence = ""
        """The fence of the open block, where its line has been let go."""
        self._seen: set[tuple[str, int]] = set()
        self.coverage = 1.0
        """The least share of a block that was judged."""

    def feed(self, text: str) -> tuple[CodeFinding, ...]:
        """Take the next piece; what it has completed."""
        self._text += text
        if "\n" not in text:
            return ()
        return self._judge(self._text.rfind("\n") + 1)

    def close(self) -> tuple[CodeFinding, ...]:
        """The text is complete: what its last line has completed."""
        return self._judge(len(self._text))

    def _judge(self, end: int) -> tuple[CodeFinding, ...]:
        shift = self._base - len(self._fence)
        text = self._fence + self._text[:end]
        found: list[CodeFinding] = []
        for block in blocks_of(text):
            found += self._of_block(text, block, shift)
        self._let_go(text)
        return tuple(found)

    def _of_block(self, text: str, block: Block, shift: int) -> list[CodeFinding]:
        fresh = []
        for piece in read_code(text[block.start : block.end], block.tag, block.start):
            scan = self._engine.scan(
                piece.code, piece.language, self._profile, budget=Budget().start()
            )
            self.coverage = min(self.coverage, scan.coverage)
            for found in scan.findings:
                placed = with_offset(found, piece.start + shift)
                key = (found.rule.id, placed.start)
                if key not in self._seen:
                    self._seen.add(key)
                    fresh.append(placed)
        return fresh

    def _let_go(self, text: str) -> None:
        """Forget what is settled: all before the open block, or before its last boundary."""
        if _DOCUMENT.search(text) and len(text) < _LONGEST_DOCUMENT:
            # A document in a fence goes on around the blocks that stand in it.
            return
        blocks = blocks_of(text + _ANYTHING)
        last = blocks[-1] if blocks else None
        if last is None or last.is_closed:
            keep, fence = len(text), ""
        elif last.end - last.start > _LONGEST_BLOCK:
            keep = _boundary(text, last.end - _WINDOW, last.start)
            fence = text[last.open_at : last.start]
        else:
            keep, fence = last.open_at, ""
        gone = keep - len(self._fence)
        if gone > 0:
            self._text = self._text[gone:]
            self._base += gone
            self._fence = fence


def _boundary(text: str, about: int, least: int) -> int:
    """The start of a line near `about` at which nothing is open: it is not indented."""
    at = text.rfind("\n", least, about)
    for _ in range(400):
        if at < 0:
            break
        if text[at + 1 : at + 2] not in ("", " ", "\t", "}", ")", "]", "\n"):
            return at + 1
        at = text.rfind("\n", least, at)
    return text.rfind("\n", least, about) + 1 or least
