"""How many bytes a place of memory holds, and how many a write to it needs, in C and C++."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tyrian.detectors.code_shield.calls import Call
from tyrian.detectors.code_shield.constants import Constants
from tyrian.detectors.code_shield.formats import ANY, Need, formatted
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.rule import Room, RoomTest

_BYTES = {
    "char": 1, "uchar": 1, "uint8_t": 1, "int8_t": 1, "u8": 1, "uint8": 1, "BYTE": 1, "CHAR": 1,
    "byte": 1, "Byte": 1, "u_char": 1, "gchar": 1, "wchar_t": 4, "WCHAR": 2, "TCHAR": 2,
}  # fmt: skip
_TYPES = "|".join(_BYTES)
_DECLARED = rf"\b({_TYPES})\s+([A-Za-z_*][^;(){{}}=]{{0,200}})"
_ARRAY = r"(?<![\w*>.])([A-Za-z_]\w*)\s*\[([^\[\]]{1,60})\](?!\s*\[)"
_SPELLED = r"\bchar\s+([A-Za-z_]\w*)\s*\[\s*\]\s*=\s*\""
_TARGET = r"(?:\([\w\s*]{1,40}\)\s*)?&?\s*([A-Za-z_]\w*)(?:\s*\[\s*0\s*\])?\Z"
_ALLOCATED = r"(?:^|\W)(?:\w*alloc\w*\s*\(|new\s+(?:char|wchar_t)\s*\[)"
_MEASURES = r"\b(?:str|wcs|lstr|_tcs)n?len\w*\s*\(|\.(?:size|length)\s*\(\s*\)|\bsnprintf\b"
_SCANNED = r"%(?P<skip>\*?)(?P<width>\d*)(?:hh|ll|h|l|z|j|t|L)?(?P<kind>[A-Za-z%\[])"
_ESCAPE = r"\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|[\s\S])"
_LEAST_NAMED = 64
"""Bytes that memory is taken to have whose size is a name from elsewhere, such as a maximum."""


class Holds(NamedTuple):
    """Bytes that a place has; `grows` where it was allocated by the length of what comes in."""

    least: int
    most: int
    grows: bool = False


_UNKNOWN = Holds(0, ANY)


class Buffers:
    """The arrays of one fragment."""

    def __init__(self, fragment: Fragment) -> None:
        self._fragment = fragment
        self._arrays: dict[str, list[tuple[int, Holds]]] | None = None
        self._constants = Constants(fragment)

    def room(self, call: Call, test: RoomTest) -> Room:
        """Whether what a call writes fits into its target."""
        if test.scan is not None:
            return self._scanned(call, test.scan, test.into)
        need = self._need(call, test)
        return Room.UNKNOWN if need is None else self._fits(call, test.into, need, test)

    def _fits(self, call: Call, into: int, need: Need, test: RoomTest | None = None) -> Room:
        if into >= len(call.arguments):
            return Room.UNKNOWN
        target = call.arguments[into]
        holds = self._holds(self._fragment.code[target.start : target.end], call.start)
        if holds.most < need.least:
            return Room.LESS
        if need.most <= holds.least or (holds.grows and test is not None and test.count is None):
            return Room.ENOUGH
        return Room.UNKNOWN

    # ---- what is there

    def _holds(self, target: str, place: int) -> Holds:
        match = re.match(_TARGET, target.strip())
        if match is None:
            return _UNKNOWN
        name = match[1]
        first, _ = self._fragment.function_at(place)
        known = self._arrays_of(name)
        last = bisect_left(known, (place,)) - 1
        if last >= 0:
            # An array of another function may have the same name.
            at, holds = known[last]
            return holds if at >= first or self._is_outside(at) else _UNKNOWN
        return self._allocated(name, place)

    def _arrays_of(self, name: str) -> list[tuple[int, Holds]]:
        """The arrays of a name, in order of their place."""
        if self._arrays is None:
            self._arrays = {}
            for place, name_, holds in sorted(self._declared()):
                self._arrays.setdefault(name_, []).append((place, holds))
        return self._arrays.get(name, [])

    def _declared(self) -> Iterator[tuple[int, str, Holds]]:
        fragment = self._fragment
        for match in re.finditer(_DECLARED, fragment.code):
            if not fragment.budget.spend(2):
                return
            for array in re.finditer(_ARRAY, match[2]):
                yield match.start(), array[1], self._array(array[2], _BYTES[match[1]])
        for match in re.finditer(_SPELLED, fragment.code):
            number = fragment.string_at(match.end() - 1)
            if number >= 0 and fragment.budget.spend(2):
                size = len(self._body(number)) + 1
                yield match.start(), match[1], Holds(size, size)

    def _is_outside(self, place: int) -> bool:
        return self._fragment.function_at(place)[0] == 0

    def _array(self, size: str, width: int) -> Holds:
        number = self._constants.number(size)
        if number is not None:
            return Holds(number * width, number * width)
        return Holds(_LEAST_NAMED, ANY)

    def _allocated(self, name: str, place: int) -> Holds:
        """A pointer that was allocated: as large as its length, where that was measured."""
        one = self._fragment.last_assigned(name, place)
        if one is None:
            return _UNKNOWN
        text = self._fragment.code[one.start : one.end]
        allocation = re.search(_ALLOCATED, text)
        if allocation is None:
            return _UNKNOWN
        inner = text[allocation.end() :].rstrip(") ]")
        number = self._constants.number(inner)
        if number is not None:
            return Holds(number, number)
        return Holds(_LEAST_NAMED, ANY, grows=self._is_measured(inner, one.place))

    def _is_measured(self, size: str, place: int) -> bool:
        if re.search(_MEASURES, size):
            return True
        names = re.findall(r"[A-Za-z_]\w*", size)[:4]
        found = (self._fragment.last_assigned(name, place) for name in names)
        code = self._fragment.code
        return any(one and re.search(_MEASURES, code[one.start : one.end]) for one in found)

    # ---- what is written

    def _need(self, call: Call, test: RoomTest) -> Need | None:
        if test.count is not None:
            if test.count >= len(call.arguments):
                return None
            argument = call.arguments[test.count]
            number = self._constants.number(self._fragment.code[argument.start : argument.end])
            return None if number is None else Need(number, number)
        if test.text is not None:
            text = self._literal(call, test.text)
            if text is None:
                return Need(1, self._longest(call, test.text) + 1)
            return Need(len(text) + 1, len(text) + 1)
        if test.append is not None:
            text = self._literal(call, test.append)
            return Need(1 if text is None else len(text) + 1, ANY)
        assert test.format is not None
        text = self._literal(call, test.format)
        return (
            Need(1, ANY) if text is None else formatted(text, self._text_at(call), test.format + 1)
        )

    def _scanned(self, call: Call, format_: int, into: int) -> Room:
        """Whether each text with a width that is read fits its own target."""
        text = self._literal(call, format_)
        found = Room.UNKNOWN
        for match in re.finditer(_SCANNED, text or ""):
            if match["kind"] == "%" or match["skip"]:
                continue
            if match["width"] and match["kind"] in "s[":
                need = int(match["width"][:6]) + 1
                found = self._fits(call, into, Need(need, need))
                if found is Room.LESS:
                    return found
            into += 1
        return found

    def _literal(self, call: Call, index: int) -> str | None:
        """The body of a literal string with its escapes as one character each."""
        if index >= len(call.arguments):
            return None
        argument = call.arguments[index]
        number = self._fragment.string_at(argument.start)
        if number < 0:
            return None
        if self._fragment.lexed.strings[number].end != argument.end:
            return None
        return self._body(number)

    def _body(self, number: int) -> str:
        token = self._fragment.lexed.strings[number]
        return re.sub(_ESCAPE, "_", self._fragment.lexed.text[token.body_start : token.body_end])

    def _longest(self, call: Call, index: int) -> int:
        """The most characters of a text that lies in an array of known size."""
        if index >= len(call.arguments):
            return ANY
        argument = call.arguments[index]
        holds = self._holds(self._fragment.code[argument.start : argument.end], call.start)
        return max(0, holds.most - 1)

    def _text_at(self, call: Call) -> Callable[[int], tuple[int, int]]:
        """The fewest and the most characters of a text argument, by its index."""

        def measured(index: int) -> tuple[int, int]:
            text = self._literal(call, index)
            return (0, self._longest(call, index)) if text is None else (len(text), len(text))

        return measured
