"""Holds what stands before and after a match against a rule, with the same names in both."""

import re
import sys
from collections.abc import Mapping
from types import MappingProxyType

import re2

from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.functions import Span
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.rule import Nearby

Names = Mapping[str, bytes]
"""What the variables of a match stand for, blanks left out."""
NO_NAMES: Names = MappingProxyType({})

_REACH = 2500
"""Characters before and after a match that are looked at."""
_MOST_TRIES = 64
"""Matches of one expression in one place of which the names are compared."""
_NOWHERE = sys.maxsize
_BLANKS = re.compile(rb"\s+")
_NUMBER = re.compile(r"\d+\Z")


def names_of(match: "re2._Match[bytes]") -> dict[str, bytes] | None:
    """The groups of a match; None where `p` and `p2`, which are one variable, differ."""
    found: dict[str, bytes] = {}
    for key, text in match.groupdict().items():
        if text is None:
            continue
        name = _NUMBER.sub("", key.decode() if isinstance(key, bytes) else key)
        value = _BLANKS.sub(b"", text)
        if found.setdefault(name, value) != value:
            return None
    return found


class Surroundings:
    """The masked code around the matches of one fragment."""

    def __init__(self, fragment: Fragment) -> None:
        self._fragment = fragment
        self._data = fragment.code_data

    def fit(self, nearby: Nearby, start: int, end: int, names: Names) -> bool:
        """Whether what a rule asks of the places before and after `start..end` holds."""
        first, last = self._fragment.function_at(start)
        ahead = max(self._fragment.head_of(first), start - _REACH), start
        if not self._all(nearby.before, ahead, names):
            return False
        if any(self._places(pattern, ahead, names) for pattern in nearby.not_before):
            return False
        if (nearby.inside or nearby.not_inside) and not self._is_inside(nearby, end, names):
            return False
        if not nearby.after and not nearby.not_after:
            return True
        behind = end, min(last, end + _REACH)
        stop = behind[1]
        for pattern in nearby.until:
            stop = min(stop, self._first(pattern, behind, names))
        if any(self._first(pattern, behind, names) < stop for pattern in nearby.not_after):
            return False
        return all(self._first(pattern, behind, names) < stop for pattern in nearby.after)

    def _is_inside(self, nearby: Nearby, end: int, names: Names) -> bool:
        span = self._body(end)
        if any(self._places(pattern, span, names) for pattern in nearby.not_inside):
            return False
        return self._all(nearby.inside, span, names)

    def _body(self, end: int) -> Span:
        """The block that begins behind a place, or the statement."""
        code = self._fragment.code
        if code[end - 1 : end] == "{":
            end -= 1
        head = code[end : end + 200]
        start = end + len(head) - len(head.lstrip())
        if code[start : start + 1] == "{":
            stop = self._fragment.close_of(start) + 1
        else:
            stop = self._fragment.end_of_expression(start) + 1
            while code[stop - 1 : stop] == "," and stop - start < _REACH:
                stop = self._fragment.end_of_expression(stop) + 1
        return start, min(stop, start + _REACH, len(code))

    def _all(self, patterns: tuple[str, ...], span: Span, names: Names) -> bool:
        return all(self._places(pattern, span, names) for pattern in patterns)

    def _places(self, pattern: str, span: Span, names: Names) -> bool:
        return self._first(pattern, span, names) < _NOWHERE

    def _first(self, pattern: str, span: Span, names: Names) -> int:
        """The first place where the expression matches with these names; beyond all if none."""
        start, end = span
        budget = self._fragment.budget
        # A piece of its own, so that `\A` and `\z` stand for its ends.
        piece = self._data[start:end]
        expression = compiled(pattern)
        if not expression.groups:
            found = expression.search(piece)
            return start + int(found.start()) if found and budget.spend(2) else _NOWHERE
        for count, match in enumerate(expression.finditer(piece)):
            if count >= _MOST_TRIES or not budget.spend(2):
                break
            inner = names_of(match)
            if inner is not None and all(names.get(k, v) == v for k, v in inner.items()):
                return start + int(match.start())
        return _NOWHERE
