"""What an expression is: a constant, a string built from values, or something else."""

import re
from collections.abc import Callable
from functools import lru_cache

from tyrian.detectors.code_shield.assignments import Assigned
from tyrian.detectors.code_shield.chain import chain_behind, is_of_text
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.functions import Span
from tyrian.detectors.code_shield.imports import normal
from tyrian.detectors.code_shield.kind import Kind, Parts, joined
from tyrian.detectors.code_shield.passing import (
    FORMS,
    KEEPING,
    LOOK_UPS,
    NO_OWNERS,
    OF_OWNER,
    PASSING,
)
from tyrian.detectors.code_shield.syntax import Syntax

_NAME = re.compile(
    r"[@$]{0,2}[A-Za-z_$][\w$]*(?:\s*(?:\.|->|::|\?\.|!\.)\s*[A-Za-z_$][\w$]*)*+[?!]?"
)
_NUMBER = re.compile(r"\d[\w.]*")
_NUMBER_CAST = re.compile(r"\(\s*(?:int|integer|float|double|bool|boolean|long|short|byte)\s*\)")
_HOLE = re.compile(r"[A-Za-z_$@]")
_MOST_STEPS = 400
"""Parts of one expression that are looked at; a longer one counts as dynamic."""
_MOST_HOPS = 6
"""Assignments that are followed one after another."""
_MOST_ADDED = 24
"""Additions to a text that are looked at; what stands before them counts as dynamic."""
_UNSEEN = Kind.DYNAMIC | Kind.STRING
"""What a text was before something was added to it, where the fragment does not show it."""


