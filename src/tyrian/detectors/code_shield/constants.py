"""Numbers that stand in C code by name: macros, constants, and sums and products of two."""

import re

from tyrian.detectors.code_shield.fragment import Fragment

_DEFINED = r"(?m)^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+\(?(\d+)\)?[ \t]*$"
_CONSTANT = r"\bconst(?:expr)?[ \t]+\w+[ \t]+(\w+)[ \t]*=[ \t]*(\d+)[ \t]*;"
_SUM = r"\s*(\w+)\s*(?:([+*-])\s*(\w+)\s*)?\Z"


class Constants:
    """The constants of one fragment."""

    def __init__(self, fragment: Fragment) -> None:
        self._fragment = fragment
        self._numbers: dict[str, int] | None = None

    def number(self, text: str) -> int | None:
        """The value of a constant, or of a sum or product of two."""
        match = re.match(_SUM, text)
        if match is None:
            return None
        one = self._constant(match[1])
        if one is None or match[2] is None:
            return one
        other = self._constant(match[3])
        if other is None:
            return None
        return {"+": one + other, "-": one - other, "*": one * other}[match[2]]

    def _constant(self, word: str) -> int | None:
        if word.isdigit():
            return (
                int(word, 8)
                if word.startswith("0") and word.strip("01234567") == ""
                else (int(word) if not word.startswith("0") else None)
            )
        if word[:2].lower() == "0x":
            try:
                return int(word, 16)
            except ValueError:
                return None
        if self._numbers is None:
            found = [*re.finditer(_DEFINED, self._fragment.code)]
            found += re.finditer(_CONSTANT, self._fragment.code)
            self._numbers = {m[1]: int(m[2]) for m in found if len(m[2]) < 10}
        return self._numbers.get(word)
