"""Reads runs of digits: cards and national ids, each group looked at once.

A run is a row of digit groups with a few separators between two. The shapes of all numbers lie in
one tree; what it says of a row of groups is kept by their lengths and separators alone, so that
hostile runs of any length cost little per group.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tyrian.core.detection import Severity
from tyrian.detectors.pii.cards import has_issuer, is_card
from tyrian.detectors.pii.context import Context
from tyrian.detectors.pii.hit import CARD, NATIONAL_ID, Hit
from tyrian.detectors.pii.national import NationalId

_End = tuple[int, bool, tuple["_Judge", ...]]
"""A number that a row of groups may begin with: how many groups, whether all of its judges are
weak, and the judges."""
_Ends = tuple[_End, ...]
"""Longest first."""
MAX_WEAK = 2000
"""Validations of one text for numbers that only a word near them makes count; those beyond are
taken for what the word says."""

_GROUP = re.compile(r"[0-9]+")
_DEEPEST = 8
"""More groups than any shape has."""
_SEPARATORS = " ./-"
_CODES = {sep: code for code, sep in enumerate(_SEPARATORS, 1)}
_KINDS = len(_SEPARATORS) + 1
_LONGEST = 40
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


class _Judge(NamedTuple):
    """What a shape may be."""

    number: NationalId | None
    """None for a payment card."""
    is_weak: bool = False
    """It counts only where a word near it says what it is."""


@dataclass(slots=True)
class _Node:
    next: dict[tuple[int, str], "_Node"] = field(default_factory=dict)
    """By length of the group and the separator behind it."""
    ends: dict[int, list[_Judge]] = field(default_factory=dict)
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
        key = number.name, value
        known = self._valid.get(key)
        if known is None:
            if number.may_be is not None and not number.may_be(value):
                known = False
            elif is_weak and self._weak_left <= 0:
                return True
            else:
                self._weak_left -= is_weak
                known = _validate(number, value)
            self._valid[key] = known
        return known


def _validate(number: NationalId, value: str) -> bool:
    try:
        return number.validate(value)
    except LookupError:
        # Its tables have gaps: a check that cannot be made acquits nobody.
        return True


def _is_card(value: str) -> bool:
    # The first group of every shape has four digits or more.
    if not has_issuer(value[:4]):
        return False
    if not value.isdigit():
        value = value.replace(" ", "").replace("-", "").replace(".", "")
    return is_card(value)


def national_hit(number: NationalId, start: int, end: int) -> Hit:
    """The hit of a number that was accepted."""
    rule = f"pii.{NATIONAL_ID}.{number.name}"
    return Hit(start, end, NATIONAL_ID, rule, number.what, number.score, Severity.HIGH)


class NumberReader:
    """The tree of shapes of the numbers that are looked for."""

    def __init__(self, *, cards: bool, national_ids: Iterable[NationalId]) -> None:
        self._root = _Node()
        if cards:
            for shape in _CARD_SHAPES:
                self._add(shape, _Judge(None))
        for number in national_ids:
            for shape in number.strong:
                self._add(shape, _Judge(number))
            for shape in number.shapes:
                self._add(shape, _Judge(number, is_weak=True))
        self._ends: dict[bytes, _Ends] = {}

    def _add(self, shape: str, judge: _Judge) -> None:
        node = self._root
        *parts, last = _SHAPE_PART.findall(shape)
        for size, separator in parts:
            node = node.next.setdefault((int(size), separator), _Node())
        node.ends.setdefault(int(last[0]), []).append(judge)

    def read(self, text: str, start: int, end: int, known: Text) -> list[Hit]:
        """The numbers in one run, from left to right, none inside another."""
        groups = [group.span() for group in _GROUP.finditer(text, start, end)]
        row = _row(text, groups)
        first = groups[0][0]
        # Only ASCII joins a number to what stands before it: other scripts put none between words.
        before = text[first - 1] if first else ""
        free_from = first + 1 if before.isascii() and _is_wordy(before) else first
        ends_of = self._ends
        hits: list[Hit] = []
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
                hits.append(hit)
        return hits

    def _remember(self, row: bytes) -> _Ends:
        if len(self._ends) >= _MOST_ROWS:
            self._ends.clear()
        ends = self._ends[row] = tuple(_ends(self._root, row))
        return ends


def _row(text: str, groups: list[tuple[int, int]]) -> bytes:
    """Length and separator of each group as one byte each."""
    codes = bytearray()
    last = -1
    size = 0
    for start, end in groups:
        if last >= 0:
            codes.append(size + _CODES.get(text[last:start], 0))
        size = (end - start if end - start < _LONGEST else _LONGEST) * _KINDS
        last = end
    codes.append(size)
    return bytes(codes)


def _ends(root: _Node, row: bytes) -> list[_End]:
    found: list[_End] = []
    node = root
    for count, code in enumerate(row, 1):
        size, separator = divmod(code, _KINDS)
        if judges := node.ends.get(size):
            found.append((count, all(judge.is_weak for judge in judges), tuple(judges)))
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
    for count, are_weak, judges in ends:
        if are_weak and not known.context.has_words():
            continue
        end = groups[number + count - 1][1]
        # Inside the run only separators stand behind a group.
        if number + count == len(groups) and end < len(text) and _is_wordy(text[end]):
            continue
        value = text[begin:end]
        near: frozenset[str] | None = None
        for number_kind, is_weak in judges:
            if number_kind is None:
                if _is_card(value):
                    rule, what = "pii.card", "payment card number"
                    return Hit(begin, end, CARD, rule, what, 0.95, Severity.HIGH)
                continue
            if is_weak:
                if near is None:
                    near = known.context.near(begin, end)
                if number_kind.name not in near:
                    continue
            if known.is_valid(number_kind, value, is_weak=is_weak):
                return national_hit(number_kind, begin, end)
    return None


def _is_wordy(char: str) -> bool:
    return char.isalnum() or char == "_"
