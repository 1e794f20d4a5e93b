"""Reads runs of digits: cards and national ids, each group looked at once.

A run is a row of digit groups with a few separators between two. The shapes of all numbers lie in
one tree; what it says of a row of groups is kept by their lengths and separators alone, so that
hostile runs of any length cost little per group.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tyrian.core.detection import Severity
from tyrian.detectors.pii.cards import is_card
from tyrian.detectors.pii.context import Context
from tyrian.detectors.pii.hit import CARD, NATIONAL_ID, Hit
from tyrian.detectors.pii.national import NationalId

Judge = Callable[[str, int, int, "Text"], Hit | None]
"""A judge of `text[start:end]`, whose shape fits."""
_Ends = tuple[tuple[int, tuple[Judge, ...]], ...]
"""Numbers that a row of groups may begin with: how many groups, and who judges; longest first."""
MAX_WEAK = 2000
"""Validations of one text for numbers that only a word near them makes count; those beyond are
taken for what the word says."""

_GROUP = re.compile(r"[0-9]+")
_DEEPEST = 8
"""More groups than any shape has."""
_SEPARATORS = " ./-"
_CODES = {sep: code for code, sep in enumerate(_SEPARATORS, 1)}
_KINDS = len(_SEPARATORS) + 1
_LONGEST = 63
"""Digits from which on all groups are alike."""
_MOST_ROWS = 20_000
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


class Text:
    """What is known of one text: context words, and the values that were validated already."""

    __slots__ = ("_valid", "_weak_left", "context")

    def __init__(self, context: Context) -> None:
        self.context = context
        self._valid: dict[tuple[str, str], bool] = {}
        self._weak_left = MAX_WEAK

    def is_valid(self, number: NationalId, value: str, *, is_weak: bool = False) -> bool:
        """The number's own check accepts the value."""
        if number.may_be is not None and not number.may_be(value):
            return False
        key = number.name, value
        known = self._valid.get(key)
        if known is None:
            if is_weak:
                self._weak_left -= 1
                if self._weak_left < 0:
                    return True
            known = self._valid[key] = _validate(number, value)
        return known


def _validate(number: NationalId, value: str) -> bool:
    try:
        return number.validate(value)
    except LookupError:
        # Its tables have gaps: a check that cannot be made acquits nobody.
        return True


def _card(text: str, start: int, end: int, _known: Text) -> Hit | None:
    # Plain searches: a card costs less than a microsecond to refuse.
    digits = text[start:end]
    if not digits.isdigit():
        digits = digits.replace(" ", "").replace("-", "").replace(".", "")
    if not is_card(digits):
        return None
    return Hit(start, end, CARD, "pii.card", "payment card number", 0.95, Severity.HIGH)


def national_hit(number: NationalId, start: int, end: int) -> Hit:
    """The hit of a number that was accepted."""
    rule = f"pii.{NATIONAL_ID}.{number.name}"
    return Hit(start, end, NATIONAL_ID, rule, number.what, number.score, Severity.HIGH)


def _strong(number: NationalId) -> Judge:
    def judge(text: str, start: int, end: int, known: Text) -> Hit | None:
        is_valid = known.is_valid(number, text[start:end])
        return national_hit(number, start, end) if is_valid else None

    return judge


def _weak(number: NationalId) -> Judge:
    def judge(text: str, start: int, end: int, known: Text) -> Hit | None:
        if number.name not in known.context.near(start, end):
            return None
        is_valid = known.is_valid(number, text[start:end], is_weak=True)
        return national_hit(number, start, end) if is_valid else None

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
        self._ends: dict[str, _Ends] = {}

    def _add(self, shape: str, judge: Judge) -> None:
        node = self._root
        *parts, last = _SHAPE_PART.findall(shape)
        for size, separator in parts:
            node = node.next.setdefault((int(size), separator), _Node())
        node.ends.setdefault(int(last[0]), []).append(judge)

    def read(self, text: str, start: int, end: int, known: Text) -> Iterator[Hit]:
        """The numbers in one run, from left to right, none inside another."""
        groups = [group.span() for group in _GROUP.finditer(text, start, end)]
        row = _row(text, groups)
        first = groups[0][0]
        # Only ASCII joins a number to what stands before it: other scripts put none between words.
        before = text[first - 1] if first else ""
        free_from = first + 1 if before.isascii() and _is_wordy(before) else first
        ends_of = self._ends
        for number, (begin, _) in enumerate(groups):
            if begin < free_from:
                continue
            key = row[number : number + _DEEPEST]
            ends = ends_of.get(key)
            if ends is None:
                ends = self._remember(key)
            if not ends or (begin > 1 and text[begin - 1] == "." and text[begin - 2].isdigit()):
                continue
            if hit := _longest(text, groups, number, ends, known):
                free_from = hit.end
                yield hit

    def _remember(self, row: str) -> _Ends:
        if len(self._ends) >= _MOST_ROWS:
            self._ends.clear()
        ends = self._ends[row] = tuple(_ends(self._root, row))
        return ends


def _row(text: str, groups: list[tuple[int, int]]) -> str:
    """Length and separator of each group as one character each."""
    codes = [
        min(end - start, _LONGEST) * _KINDS + _CODES.get(text[end:after], 0)
        for (start, end), (after, _) in pairwise(groups)
    ]
    start, end = groups[-1]
    return "".join(map(chr, codes)) + chr(min(end - start, _LONGEST) * _KINDS)


def _ends(root: _Node, row: str) -> list[tuple[int, tuple[Judge, ...]]]:
    found: list[tuple[int, tuple[Judge, ...]]] = []
    node = root
    for count, code in enumerate(map(ord, row), 1):
        size, separator = divmod(code, _KINDS)
        if judges := node.ends.get(size):
            found.append((count, tuple(judges)))
        after = node.next.get((size, _SEPARATORS[separator - 1] if separator else ""))
        if after is None:
            break
        node = after
    return found[::-1]


def _longest(
    text: str, groups: list[tuple[int, int]], number: int, ends: _Ends, known: Text
) -> Hit | None:
    """The longest number that begins with a group of digits."""
    begin = groups[number][0]
    for count, judges in ends:
        end = groups[number + count - 1][1]
        if end < len(text) and _is_wordy(text[end]):
            continue
        for judge in judges:
            if hit := judge(text, begin, end, known):
                return hit
    return None


def _is_wordy(char: str) -> bool:
    return char.isalnum() or char == "_"
