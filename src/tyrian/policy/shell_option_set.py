"""Sets of command-line options, found in all the ways that programs let them be written."""

import re
from collections.abc import Iterable

from tyrian.policy.shell_options import WHOLE_OPTIONS

_SHORTEST = len("--ab")
_LETTERS = re.compile(r"-([A-Za-z0-9]*)")


class OptionSet:
    """Options, each found alone, with its value, shortened, or in a bundle.

    Long options may be shortened as far as two letters; short ones may hold their value or stand
    among others (`-avc`), so an argument that could be read that way counts. `is_bundled=False`
    finds short options only at the start and before a value that is no letter.
    """

    def __init__(self, options: Iterable[str], *, is_bundled: bool = True) -> None:
        self._exact = frozenset(options)
        self._long = {
            option[:end]
            for option in self._exact
            if option.startswith("--")
            for end in range(_SHORTEST, len(option) + 1)
        } - WHOLE_OPTIONS
        self._short = frozenset(
            option[1] for option in self._exact if len(option) == 2 and option[0] == "-"
        )
        self._others = tuple(
            f"{option}="
            for option in self._exact
            if not option.startswith("--") and len(option) != 2
        )
        self._is_bundled = is_bundled

    def has(self, arg: str) -> bool:
        """Whether an argument could be read as one of the options."""
        if arg in self._exact:
            return True
        if arg[:1] != "-" or len(arg) < 2:
            return bool(self._others) and arg.startswith(self._others)
        if arg[1] != "-":
            return self._has_short(arg) or arg.startswith(self._others or _NEVER)
        name = arg.partition("=")[0]
        return name in self._exact or name in self._long

    def _has_short(self, arg: str) -> bool:
        if not self._short:
            return False
        if not self._is_bundled:
            return arg[1] in self._short and not arg[2:3].isalpha()
        letters = _LETTERS.match(arg)
        return letters is not None and not self._short.isdisjoint(letters[1])


_NEVER = ("\0",)
