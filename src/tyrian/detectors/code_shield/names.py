"""Patterns for the names of callees and targets."""

import re
from collections.abc import Iterable

_NEW = "new "


class NamePattern:
    """Several name patterns as one.

    `a.b` also fits `x.a.b`; `*.b` asks for some owner; `b` alone fits only `b` without an owner;
    a `*` elsewhere stands for anything. With `new ` in front only constructors fit, whoever owns
    them.
    """

    __slots__ = ("_exact", "_globs", "_ignores_case", "_regex", "_tails")

    def __init__(self, patterns: Iterable[str], *, ignores_case: bool = False) -> None:
        self._ignores_case = ignores_case
        self._exact: set[str] = set()
        self._tails: tuple[str, ...] = ()
        self._globs: list[str] = []
        self._regex: re.Pattern[str] | None = None
        for pattern in patterns:
            self._add(pattern.lower() if ignores_case else pattern)

    def _add(self, pattern: str) -> None:
        name = pattern.removeprefix(_NEW)
        if pattern != name:
            self._globs.append(_NEW + name)
        elif name.startswith("*.") and "*" not in name[1:]:
            self._tails += (name[1:],)
        elif "*" in name:
            self._globs.append(name)
        else:
            self._exact.add(name)
            if "." in name:
                self._tails += ("." + name,)

    def match(self, name: str, *, is_new: bool = False) -> bool:
        """Whether a name, with `.` between its parts, fits one of the patterns."""
        if self._ignores_case:
            name = name.lower()
        if name in self._exact or (self._tails and name.endswith(self._tails)):
            return True
        if not self._globs:
            return False
        if self._regex is None:
            self._regex = re.compile(f"(?:{'|'.join(map(_glob, self._globs))})\\Z")
        return bool(self._regex.match(_NEW + name if is_new else name))


def _glob(pattern: str) -> str:
    name = pattern.removeprefix(_NEW)
    is_new = pattern != name
    lead = r"(?:.*\.)?" if (is_new or "." in name) and not name.startswith("*") else ""
    return (_NEW if is_new else "(?:new )?") + lead + glob_regex(name)


def glob_regex(pattern: str) -> str:
    """A pattern with `*` as a regular expression."""
    return "".join(".*" if char == "*" else re.escape(char) for char in pattern)


def last_part(pattern: str) -> str:
    """The last name of a pattern such as `*.execute` or `new Function`."""
    return pattern.removeprefix(_NEW).rpartition(".")[2]
