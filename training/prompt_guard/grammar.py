"""A small grammar: `[a|b]` is one of several, `{slot}` a line of that slot, `\\n` a line break.

`⟦` and `⟧` stand around what was planted in a larger text.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_SPECIAL = re.compile(r"<\|(\w+)\|>")
_GROUP = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_SLOT = re.compile(r"\{([a-z_]+)\}")
_ESCAPES = (("\\[", "\x03"), ("\\]", "\x04"), ("\\n", "\n"))
_LITERAL = str.maketrans(
    {"\x01": "<|", "\x02": "|>", "\x03": "[", "\x04": "]", "\x05": "{", "\x06": "}"}
)
_TO_LITERAL = str.maketrans({"[": "\x03", "]": "\x04", "{": "\x05", "}": "\x06"})
_DEEPEST = 60
_MARKS = "⟦⟧"
_NO_MARKS = str.maketrans(dict.fromkeys(_MARKS))
_LOOSE_BLANKS = re.compile(r"(?<=\S) +(?= \S)|(?<=\w) +(?=[,.](?:\s|$))")
"""Blanks that an empty alternative leaves behind."""


@dataclass(frozen=True, slots=True)
class Section:
    """Templates under one heading; `kind` and `rows` are empty where it is only a slot."""

    name: str
    kind: str
    rows: int
    lines: tuple[str, ...]


def _protected(line: str) -> str:
    line = _SPECIAL.sub("\x01\\1\x02", line)
    for written, meant in _ESCAPES:
        line = line.replace(written, meant)
    return line


def literal(text: str) -> str:
    """A line that expands to exactly this text."""
    return text.translate(_TO_LITERAL)


def parse(text: str) -> dict[str, Section]:
    """The sections of a template file by name; one heading may stand more than once."""
    sections: dict[str, Section] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, *lines = part.splitlines()
        name, kind, rows = [*heading.split(), "", "0"][:3] if " " in heading else (heading, "", "0")
        kept = tuple(_protected(line) for line in lines if line and not line.startswith("# "))
        earlier = sections[name].lines if name in sections else ()
        both = (*earlier, *kept)
        sections[name] = Section(name, kind, _count(rows, len(both)), both)
    return sections


def _count(rows: str, lines: int) -> int:
    """A number of rows, or `x2` for each line twice."""
    times, number = rows.startswith("x"), rows.removeprefix("x")
    return int(number) * (lines if times else 1) if number.isdigit() else 0


@cache
def sections_of(name: str) -> Mapping[str, Section]:
    """The sections of one of the template files."""
    place = files("training.prompt_guard").joinpath("templates", name)
    return parse(place.read_text(encoding="utf-8"))


def drawn(lines: Sequence[str], count: int, pick: random.Random) -> list[str]:
    """So many lines in no order, none again before each was there."""
    deck: list[str] = []
    while len(deck) < count:
        deck += pick.sample(lines, len(lines))
    return deck[:count]


def expand(line: str, slots: Mapping[str, Section], pick: random.Random) -> str:
    """One text of a template."""

    def of_group(found: re.Match[str]) -> str:
        options: list[str] = found[1].split("|")
        return pick.choice(options)

    def of_slot(found: re.Match[str]) -> str:
        section = slots.get(found[1])
        return str(found[0]) if section is None else pick.choice(section.lines)

    for _ in range(_DEEPEST):
        before = line
        line = _GROUP.sub(of_group, line)
        if not _GROUP.search(line):
            line = _SLOT.sub(of_slot, line)
        if line == before:
            break
    return _LOOSE_BLANKS.sub("", line).translate(_LITERAL).strip()


def marked(text: str) -> str:
    """The text as something that is planted in a larger one."""
    return text.join(_MARKS)


def unmarked(text: str) -> tuple[str, tuple[int, int] | None]:
    """The text without marks, and from where to where it had them."""
    before, opened, rest = text.partition(_MARKS[0])
    inside, closed, _ = rest.partition(_MARKS[1])
    start, length = (len(part.translate(_NO_MARKS)) for part in (before, inside))
    focus = (start, start + length) if opened and closed else None
    return text.translate(_NO_MARKS), focus
