"""Holds a fragment against the rules of its language."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import re2

from tyrian.detectors.code_shield.arguments import Arguments
from tyrian.detectors.code_shield.assignments import Assigned
from tyrian.detectors.code_shield.calls import Call, calls_of
from tyrian.detectors.code_shield.conditions import Conditions
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.functions import stripped
from tyrian.detectors.code_shield.imports import Aliases, normal
from tyrian.detectors.code_shield.nearby import NO_NAMES, Names, names_of
from tyrian.detectors.code_shield.rule import CodeRule
from tyrian.detectors.code_shield.table import Entry, NameIndex, RuleTable
from tyrian.detectors.code_shield.values import Values

MOST_HITS = 64
"""Findings of one rule in one fragment; nobody reads more of them."""
_LONGEST_SPAN = 400


class Hit(NamedTuple):
    """A rule that matched, and where."""

    rule: CodeRule
    start: int
    end: int


class Matching:
    """One fragment under one table."""

    def __init__(self, fragment: Fragment, table: RuleTable) -> None:
        self._fragment = fragment
        self._table = table
        self._values = Values(fragment, table.source)
        self._counts: dict[str, int] = {}
        self._floods: set[str] = set()
        """Rules of which enough has been found."""
        self._conditions = Conditions(fragment)

    def hits(self) -> list[Hit]:
        """Every match, in order of its place."""
        found = [*self._calls(), *self._assigns(), *self._code(), *self._text(), *self._strings()]
        found.sort(key=lambda hit: (hit.start, hit.end))
        return found

    def _is_flood(self, rule: CodeRule) -> bool:
        count = self._counts[rule.id] = self._counts.get(rule.id, 0) + 1
        if count >= MOST_HITS:
            self._floods.add(rule.id)
        return count > MOST_HITS

    def _hit(self, entry: Entry, start: int, end: int, names: Names = NO_NAMES) -> Iterator[Hit]:
        holds = self._conditions.hold(entry.matcher, start, end, names)
        if holds and not self._is_flood(entry.rule):
            yield Hit(entry.rule, start, max(start, min(end, start + _LONGEST_SPAN)))

    # ---- calls and assignments

    def _calls(self) -> Iterator[Hit]:
        hot = self._table.calls.hot(self._fragment.words)
        if not hot:
            return
        rules: set[str] = set()
        arguments = Arguments(self._fragment, self._values)
        for call in calls_of(self._fragment, hot, Aliases(self._fragment)):
            last = call.name.rpartition(".")[2]
            for entry in self._table.calls.of(last):
                if (
                    entry.rule.id not in self._floods
                    and entry.fits(call.name, is_new=call.is_new)
                    and arguments.fit(entry, call)
                ):
                    names = arguments.names_of(entry, call)
                    if names is not None:
                        yield from self._hit(entry, call.start, _end_of(call), names)
            if self._floods:
                rules = rules or {e.rule.id for word in hot for e in self._table.calls.of(word)}
                if self._floods >= rules:
                    return

    def _assigns(self) -> Iterator[Hit]:
        index = self._table.assigns
        hot = index.hot(self._fragment.words)
        if not hot:
            return
        fitting: dict[str, list[Entry]] = {}
        for known in self._fragment.assigned.values():
            for one in known:
                entries = fitting.get(one.name)
                if entries is None:
                    entries = fitting[one.name] = self._entries_for(index, normal(one.name))
                if entries and not self._fragment.budget.spend(1):
                    return
                for entry in entries:
                    if entry.rule.id not in self._floods and self._takes(entry, one):
                        yield from self._hit(entry, one.place, one.end)

    def _entries_for(self, index: NameIndex, name: str) -> list[Entry]:
        last = name.rpartition(".")[2]
        candidates = index.of(last.lower() if self._fragment.syntax.ignores_case else last)
        return [entry for entry in candidates if entry.fits(name)]

    def _takes(self, entry: Entry, one: Assigned) -> bool:
        start, end = stripped(self._fragment.code, one.start, one.end)
        return start < end and self._values.holds(entry.matcher.value, start, end, entry.rule)

    # ---- regular expressions

    def _code(self) -> Iterator[Hit]:
        data = self._fragment.code_data
        for entry, pattern in self._table.code.matching(data):
            yield from self._matches(entry, pattern, data)

    def _text(self) -> Iterator[Hit]:
        data = self._fragment.plain_data
        for entry, pattern in self._table.text.matching(data):
            yield from self._matches(entry, pattern, data)

    def _matches(self, entry: Entry, pattern: "re2._Regexp", data: bytes) -> Iterator[Hit]:
        for count, match in enumerate(pattern.finditer(data)):
            if count > 4 * MOST_HITS or not self._fragment.budget.spend(1):
                return
            start, end = match.span()
            if end > start:
                names = names_of(match) if entry.matcher.has_names else NO_NAMES
                if names is None:
                    continue
                start += len(data[start:end]) - len(data[start:end].lstrip())
                yield from self._hit(entry, start, end, names)

    def _strings(self) -> Iterator[Hit]:
        if not self._fragment.lexed.strings:
            return
        data = self._fragment.plain_data
        for entry, pattern in self._table.strings.candidates(data):
            for token in self._fragment.lexed.strings:
                if not self._fragment.budget.spend(1):
                    return
                if pattern.search(data[token.body_start : token.body_end]):
                    yield from self._hit(entry, token.start, token.end)


def _end_of(call: Call) -> int:
    """The end of the call, or of its first arguments where a whole function stands in it."""
    if call.end - call.start <= _LONGEST_SPAN or not call.arguments:
        return call.end
    return call.arguments[0].end


def unique(hits: Iterable[Hit]) -> list[Hit]:
    """One hit per rule and place."""
    seen: set[tuple[str, int]] = set()
    kept = []
    for hit in hits:
        key = (hit.rule.id, hit.start)
        if key not in seen:
            seen.add(key)
            kept.append(hit)
    return kept
