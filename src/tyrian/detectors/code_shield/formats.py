"""How long the texts are that the formats of C print."""

import re
from collections.abc import Callable
from typing import NamedTuple

_CONVERSION = (
    r"%(?P<flags>[-+ #0]*)(?P<width>\*|\d*)(?:\.(?P<exact>\*|\d*))?"
    r"(?P<size>hh|ll|h|l|z|j|t|I64|L|q)?(?P<kind>[A-Za-z%])"
)
_LONGEST = {"hh": 4, "h": 6, "": 11, "l": 20, "ll": 20, "z": 20, "j": 20, "t": 20, "I64": 20}
"""Characters of a number in decimal, by the size that the conversion names."""
_LONGEST_FLOAT = 311
"""Characters of the largest double before its fraction, with sign and point."""
ANY = 1 << 30
"""More than any array holds: the length has no limit."""


class Need(NamedTuple):
    """Bytes that a write takes, at least and at most, with the 0 at its end."""

    least: int
    most: int


TextAt = Callable[[int], tuple[int, int]]
"""The fewest and the most characters of the text at an index of the arguments."""


def formatted(format_: str, text_at: TextAt, index: int) -> Need:
    """Bytes that a print takes whose values begin at argument `index`."""
    least = most = 1
    at = 0
    for match in re.finditer(_CONVERSION, format_):
        plain = match.start() - at
        at = match.end()
        low, high = _converted(match, text_at, index)
        index += match["kind"] != "%"
        index += (match["width"] == "*") + (match["exact"] == "*")
        least, most = least + plain + low, most + plain + high
    plain = len(format_) - at
    return Need(least + plain, min(most + plain, ANY))


def _converted(match: re.Match[str], text_at: TextAt, index: int) -> tuple[int, int]:
    """The fewest and the most characters of one conversion."""
    kind, width, exact = match["kind"], match["width"], match["exact"]
    if kind == "%":
        return 1, 1
    if width == "*" or exact == "*":
        return 0, ANY
    low = int(width[:6] or 0)
    if kind in "sS":
        least, most = text_at(index)
        if least == most or not exact:
            return max(low, least), max(low, most)
        return low, max(low, min(most, int(exact[:6])))
    if kind == "c":
        return max(low, 1), max(low, 1)
    if kind in "diuxXop":
        digits = 18 if kind == "p" else _LONGEST.get(match["size"] or "", 20)
        return max(low, 1), max(low, digits + (kind == "o"), int((exact or "0")[:6]) + 1)
    digits = int((exact or "6")[:6])
    if kind in "gGeE":
        return max(low, 1), max(low, digits + 9)
    if kind in "fF":
        return max(low, 1), max(low, digits + _LONGEST_FLOAT)
    return max(low, 1), ANY
