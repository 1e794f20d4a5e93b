"""A piece of code under one reading: masked text, brackets, functions, names and their values."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.lexer import Lexed
from tyrian.detectors.code_shield.outside import names_outside
from tyrian.detectors.code_shield.syntax import Syntax

Span = tuple[int, int]

_WORDS = re.compile(r"[A-Za-z_$][\w$]*")
_BRACKETS = re.compile(r"[()\[\]{}]")
_CLOSES = {")": "(", "]": "[", "}": "{"}
_ASSIGN = re.compile(
    r"((?:(?<![\w$.>:])[@$]{0,2}[A-Za-z_]|(?<=[)\]])[!?]?(?:\.|->)[A-Za-z_$])"
    r"[\w$]*(?:(?:\.|->|::)[A-Za-z_$][\w$]*)*+)"
    r"[ \t]*(?:\?|!)?(?::[ \t]*[A-Za-z_][\w.\[\]<>| ,?]{0,60}?)?"
    r"[ \t]*(\+=|\.=|:=|\|\|=|\?\?=|=)(?![=>~])"
)
_MADE = re.compile(r"\bnew\s+[\w.<>,\[\] ]{1,80}\Z")
"""Before the arguments of a constructor; braces behind them fill what it makes."""
_AFTER_BRACKET = frozenset(".-!?")
_MOST_LINKS = 12
_STOPS = re.compile(r"[;,\n()\[\]{}]")
_GOES_ON = frozenset("+-*/%.=,&|<>?:\\(")
_GOES_ON_NEXT = frozenset("+.%?&|:*")
_CONTROL = frozenset({"if", "for", "while", "switch", "catch", "foreach", "using", "with", "else"})
_LONGEST_EXPRESSION = 6000
"""Characters of an expression that are read; a longer one counts as dynamic."""


class Assigned:
    """One assignment: its place, its operator, and the expression behind it."""

    __slots__ = ("end", "in_call", "name", "operator", "place", "start")

    def __init__(
        self, name: str, place: int, operator: str, start: int, end: int, *, in_call: bool
    ) -> None:
        self.in_call = in_call
        self.name = name
        self.place = place
        self.operator = operator
        self.start = start
        self.end = end


def _place(one: Assigned) -> int:
    return one.place


class Fragment:
    """What the rules ask of a piece of code; everything is found when first asked for."""

    def __init__(self, syntax: Syntax, lexed: Lexed, budget: Budget | None = None) -> None:
        self.syntax = syntax
        self.lexed = lexed
        self.code = lexed.code
        self.budget = budget or Budget()
        self.words: frozenset[str] = frozenset(_WORDS.findall(self._folded()))
        sign, called = syntax.short_call
        if sign and sign in self.code:
            self.words |= {called}
        self._plain: str | None = None
        self._pairs: dict[int, int] | None = None
        self._openers: dict[int, int] = {}
        self._assigned: dict[str, list[Assigned]] | None = None
        self._functions: list[Span] | None = None
        self._string_starts: list[int] | None = None
        self._outside: dict[str, list[Span]] | None = None

    def _folded(self) -> str:
        return self.code.lower() if self.syntax.ignores_case else self.code

    @property
    def plain(self) -> str:
        """The text without comments, its strings as written."""
        if self._plain is None:
            self._plain = self.lexed.plain()
        return self._plain

    def string_at(self, place: int) -> int:
        """Index of the string token that begins at `place`, or -1."""
        if self._string_starts is None:
            self._string_starts = [token.start for token in self.lexed.strings]
        at = bisect_right(self._string_starts, place) - 1
        return at if at >= 0 and self._string_starts[at] == place else -1

    def close_of(self, opening: int) -> int:
        """Where the bracket at `opening` closes; the end of the text where it does not."""
        return self._paired().get(opening, len(self.code))

    def opening_of(self, closing: int) -> int:
        """Where the bracket that closes at `closing` opened, or -1."""
        self._paired()
        return self._openers.get(closing, -1)

    def _paired(self) -> dict[int, int]:
        """Brackets by their opening; one that does not fit closes nothing."""
        if self._pairs is not None:
            return self._pairs
        pairs: dict[int, int] = {}
        openers = self._openers
        stack: list[tuple[str, int]] = []
        for match in _BRACKETS.finditer(self.code):
            char = match[0]
            if char not in _CLOSES:
                stack.append((char, match.start()))
                continue
            wanted = _CLOSES[char]
            # A bracket that was forgotten is closed by the next greater one.
            while stack and stack[-1][0] != wanted and len(stack) > 1 and stack[-2][0] == wanted:
                pairs[stack.pop()[1]] = match.start()
            if stack and stack[-1][0] == wanted:
                opening = stack.pop()[1]
                pairs[opening] = match.start()
                openers[match.start()] = opening
        for _, opening in stack:
            pairs[opening] = len(self.code)
        self._pairs = pairs
        return pairs

    def end_of_expression(self, start: int, *, is_argument: bool = False) -> int:
        """Where the expression that begins at `start` ends."""
        code = self.code
        limit = min(len(code), start + _LONGEST_EXPRESSION)
        at = start
        while match := _STOPS.search(code, at, limit):
            char, place = match[0], match.start()
            if char in "([{":
                at = self.close_of(place) + 1
                if at >= limit:
                    return min(at, len(code))
            elif char == "\n":
                if not is_argument and self._ends_here(start, place):
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
            matches = list(_ASSIGN.finditer(self.code))
            around = self._brackets_around(match.start() for match in matches)
            for match, bracket in zip(matches, around, strict=True):
                if not self.budget.spend(1):
                    break
                self._assign(match, in_call=bracket in ("(", "["))
        return self._assigned

    def _assign(self, match: re.Match[str], *, in_call: bool) -> None:
        start = match.end()
        end = self.end_of_expression(start, is_argument=in_call)
        self.budget.spend(end - start >> 8)
        name, place = match[1], match.start(1)
        if name[0] in _AFTER_BRACKET:
            name, place = f"(){name.lstrip('!?')}", self._start_of_chain(place)
        one = Assigned(name, place, match[2], start, end, in_call=in_call)
        assert self._assigned is not None
        self._assigned.setdefault(name.lstrip("$@"), []).append(one)

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

    def _brackets_around(self, places: Iterable[int]) -> Iterator[str]:
        """The innermost bracket that is open at each place; the places rise."""
        opened = sorted(self._paired().items())
        stack: list[tuple[int, str]] = []
        at = 0
        for place in places:
            while at < len(opened) and opened[at][0] < place:
                start, end = opened[at]
                stack.append((end, self.code[start]))
                at += 1
                while len(stack) > 1 and stack[-2][0] < start:
                    del stack[-2]
            while stack and stack[-1][0] < place:
                stack.pop()
            yield stack[-1][1] if stack else ""

    def last_assigned(self, name: str, before: int) -> Assigned | None:
        """The assignment of `name` that is seen at `before`, in the same function or around it."""
        known = self.assigned.get(name.lstrip("$@"))
        if not known:
            return None
        for at in range(bisect_left(known, before, key=_place) - 1, -1, -1):
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
        first, last = (bisect_left(known, place, key=_place) for place in (after + 1, before))
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

    def block_at(self, place: int) -> Span:
        """The innermost pair of braces around a place, with the line that it begins on."""
        best = -1
        for opening, closing in self._paired().items():
            if opening <= place < closing and opening > best and self.code[opening] == "{":
                best = opening
        if best < 0:
            return 0, len(self.code)
        return self.code.rfind("\n", 0, best) + 1, self.close_of(best) + 1

    def _function_spans(self) -> list[Span]:
        if self._functions is None:
            syntax = self.syntax
            spans: list[Span] = []
            if syntax.functions:
                for match in _functions(syntax).finditer(self.code):
                    self.budget.spend(1)
                    if len(spans) >= self.budget.most_functions:
                        break
                    span = (
                        self._indented(match.start())
                        if syntax.is_indented and syntax.name != "shell"
                        else self._braced(match)
                    )
                    if span is not None:
                        spans.append(span)
            self._functions = sorted(spans)
        return self._functions

    def _indented(self, start: int) -> Span | None:
        code = self.code
        head = code.find("\n", start)
        if head < 0:
            return start, len(code)
        first = code[start : start + 200]
        indent = len(first) - len(first.lstrip(" \t"))
        stop = re.compile(rf"\n[ \t]{{0,{indent}}}(?=[^\s)\]}}#])").search(code, head)
        return start, stop.start() if stop else len(code)

    def _braced(self, match: re.Match[str]) -> Span | None:
        code = self.code
        brace = match.end() - 1 if match[0].endswith("{") else code.find("{", match.end())
        if brace < 0 or brace - match.end() > 400:
            return None
        start = match.start()
        if match[0].startswith(")"):
            opening = self.opening_of(start)
            word = _word_before(code, opening)
            if word in _CONTROL or _MADE.search(code, max(0, opening - 100), max(0, opening)):
                return None
            start = opening if opening >= 0 else start
        elif ";" in code[match.end() : brace]:
            return None
        return start, self.close_of(brace) + 1


@lru_cache(maxsize=32)
def _functions(syntax: Syntax) -> re.Pattern[str]:
    return re.compile(syntax.functions, re.MULTILINE)


def _word_before(code: str, place: int) -> str:
    head = code[max(0, place - 40) : max(0, place)].rstrip()
    end = len(head)
    while end and (head[end - 1].isalnum() or head[end - 1] in "_$"):
        end -= 1
    return head[end:]


def word_before(code: str, place: int) -> str:
    """The word that ends directly before `place`, blanks aside; empty where none does."""
    return _word_before(code, place)
