"""Reads runs of digits: cards and national ids, each group looked at once.

A run is a row of digit groups with a few separators between two. The shapes of all numbers lie in
one tree, so that hostile runs of any length cost a constant per group.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tyrian.core.detection import Severity
from tyrian.detectors.pii.cards import is_card
from tyrian.detectors.pii.context import Context
from tyrian.detectors.pii.hit import CARD, NATIONAL_ID, Hit
from tyrian.detectors.pii.national import NationalId

Judge = Callable[[str, int, int, Context], Hit | None]
"""A judge of `text[start:end]`, whose shape fits."""

_GROUP = re.compile(r"[0-9]+")
_SHAPE_PART = re.compile(r"(\d+)([ ./-]?)")

_CARD_SHAPES = (
    *(str(size) for size in range(12, 20)),
    *(f"4{s}4{s}4{s}{last}" for s in " -." for last in (1, 2, 3, 4)),
    *(f"4{s}4{s}4{s}4{s}{last}" for s in " -." for last in (1, 2, 3)),
    *(f"4{s}6{s}{last}" for s in " -." for last in (4, 5)),
    *(f"4{s}3{s}3{s}3" for s in " -."),
)


@dataclass(slots=True)
class _Node:
    next: dict[tuple[int, str], "_Node"] = field(default_factory=dict)
    """By length of the group and the separator behind it."""
    ends: dict[int, list[Judge]] = field(default_factory=dict)
    """Judges by length of the last group."""


def _card(text: str, start: int, end: int, _context: Context) -> Hit | None:
    # Plain searches: a card costs less than a microsecond to refuse.
    digits = text[start:end].replace(" ", "").replace("-", "").replace(".", "")
    if not is_card(digits):
        return None
    return Hit(start, end, CARD, "pii.card", "payment card number", 0.95, Severity.HIGH)


def national_hit(number: NationalId, text: str, start: int, end: int) -> Hit | None:
    """The hit, if the number's own check accepts the value."""
    if not number.validate(text[start:end]):
        return None
    rule = f"pii.{NATIONAL_ID}.{number.name}"
    return Hit(start, end, NATIONAL_ID, rule, number.what, number.score, Severity.HIGH)


def _strong(number: NationalId) -> Judge:
    return lambda text, start, end, _context: national_hit(number, text, start, end)


def _weak(number: NationalId) -> Judge:
    def judge(text: str, start: int, end: int, context: Context) -> Hit | None:
        if not context.is_near(number.name, start, end):
            return None
        return national_hit(number, text, start, end)

    return judge


class NumberReader:
    """The tree of shapes of the numbers that are looked for."""

    def __init__(self, *, cards: bool, national_ids: Iterable[NationalId]) -> None:
        self._root = _Node()
        if cards:
            for shape in _CARD_SHAPES:
                self._add(shape, _card)
        for number in national_ids:
            for shape in number.strong:
                self._add(shape, _strong(number))
            for shape in number.shapes:
                self._add(shape, _weak(number))
        begins = _pattern(self._root)
        self._starts = re.compile(rf"(?<![A-Za-z0-9_])(?<![0-9]\.)(?={begins})") if begins else None

    def _add(self, shape: str, judge: Judge) -> None:
        node = self._root
        *parts, last = _SHAPE_PART.findall(shape)
        for size, separator in parts:
            node = node.next.setdefault((int(size), separator), _Node())
        node.ends.setdefault(int(last[0]), []).append(judge)

    def read(self, text: str, start: int, end: int, context: Context) -> Iterator[Hit]:
        """The numbers in one run, from left to right, none inside another."""
        if self._starts is None:
            return
        free_from = 0
        for match in self._starts.finditer(text, start, end):
            begin = match.start()
            if begin < free_from:
                continue
            hit = self._longest(text, begin, end, context)
            if hit is not None:
                free_from = hit.end
                yield hit

    def _longest(self, text: str, begin: int, stop: int, context: Context) -> Hit | None:
        node: _Node | None = self._root
        best: Hit | None = None
        size = last = 0
        for match in _GROUP.finditer(text, begin, stop):
            start, end = match.span()
            if size:
                node = node.next.get((size, text[last:start])) if node else None
            if node is None:
                break
            size, last = end - start, end
            judges = node.ends.get(size)
            if judges and _ends_word(text, end):
                best = _first(judges, text, begin, end, context) or best
        return best


def _pattern(node: _Node) -> str:
    """A regular expression for where a shape of the tree may begin; finds too much, never less."""
    ways: list[str] = []
    if node.ends:
        ways.append(f"[0-9]{{{min(node.ends)},{max(node.ends)}}}(?![A-Za-z0-9_])")
    by_size: dict[int, list[str]] = {}
    for (size, separator), child in node.next.items():
        by_size.setdefault(size, []).append(f"{re.escape(separator)}(?:{_pattern(child)})")
    ways.extend(f"[0-9]{{{size}}}(?:{'|'.join(rest)})" for size, rest in by_size.items())
    return "|".join(ways)


def _first(judges: list[Judge], text: str, start: int, end: int, context: Context) -> Hit | None:
    for judge in judges:
        hit = judge(text, start, end, context)
        if hit is not None:
            return hit
    return None


def _ends_word(text: str, end: int) -> bool:
    return end == len(text) or not (text[end].isalnum() or text[end] == "_")
