"""A piece of code under one reading: masked text, brackets, functions, names and their values."""

import re
from bisect import bisect_left

from tyrian.detectors.code_shield.assignments import Assigned, assignments, place_of
from tyrian.detectors.code_shield.brackets import around, block_around, paired
from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.functions import Span, spans_of
from tyrian.detectors.code_shield.outside import names_outside
from tyrian.detectors.code_shield.syntax import Syntax
from tyrian.detectors.code_shield.tokens import Lexed

_BLANKS = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) in "_$")}
_AFTER_BRACKET = frozenset(".-!?")
_MOST_LINKS = 12
_STOPS = re.compile(r"[;,\n()\[\]{}]")
_STOPS_OF_ARGUMENT = re.compile(r"[;,()\[\]{}]")
_GOES_ON = frozenset("+-*/%.=,&|<>?:\\(")
_GOES_ON_NEXT = frozenset("+.%?&|:*")
_LONGEST_HEAD = 200
_LONGEST_EXPRESSION = 6000
"""Characters of an expression that are read; a longer one counts as dynamic."""


class Fragment:
    """What the rules ask of a piece of code; everything is found when first asked for."""

    def __init__(self, syntax: Syntax, lexed: Lexed, budget: Budget | None = None) -> None:
        self.syntax = syntax
        self.lexed = lexed
        self.code = lexed.code
        self.budget = budget or Budget()
        self.words: frozenset[str] = frozenset(self._folded().translate(_BLANKS).split())
        sign, called = syntax.short_call
        if sign and sign in self.code:
            self.words |= {called}
        self._plain: str | None = None
        self._plain_data: bytes | None = None
        self._code_data: bytes | None = None
        self._pairs: dict[int, int] | None = None
        self._openers: dict[int, int] = {}
        self._assigned: dict[str, list[Assigned]] | None = None
        self._functions: list[Span] | None = None
        self._heads: dict[int, int] = {}
        self._string_starts: dict[int, int] | None = None
        self._outside: dict[str, list[Span]] | None = None

    def _folded(self) -> str:
        return self.code.lower() if self.syntax.ignores_case else self.code

    @property
    def plain(self) -> str:
        """The text without comments, its strings as written."""
        if self._plain is None:
            self._plain = self.lexed.plain()
        return self._plain

    @property
    def code_data(self) -> bytes:
        """`code` as the expressions of rules read it; its offsets are the same."""
        if self._code_data is None:
            self._code_data = self.code.encode()
        return self._code_data

    @property
    def plain_data(self) -> bytes:
        """`plain` as the expressions of rules read it; its offsets are the same."""
        if self._plain_data is None:
            self._plain_data = self.plain.encode()
        return self._plain_data

    def string_at(self, place: int) -> int:
        """Index of the string token that begins at `place`, or -1."""
        if self._string_starts is None:
            strings = self.lexed.strings
            self._string_starts = {token.start: index for index, token in enumerate(strings)}
        return self._string_starts.get(place, -1)

    def close_of(self, opening: int) -> int:
        """Where the bracket at `opening` closes; the end of the text where it does not."""
        return self._paired().get(opening, len(self.code))

    def opening_of(self, closing: int) -> int:
        """Where the bracket that closes at `closing` opened, or -1."""
        self._paired()
        return self._openers.get(closing, -1)

    def _paired(self) -> dict[int, int]:
        if self._pairs is None:
            self._pairs, self._openers = paired(self.code)
        return self._pairs

    def end_of_expression(self, start: int, *, is_argument: bool = False) -> int:
        """Where the expression that begins at `start` ends."""
        code = self.code
        limit = min(len(code), start + _LONGEST_EXPRESSION)
        search = (_STOPS_OF_ARGUMENT if is_argument else _STOPS).search
        pairs = self._pairs if self._pairs is not None else self._paired()
        at = start
        while match := search(code, at, limit):
            place = match.start()
            char = code[place]
            if char in "([{":
                at = pairs[place] + 1
                if at >= limit:
                    return min(at, len(code))
            elif char == "\n":
                if self._ends_here(start, place):
                    return place
                at = place + 1
            else:
                return place
        return limit

    def _ends_here(self, start: int, newline: int) -> bool:
        if not self.syntax.ends_with_line:
            return False
        before = self.code[max(start, newline - 80) : newline].rstrip()
        if not before or before[-1] in _GOES_ON:
            return False
        if self.syntax.is_indented:
            return True
        after = self.code[newline + 1 : newline + 120].lstrip()
        return not (after and after[0] in _GOES_ON_NEXT)

    @property
    def assigned(self) -> dict[str, list[Assigned]]:
        """Assignments by name, in order of their place."""
        if self._assigned is None:
            self._assigned = {}
            matches = list(assignments(self.code))
            brackets = around(self.code, self._paired(), (match.start() for match in matches))
            for match, bracket in zip(matches, brackets, strict=True):
                if not self.budget.spend(1):
                    break
                self._assign(match, in_call=bracket in ("(", "["))
        return self._assigned

    def _assign(self, match: re.Match[str], *, in_call: bool) -> None:
        name, place = match[1], match.start(1)
        if name[0] in _AFTER_BRACKET:
            name, place = f"(){name.lstrip('!?')}", self._start_of_chain(place)
        one = Assigned(name, place, match[2], match.end(), self._end_of_value, in_call=in_call)
        assert self._assigned is not None
        self._assigned.setdefault(name.lstrip("$@"), []).append(one)

    def _end_of_value(self, start: int, in_call: bool) -> int:
        end = self.end_of_expression(start, is_argument=in_call)
        self.budget.spend(end - start >> 8)
        return end

    def _start_of_chain(self, place: int) -> int:
        """Where `a.b(c)[d]` begins that ends at `place`."""
        code = self.code
        for _ in range(_MOST_LINKS):
            if code[place - 1 : place] not in (")", "]"):
                break
            opening = self.opening_of(place - 1)
            if opening < 0:
                break
            start = opening
            while start and (code[start - 1].isalnum() or code[start - 1] in "_$.@"):
                start -= 1
            place = start
        return place

    def last_assigned(self, name: str, before: int) -> Assigned | None:
        """The assignment of `name` that is seen at `before`, in the same function or around it."""
        known = self.assigned.get(name.lstrip("$@"))
        if not known:
            return None
        for at in range(bisect_left(known, before, key=place_of) - 1, -1, -1):
            one = known[at]
            if one.in_call and one.operator != ":=":
                continue
            # An expression does not see the name that it is itself assigned to.
            if one.end > before or not self.budget.spend(1):
                continue
            if self._is_seen(one.place, before):
                return one
        return None

    def is_outside(self, name: str, place: int) -> bool:
        """Whether a handler's parameter, or a field of a request, is what `name` means there."""
        if self._outside is None:
            self._outside = {}
            for one, at in names_outside(self.syntax, self.code, self.budget):
                self._outside.setdefault(one, []).append(self.function_at(at))
        return any(home[0] <= place < home[1] for home in self._outside.get(name.lstrip("$@"), ()))

    def appended(self, name: str, after: int, before: int) -> list[Assigned]:
        """Assignments that add to `name` between two places."""
        known = self.assigned.get(name.lstrip("$@"), [])
        first, last = (bisect_left(known, place, key=place_of) for place in (after + 1, before))
        return [a for a in known[first:last] if a.operator in ("+=", ".=")]

    def _is_seen(self, place: int, from_: int) -> bool:
        home = self.function_at(place)
        return home[0] <= from_ < home[1]

    def function_at(self, place: int) -> Span:
        """The innermost function around a place; the whole text where there is none."""
        best = (0, len(self.code))
        for start, end in self._function_spans():
            if start > place:
                break
            if place < end:
                best = (start, end)
        return best

    def head_of(self, first: int) -> int:
        """Where the line of a function begins that starts at `first`, with its type and name."""
        head = self._heads.get(first)
        if head is None:
            code, least = self.code, max(0, first - _LONGEST_HEAD)
            marks = [code.rfind(mark, least, first) for mark in "\n;{}"]
            head = self._heads[first] = max(marks) + 1 or least
        return head

    def block_at(self, place: int) -> Span:
        """The innermost pair of braces around a place, with the line that it begins on."""
        return block_around(self.code, self._paired(), place)

    def _function_spans(self) -> list[Span]:
        if self._functions is None:
            self._functions = spans_of(
                self.syntax, self.code, self.code_data, self.opening_of, self.close_of, self.budget
            )
        return self._functions
