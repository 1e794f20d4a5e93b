"""Assignments in masked code."""

import re
from collections.abc import Callable, Iterator

_ASSIGN = re.compile(
    # Where a match can begin at all is quicker to see than what must stand before it.
    r"(?=[@$A-Za-z_.!?-])"
    r"((?:(?<![\w$.>:])[@$]{0,2}[A-Za-z_]|(?<=[)\]])[!?]?(?:\.|->)[A-Za-z_$])"
    r"[\w$]*+(?:(?:\.|->|::)[A-Za-z_$][\w$]*+)*+)"
    r"[ \t]*(?:\?|!)?(?::[ \t]*[A-Za-z_][\w.\[\]<>| ,?]{0,60}?)?"
    r"[ \t]*(\+=|\.=|:=|\|\|=|\?\?=|=)(?![=>~])"
)


class Assigned:
    """One assignment: its place, its operator, and the expression behind it."""

    __slots__ = ("_end", "_find_end", "in_call", "name", "operator", "place", "start")

    def __init__(
        self,
        name: str,
        place: int,
        operator: str,
        start: int,
        find_end: Callable[[int, bool], int],
        *,
        in_call: bool,
    ) -> None:
        self.in_call = in_call
        self.name = name
        self.place = place
        self.operator = operator
        self.start = start
        self._find_end = find_end
        self._end = -1

    @property
    def end(self) -> int:
        """Where the expression ends, which is looked for when it is first asked."""
        if self._end < 0:
            self._end = self._find_end(self.start, self.in_call)
        return self._end


def place_of(one: Assigned) -> int:
    """Where an assignment stands, for searches in lists of them."""
    return one.place


def assignments(code: str) -> Iterator[re.Match[str]]:
    """Each assignment: its target and its operator are the groups.

    None goes over a line's end, so only lines with the sign are read, and only up to the last one.
    """
    at = code.find("=")
    while at >= 0:
        end = code.find("\n", at)
        end = len(code) if end < 0 else end
        last = code.rfind("=", at, end)
        yield from _ASSIGN.finditer(code, code.rfind("\n", 0, at) + 1, min(last + 2, end))
        at = code.find("=", end)
