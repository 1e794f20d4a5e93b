"""Holds expressions of a fragment against the conditions of rules."""

import re
from collections.abc import Callable
from functools import lru_cache

import re2

from tyrian.detectors.code_shield.expression import Reader
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.functions import stripped
from tyrian.detectors.code_shield.imports import normal
from tyrian.detectors.code_shield.kind import Kind
from tyrian.detectors.code_shield.names import NamePattern, last_part
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.rule import CodeRule, Is, Value

_KINDS = {
    Is.LITERAL: Kind.LITERAL,
    Is.BUILT: Kind.BUILT,
    Is.DYNAMIC: Kind.DYNAMIC,
    Is.NAME: Kind.NAME,
    Is.CALL: Kind.CALL,
    Is.TAINTED: Kind.TAINTED,
}


_SHORT = 200
"""Characters of what an expression says that is kept: a name may say far more than its letters."""


class Values:
    """The expressions of one fragment; `source` is what foreign data comes from."""

    def __init__(self, fragment: Fragment, source: "re2._Regexp | None") -> None:
        self._fragment = fragment
        self._source = source
        self._readers: dict[tuple[str, ...], Reader] = {}
        self._said: dict[tuple[int, int], tuple[str, bytes]] = {}
        """What short expressions say that rules have asked about, as text and as bytes."""

    def holds(self, value: Value, start: int, end: int, rule: CodeRule) -> bool:
        """Whether the expression in `code[start:end]` is what a rule asks for."""
        # What the text says is quicker to see than what it is made of.
        return self._says(value, start, end) and self._is_made(value, start, end, rule)

    def _says(self, value: Value, start: int, end: int) -> bool:
        if not (value.equals or value.not_equals or value.regex or value.not_regex):
            return True
        text, data = self._said.get((start, end)) or self._say(start, end)
        if value.equals and text not in value.equals:
            return False
        if value.not_equals and text in value.not_equals:
            return False
        if value.regex and not compiled(value.regex).search(data):
            return False
        return not (value.not_regex and compiled(value.not_regex).search(data))

    def _say(self, start: int, end: int) -> tuple[str, bytes]:
        text = self.value_of(start, end)
        said = text, text.encode()
        if len(text) <= _SHORT:
            self._said[start, end] = said
        return said

    def _is_made(self, value: Value, start: int, end: int, rule: CodeRule) -> bool:
        if value.is_ and not self._is_any(value.is_, start, end, rule):
            return False
        return not (value.not_is and self._is_any(value.not_is, start, end, rule))

    def _is_any(self, wanted: tuple[Is, ...], start: int, end: int, rule: CodeRule) -> bool:
        return any(self._is(one, start, end, rule) for one in wanted)

    def _is(self, wanted: Is, start: int, end: int, rule: CodeRule) -> bool:
        if wanted is Is.PRESENT:
            return True
        if wanted is Is.ABSENT:
            return False
        kind = self._reader(rule).kind(start, end)
        if wanted is Is.STRING:
            return bool(kind & Kind.LITERAL and kind & Kind.STRING)
        return bool(kind & _KINDS[wanted])

    def _reader(self, rule: CodeRule) -> Reader:
        reader = self._readers.get(rule.sanitisers)
        if reader is None:
            # Rules whose sanitisers do not stand in the text read it alike, so they share a reader.
            fragment = self._fragment
            key = _standing(
                rule.sanitisers, fragment.words, ignores_case=fragment.syntax.ignores_case
            )
            reader = self._readers.get(key)
            if reader is None:
                cleans = _cleaner(key, fragment.syntax.cleaners)
                reader = self._readers[key] = Reader(fragment, cleans, self._is_source)
            self._readers[rule.sanitisers] = reader
        return reader

    def _is_source(self, start: int, end: int) -> bool:
        source = self._source
        return source is not None and bool(source.search(self._fragment.code[start:end].encode()))

    def value_of(self, start: int, end: int, hops: int = 4) -> str:
        """What an expression says: the body of a literal string, a name's constant, or the code."""
        fragment = self._fragment
        start, end = stripped(fragment.code, start, end)
        index = fragment.string_at(start)
        if index >= 0:
            token = fragment.lexed.strings[index]
            if token.end >= end:
                return fragment.lexed.text[token.body_start : token.body_end]
        piece = fragment.code[start:end]
        if hops and _PLAIN_NAME.match(piece):
            one = fragment.last_assigned(normal(piece), start)
            if one is not None and one.operator not in ("+=", ".="):
                return self.value_of(one.start, one.end, hops - 1)
        return fragment.plain[start:end]


_PLAIN_NAME = re.compile(r"[@$]{0,2}[A-Za-z_$][\w$.]*\Z")


def _standing(
    patterns: tuple[str, ...], words: frozenset[str], *, ignores_case: bool
) -> tuple[str, ...]:
    """The patterns, or none where no name that they fit stands among the words of the text."""
    lasts = _lasts(patterns, ignores_case=ignores_case)
    return () if lasts.isdisjoint(words) and "*" not in lasts else patterns


@lru_cache(maxsize=256)
def _lasts(patterns: tuple[str, ...], *, ignores_case: bool) -> frozenset[str]:
    return frozenset(last_part(p).lower() if ignores_case else last_part(p) for p in patterns)


@lru_cache(maxsize=256)
def _cleaner(patterns: tuple[str, ...], always: frozenset[str]) -> Callable[[str], bool]:
    names = NamePattern(patterns) if patterns else None
    lasts = {last_part(pattern) for pattern in patterns}

    def cleans(name: str) -> bool:
        last = name.rpartition(".")[2]
        if last in always:
            return True
        return names is not None and (last in lasts or "*" in lasts) and names.match(name)

    return cleans
