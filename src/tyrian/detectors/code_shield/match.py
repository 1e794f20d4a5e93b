"""Holds a fragment against the rules of its language."""

from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import NamedTuple

import re2

from tyrian.detectors.code_shield.assignments import Assigned
from tyrian.detectors.code_shield.buffers import Buffers
from tyrian.detectors.code_shield.calls import Argument, Call, calls_of
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.functions import Span, stripped
from tyrian.detectors.code_shield.imports import Aliases, normal
from tyrian.detectors.code_shield.nearby import Names, Surroundings, names_of
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.rule import ArgumentTest, CodeRule, Is, Matcher, Scope
from tyrian.detectors.code_shield.table import Entry, NameIndex, RuleTable
from tyrian.detectors.code_shield.values import Values

MOST_HITS = 64
"""Findings of one rule in one fragment; nobody reads more of them."""
_LONGEST_SPAN = 400
_SAID_ABOVE = 3
"""Lines above a place whose comments speak of it."""
_NO_NAMES: Names = MappingProxyType({})
_COUNTS_KEYWORDS = frozenset({"swift", "ruby"})


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
        self._aliases: Aliases | None = None
        self._values = Values(fragment, table.source)
        self._counts: dict[str, int] = {}
        self._floods: set[str] = set()
        """Rules of which enough has been found."""
        self._plain: bytes | None = None
        self._surroundings: Surroundings | None = None
        self._in_scope: dict[tuple[int, int, int], bool] = {}
        """Whether the surroundings of a matcher hold in a span; many matches share theirs."""
        self._buffers: Buffers | None = None

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

    def _hit(self, entry: Entry, start: int, end: int, names: Names = _NO_NAMES) -> Iterator[Hit]:
        if (
            self._is_in_scope(entry.matcher, start)
            and self._is_surrounded(entry.matcher, start, end, names)
            and not self._is_said(entry.matcher, start)
            and not self._is_flood(entry.rule)
        ):
            yield Hit(entry.rule, start, max(start, min(end, start + _LONGEST_SPAN)))

    # ---- calls and assignments

    def _calls(self) -> Iterator[Hit]:
        hot = self._table.calls.hot(self._fragment.words)
        if not hot:
            return
        rules: set[str] = set()
        self._aliases = Aliases(self._fragment)
        for call in calls_of(self._fragment, hot, self._aliases):
            last = call.name.rpartition(".")[2]
            for entry in self._table.calls.of(last):
                if (
                    entry.names
                    and entry.rule.id not in self._floods
                    and entry.names.match(call.name, is_new=call.is_new)
                    and self._fits(entry, call)
                ):
                    names = self._names_of(entry, call)
                    if names is not None:
                        yield from self._hit(entry, call.start, _end_of(call), names)
            if self._floods:
                rules = rules or {e.rule.id for word in hot for e in self._table.calls.of(word)}
                if self._floods >= rules:
                    return

    def _fits(self, entry: Entry, call: Call) -> bool:
        for test in entry.matcher.args:
            if not self._has(test, call, entry.rule):
                return False
        room = entry.matcher.room
        if room is None:
            return True
        if self._buffers is None:
            self._buffers = Buffers(self._fragment)
        return self._buffers.room(call, room) in room.is_

    def _names_of(self, entry: Entry, call: Call) -> Names | None:
        """What the variables of the arguments stand for; None where they differ."""
        found: dict[str, bytes] = {}
        for test in entry.matcher.args:
            pattern = test.value.regex
            if not test.name and "(?P<" not in pattern:
                continue
            for one in self._chosen(test, call):
                if self._values.holds(test.value, one.start, one.end, entry.rule):
                    if test.name:
                        text = self._fragment.code[one.start : one.end]
                        found[test.name] = "".join(text.split()).encode()
                    inner = self._groups(pattern, one) if "(?P<" in pattern else {}
                    if inner is None:
                        return None
                    found |= inner
                    break
        return found or _NO_NAMES

    def _has(self, test: ArgumentTest, call: Call, rule: CodeRule) -> bool:
        chosen = self._chosen(test, call)
        if not chosen:
            value = test.value
            if Is.ABSENT in value.is_:
                return True
            asks = value.is_ or value.equals or value.regex or Is.ABSENT in value.not_is
            return not asks
        if test.value.is_ == (Is.ABSENT,):
            return False
        return any(self._values.holds(test.value, one.start, one.end, rule) for one in chosen)

    def _chosen(self, test: ArgumentTest, call: Call) -> Sequence[Argument]:
        if test.is_any:
            return call.arguments
        plain: Sequence[Argument] = call.arguments
        if any(one.keyword for one in plain):
            if named := [one for one in plain if one.keyword in test.keywords]:
                return named
            if self._fragment.syntax.name not in _COUNTS_KEYWORDS:
                plain = [one for one in plain if not one.keyword]
        size = len(plain)
        return [plain[index] for index in test.indexes if -size <= index < size]

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
        return [entry for entry in candidates if entry.names and entry.names.match(name)]

    def _takes(self, entry: Entry, one: Assigned) -> bool:
        start, end = stripped(self._fragment.code, one.start, one.end)
        return start < end and self._values.holds(entry.matcher.value, start, end, entry.rule)

    def _groups(self, pattern: str, argument: Argument) -> dict[str, bytes] | None:
        match = compiled(pattern).search(
            self._values.value_of(argument.start, argument.end).encode()
        )
        return names_of(match) if match else {}

    # ---- regular expressions

    def _code(self) -> Iterator[Hit]:
        data = self._fragment.code.encode()
        for entry, pattern in self._table.code.matching(data):
            yield from self._matches(entry, pattern, data)

    def _text(self) -> Iterator[Hit]:
        data = self._plain_data()
        for entry, pattern in self._table.text.matching(data):
            yield from self._matches(entry, pattern, data)

    def _matches(self, entry: Entry, pattern: "re2._Regexp", data: bytes) -> Iterator[Hit]:
        for count, match in enumerate(pattern.finditer(data)):
            if count > 4 * MOST_HITS or not self._fragment.budget.spend(1):
                return
            start, end = match.span()
            if end > start:
                names = names_of(match) if entry.matcher.has_names else _NO_NAMES
                if names is None:
                    continue
                start += len(data[start:end]) - len(data[start:end].lstrip())
                yield from self._hit(entry, start, end, names)

    def _strings(self) -> Iterator[Hit]:
        if not self._fragment.lexed.strings:
            return
        data = self._plain_data()
        for entry, pattern in self._table.strings.candidates(data):
            for token in self._fragment.lexed.strings:
                if not self._fragment.budget.spend(1):
                    return
                if pattern.search(data[token.body_start : token.body_end]):
                    yield from self._hit(entry, token.start, token.end)

    def _plain_data(self) -> bytes:
        if self._plain is None:
            self._plain = self._fragment.plain.encode()
        return self._plain

    # ---- conditions

    def _is_in_scope(self, matcher: Matcher, place: int) -> bool:
        if not matcher.requires and not matcher.unless:
            return True
        start, end = self._scope(matcher.scope, place)
        key = id(matcher), start, end
        known = self._in_scope.get(key)
        if known is None:
            data = self._plain_data()[start:end]
            known = self._in_scope[key] = not any(
                compiled(pattern).search(data) for pattern in matcher.unless
            ) and all(compiled(pattern).search(data) for pattern in matcher.requires)
        return known

    def _is_surrounded(self, matcher: Matcher, start: int, end: int, names: Names) -> bool:
        if matcher.nearby is None:
            return True
        if self._surroundings is None:
            self._surroundings = Surroundings(self._fragment)
        return self._surroundings.fit(matcher.nearby, start, end, names)

    def _is_said(self, matcher: Matcher, place: int) -> bool:
        """A comment near the place says what the rule would have people say."""
        if not matcher.unless_said:
            return False
        text = self._fragment.lexed.text
        start, end = place, place
        for _ in range(_SAID_ABOVE + 1):
            start = text.rfind("\n", 0, max(start, 0))
        for _ in range(2):
            end = text.find("\n", end + 1) if end >= 0 else -1
        data = text[start + 1 : end if end >= 0 else len(text)].encode()
        return any(compiled(pattern).search(data) for pattern in matcher.unless_said)

    def _scope(self, scope: Scope, place: int) -> Span:
        code = self._fragment.code
        if scope is Scope.LINE:
            end = code.find("\n", place)
            return code.rfind("\n", 0, place) + 1, len(code) if end < 0 else end
        if scope is Scope.FUNCTION:
            start, end = self._fragment.function_at(place)
            return self._fragment.head_of(start), end
        if scope is Scope.BLOCK:
            return self._fragment.block_at(place)
        return 0, len(code)


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