class Reader:
    """Reads expressions of one fragment; `cleans` says which calls make a value harmless."""

    def __init__(
        self,
        fragment: Fragment,
        cleans: Callable[[str], bool],
        is_source: Callable[[int, int], bool],
    ) -> None:
        self._fragment = fragment
        self._syntax = fragment.syntax
        self._cleans = cleans
        self._is_source = is_source
        self._known: dict[tuple[int, int], int] = {}
        self._steps = 0

    def kind(self, start: int, end: int, hops: int = 0) -> int:
        """The kind of the expression in `code[start:end]`."""
        key = (start, end)
        known = self._known.get(key)
        if known is None:
            self._known[key] = Kind.DYNAMIC
            if hops == 0:
                self._steps = 0
            known = self._known[key] = self._read(start, end, hops)
        return known

    def _read(self, start: int, end: int, hops: int) -> int:
        parts = Parts()
        code = self._fragment.code
        at = start
        while at < end:
            self._steps += 1
            if self._steps > _MOST_STEPS or not self._fragment.budget.spend(1):
                return Kind.DYNAMIC
            char = code[at]
            if char in " \t\r\n\\":
                at += 1
            elif char in "\"`'/" and (index := self._fragment.string_at(at)) >= 0:
                at = self._string(index, parts, hops)
            elif char.isalpha() or char in "_$@":
                at = self._name(at, end, parts, hops)
            elif char.isdigit():
                number = _NUMBER.match(code, at, end)
                at = number.end() if number else at + 1
                parts.take(Kind.LITERAL)
            elif char in "([{":
                at = self._group(at, end, parts, hops)
            else:
                at = self._operator(at, end, parts)
        kind = parts.kind()
        if kind & Kind.DYNAMIC and self._has_source(start, end, parts.looked_up):
            kind |= Kind.TAINTED
        return kind

    def _has_source(self, start: int, end: int, looked_up: list[Span]) -> bool:
        """Whether a source stands in the expression, what tables are asked for left out."""
        for begin, stop in looked_up:
            # The bracket itself belongs to what is asked, as in `argv[`.
            if start < begin and self._is_source(start, min(begin + 1, end)):
                return True
            start = max(start, stop)
        return start < end and self._is_source(start, end)

    def _operator(self, at: int, end: int, parts: Parts) -> int:
        join = _joins(self._syntax).match(self._fragment.code, at, end)
        if join is not None and join.end() > at:
            parts.joins += 1
            return join.end()
        return at + 1

    def _string(self, index: int, parts: Parts, hops: int) -> int:
        token = self._fragment.lexed.strings[index]
        kind = Kind.LITERAL | Kind.STRING
        if token.has_holes:
            inside = self._inside(token.body_start, token.body_end, hops)
            if inside & Kind.DYNAMIC:
                kind = Kind.STRING | Kind.BUILT | Kind.DYNAMIC | (inside & Kind.TAINTED)
        parts.take(kind)
        return token.end

    def _inside(self, start: int, end: int, hops: int) -> int:
        """The values inside a string with expressions; its own text is blank there."""
        code = self._fragment.code
        body = Parts()
        at = start
        while hit := _HOLE.search(code, at, end):
            self._steps += 1
            if self._steps > _MOST_STEPS:
                return Kind.DYNAMIC
            at = self._name(hit.start(), end, body, hops)
        return body.kind()

    def _name(self, at: int, end: int, parts: Parts, hops: int) -> int:
        code = self._fragment.code
        match = _NAME.match(code, at, end)
        if self._syntax.splits_at_blanks and code[at] != "$":
            # A word of a command says itself.
            parts.take(Kind.LITERAL | Kind.STRING)
            return match.end() if match else at + 1
        if match is None:
            if code.startswith("$(", at):
                parts.take(Kind.DYNAMIC | Kind.CALL)
            return at + 1
        name, after = normal(match[0]).rstrip("?!"), match.end()
        last = name.rpartition(".")[2]
        if last in self._syntax.constants and "." not in name:
            # Keywords and the names of constants say nothing of a value.
            if last[:1].isupper() or last in ("true", "false", "null", "nil"):
                parts.take(Kind.LITERAL)
            return after
        opening = after
        while opening < end and code[opening] in " \t!":
            opening += 1
        if opening < end and code[opening] == "(":
            return self._call(name, at, opening, end, parts, hops)
        kind = self._named(name, at, hops)
        index, after = after, chain_behind(self._fragment, after, end)
        if index < end and code[index] == "[":
            # What is found in a table is the table's, whoever chose the key.
            parts.looked_up.append((index, min(self._fragment.close_of(index), end)))
        parts.take(kind)
        return after

    def _call(self, name: str, start: int, opening: int, end: int, parts: Parts, hops: int) -> int:
        fragment = self._fragment
        close = min(fragment.close_of(opening), end)
        after = chain_behind(self._fragment, opening, end)
        tail = normal(fragment.code[close + 1 : after].replace("()", ""))
        last = name.rpartition(".")[2]
        if self._cleans(name) or (tail and self._cleans(tail.split("(")[0])):
            parts.take(Kind.LITERAL)
        elif last in self._syntax.formatters:
            self._format(name, opening + 1, close, parts, hops)
        else:
            kind = Kind.DYNAMIC | Kind.CALL
            looks_up = last in LOOK_UPS
            if looks_up:
                parts.looked_up.append((opening, close))
            if self._is_source(start, opening + 1 if looks_up else after):
                kind |= Kind.TAINTED
            elif last in PASSING and close > opening + 1:
                inner = self._arguments(opening + 1, close, hops)
                kind = inner.kind() | Kind.CALL
            elif last in FORMS and "." in name:
                kind = self._named(name.rpartition(".")[0], start, hops) | Kind.CALL
            elif last in FORMS and is_of_text(fragment.code, start):
                kind = Kind.LITERAL | Kind.STRING
            elif last in KEEPING and "." in name:
                kind |= self._named(name.rpartition(".")[0], start, hops) & Kind.TAINTED
            parts.take(kind)
        return after

    def _format(self, name: str, start: int, end: int, parts: Parts, hops: int) -> None:
        """`"...".format(x)`, `sprintf("...", x)`: built where a value is not constant."""
        inner = self._arguments(start, end, hops)
        receiver, _, last = name.rpartition(".")
        kind = inner.kind()
        if receiver and receiver[0] not in '"':
            owner = self._named(receiver, start, hops)
            kind |= owner & Kind.STRING
            is_value = receiver[0].islower() and receiver.rpartition(".")[2] not in NO_OWNERS
            if last in OF_OWNER and is_value:
                kind |= owner & (Kind.DYNAMIC | Kind.TAINTED)
        if kind & Kind.DYNAMIC:
            parts.take(kind | Kind.STRING | Kind.BUILT | Kind.DYNAMIC)
        else:
            parts.take(Kind.LITERAL | Kind.STRING)

    def _arguments(self, start: int, end: int, hops: int) -> Parts:
        """The parts of a list of expressions, none of which is joined to the next."""
        parts = Parts()
        at = start
        while at < end:
            stop = min(self._fragment.end_of_expression(at, is_argument=True), end)
            if stop > at:
                parts.take(self.kind(at, stop, hops + 1))
            self._steps += 1
            if self._steps > _MOST_STEPS:
                parts.take(Kind.DYNAMIC)
                break
            at = stop + 1
        return parts

    def _group(self, at: int, end: int, parts: Parts, hops: int) -> int:
        close = min(self._fragment.close_of(at), end)
        if _NUMBER_CAST.fullmatch(self._fragment.code, at, close + 1):
            return self._cast(close + 1, end, parts, hops)
        if close == at + 1:
            # An empty collection is filled later, with what nobody knows here.
            parts.take(Kind.DYNAMIC)
        elif hops < _MOST_HOPS:
            inner = self._arguments(at + 1, close, hops).kind()
            if not inner & Kind.TAINTED:
                parts.looked_up.append((at, close))
            parts.take(inner)
        else:
            parts.take(Kind.DYNAMIC)
        return chain_behind(self._fragment, close + 1, end)

    def _cast(self, at: int, end: int, parts: Parts, hops: int) -> int:
        """What is made a number is harmless, wherever it comes from."""
        parts.take(Kind.LITERAL)
        code = self._fragment.code
        while at < end and code[at] in " \t\n\r":
            at += 1
        if at < end and (code[at].isalpha() or code[at] in "_$@"):
            return self._name(at, end, Parts(), hops)
        if at < end and code[at] == "(":
            return self._group(at, end, Parts(), hops)
        return at

    def _named(self, name: str, at: int, hops: int) -> int:
        """What a name stands for where it is used."""
        fragment = self._fragment
        if hops >= _MOST_HOPS or not fragment.budget.spend(1):
            return Kind.DYNAMIC | Kind.NAME
        one = fragment.last_assigned(name, at)
        if one is None:
            return Kind.DYNAMIC | Kind.NAME | self._taint_of_owner(name, at, hops)
        added = fragment.appended(name, one.place, at)
        first: Assigned | None = one
        while first is not None and first.operator in ("+=", ".="):
            added = [first, *added]
            first = fragment.last_assigned(name, first.place) if len(added) < _MOST_ADDED else None
        kind = self.kind(first.start, first.end, hops + 1) if first else _UNSEEN
        for more in added:
            other = self.kind(more.start, more.end, hops + 1)
            kind = joined(kind, other)
        return kind | (Kind.NAME if not kind & Kind.LITERAL else 0)

    def _taint_of_owner(self, name: str, at: int, hops: int) -> int:
        """What is asked of a tainted value is tainted too."""
        if self._is_source(at, at + len(name)):
            return Kind.TAINTED
        if self._syntax.outside and self._fragment.is_outside(name.partition(".")[0], at):
            return Kind.TAINTED
        owner = self._fragment.last_assigned(name.partition(".")[0], at) if "." in name else None
        if owner is None:
            return 0
        return self.kind(owner.start, owner.end, hops + 1) & Kind.TAINTED


@lru_cache(maxsize=32)
def _joins(syntax: Syntax) -> re.Pattern[str]:
    return re.compile(rf"(?:{syntax.joins})(?![=])" if syntax.joins else r"(?!)")
