"""Brackets of masked code: which belong together, and which stand around a place."""

import re
from collections.abc import Iterable, Iterator, Mapping

_BRACKETS = re.compile(r"[()\[\]{}]")
_CLOSES = {")": "(", "]": "[", "}": "{"}


def paired(code: str) -> tuple[dict[int, int], dict[int, int]]:
    """The brackets by the place of their opening, in its order, and by that of their closing.

    One that does not fit closes nothing; one that nothing closes goes to the end of the code.
    """
    pairs: dict[int, int] = {}
    openers: dict[int, int] = {}
    stack: list[int] = []
    size = len(code)
    for match in _BRACKETS.finditer(code):
        place = match.start()
        char = code[place]
        if char in "([{":
            stack.append(place)
            pairs[place] = size
        elif stack:
            wanted = _CLOSES[char]
            opening = stack[-1]
            if code[opening] != wanted:
                # A bracket that was forgotten is closed by the next greater one.
                if len(stack) < 2 or code[stack[-2]] != wanted:
                    continue
                pairs[stack.pop()] = place
                opening = stack[-1]
            stack.pop()
            pairs[opening] = place
            openers[place] = opening
    return pairs, openers


def around(code: str, pairs: Mapping[int, int], places: Iterable[int]) -> Iterator[str]:
    """The innermost bracket that is open at each place; the places rise."""
    opened = list(pairs.items())
    most = len(opened)
    stack: list[tuple[int, str]] = []
    at = 0
    for place in places:
        while at < most and opened[at][0] < place:
            start, end = opened[at]
            stack.append((end, code[start]))
            at += 1
            while len(stack) > 1 and stack[-2][0] < start:
                del stack[-2]
        while stack and stack[-1][0] < place:
            stack.pop()
        yield stack[-1][1] if stack else ""


def block_around(code: str, pairs: Mapping[int, int], place: int) -> tuple[int, int]:
    """The innermost pair of braces around a place, with the line that it begins on."""
    best = -1
    for opening, closing in pairs.items():
        if opening <= place < closing and opening > best and code[opening] == "{":
            best = opening
    if best < 0:
        return 0, len(code)
    return code.rfind("\n", 0, best) + 1, pairs[best] + 1
