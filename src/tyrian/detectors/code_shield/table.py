"""The rules of one language, arranged so that a text without cause meets none of them."""

from collections import defaultdict
from collections.abc import Iterable

import re2

from tyrian.detectors.code_shield.names import NamePattern, glob_regex, last_part
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.rule import CodeRule, Matcher

_MOST_WORDS = 50_000
"""Words that a name index remembers."""
_SET_MEMORY = 16 << 20
"""Bytes that the expressions of one kind may take together."""


class Entry:
    """One matcher of one rule, with what the callee or the target must look like."""

    __slots__ = ("_ignores_case", "_names", "_patterns", "matcher", "rule")

    def __init__(
        self,
        rule: CodeRule,
        matcher: Matcher,
        patterns: Iterable[str] = (),
        *,
        ignores_case: bool = False,
    ) -> None:
        self.rule = rule
        self.matcher = matcher
        self._patterns = patterns
        self._ignores_case = ignores_case
        self._names: NamePattern | None = None

    def fits(self, name: str, *, is_new: bool = False) -> bool:
        """Whether a name, with `.` between its parts, is one that the matcher is about."""
        if self._names is None:
            # Few of the names that rules know stand in any one text.
            self._names = NamePattern(self._patterns, ignores_case=self._ignores_case)
        return self._names.match(name, is_new=is_new)


class NameIndex:
    """Entries by the last part of the name that they are about."""

    def __init__(self, *, ignores_case: bool) -> None:
        self._ignores_case = ignores_case
        self._exact: defaultdict[str, list[Entry]] = defaultdict(list)
        self._wild: list[Entry] = []
        self._wild_names: dict[str, None] = {}
        self._wild_name: re2._Regexp | None = None
        self._hot: set[str] = set()
        self._cold: set[str] = set()
        self._known: dict[str, list[Entry]] = {}
        """Entries of the names that have been asked for."""

    def add(self, rule: CodeRule, matcher: Matcher, patterns: Iterable[str]) -> None:
        """Take a matcher in under each of its patterns."""
        by_last: defaultdict[str, list[str]] = defaultdict(list)
        for pattern in patterns:
            last = last_part(pattern)
            if "*" in last:
                self._wild_names[glob_regex(last)] = None
                last = "*"
            by_last[last.lower() if self._ignores_case else last].append(pattern)
        for last, those in by_last.items():
            one = Entry(rule, matcher, those, ignores_case=self._ignores_case)
            (self._wild if last == "*" else self._exact[last]).append(one)

    def close(self) -> None:
        """Compile what has been taken in."""
        if self._wild_names:
            flags = "(?i)" if self._ignores_case else ""
            self._wild_name = compiled(f"{flags}^(?:{'|'.join(self._wild_names)})$")

    def hot(self, words: frozenset[str]) -> set[str]:
        """Those of the words that an entry is about."""
        if self._wild_name is None:
            return self._exact.keys() & words
        new = words - self._hot - self._cold
        hot = {*(words & self._hot), *self._ask(new)}
        if new and len(self._hot) + len(self._cold) < _MOST_WORDS:
            self._hot |= new & hot
            self._cold |= new - hot
        return hot

    def _ask(self, words: frozenset[str]) -> set[str]:
        """Those of some words seen for the first time; all are read at once, a line for each."""
        if not words:
            return set()
        lines = "\n".join(words).encode()
        assert self._wild_name is not None
        wild = {match.group().decode() for match in self._wild_name.finditer(lines)}
        return wild | (self._exact.keys() & words)

    def of(self, last: str) -> list[Entry]:
        """Entries that may be about a name with this last part."""
        if self._wild_name is None:
            return self._exact.get(last, [])
        found = self._known.get(last)
        if found is None:
            found = self._exact.get(last, [])
            if self._wild_name.fullmatch(last.encode()):
                found = [*found, *self._wild]
            if len(self._known) < _MOST_WORDS:
                self._known[last] = found
        return found


class RegexIndex:
    """Entries with a regular expression; one pass over the text tells which match somewhere."""

    def __init__(self) -> None:
        self._entries: list[tuple[Entry, str]] = []
        self._set: re2._Set | None = None

    def add(self, entry: Entry, pattern: str) -> None:
        """Take one entry in."""
        self._entries.append((entry, pattern))

    def close(self) -> None:
        """Compile what has been taken in."""
        if not self._entries:
            return
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _SET_MEMORY
        together = re2.Set.SearchSet(options)
        for _, pattern in self._entries:
            together.Add(f"(?m){pattern}".encode())
        together.Add(b"")
        try:
            together.Compile()
        except re2.error:
            return
        self._set = together

    def matching(self, data: bytes) -> list[tuple[Entry, "re2._Regexp"]]:
        """Entries that match somewhere in the text, or may where that takes too much memory."""
        if not self._entries:
            return []
        places: Iterable[int] = range(len(self._entries))
        found = self._set.Match(data) if self._set is not None else None
        # The set says nothing of a want of memory but that nothing matches, and the empty
        # expression at its end always does.
        if found and max(found) == len(self._entries):
            places = sorted(found)[:-1]
        return [
            (entry, compiled(pattern)) for entry, pattern in map(self._entries.__getitem__, places)
        ]


class PartIndex:
    """Entries with a regular expression for parts of a text, such as its strings."""

    def __init__(self) -> None:
        self._entries: list[tuple[Entry, str]] = []
        self._filter = re2.Filter()

    def add(self, entry: Entry, pattern: str) -> None:
        """Take one entry in."""
        self._filter.Add(f"(?m){pattern}".encode())
        self._entries.append((entry, pattern))

    def close(self) -> None:
        """Compile what has been taken in."""
        if self._entries:
            self._filter.Compile()

    def candidates(self, data: bytes) -> list[tuple[Entry, "re2._Regexp"]]:
        """Entries that may match the text or a part of it: their necessary words all stand there.

        An expression that asks for the ends of a part need not match the whole.
        """
        if not self._entries:
            return []
        found = sorted(self._filter.Match(data, potential=True) or ())
        return [(entry, compiled(pattern)) for entry, pattern in (self._entries[n] for n in found)]


class RuleTable:
    """All rules that hold for one language under one profile. Safe to share between threads."""

    def __init__(
        self, rules: Iterable[CodeRule], sources: Iterable[str], *, ignores_case: bool
    ) -> None:
        self.rules = tuple(rules)
        self.finders = tuple(rule for rule in self.rules if rule.finder is not None)
        self.calls = NameIndex(ignores_case=ignores_case)
        self.assigns = NameIndex(ignores_case=ignores_case)
        self.code, self.text, self.strings = RegexIndex(), RegexIndex(), PartIndex()
        for rule in self.rules:
            for matcher in rule.matchers:
                self._add(rule, matcher)
        for index in (self.calls, self.assigns, self.code, self.text, self.strings):
            index.close()
        joined = "|".join(f"(?:{pattern})" for pattern in sources)
        self.source = compiled(joined) if joined else None

    def _add(self, rule: CodeRule, matcher: Matcher) -> None:
        if matcher.call:
            self.calls.add(rule, matcher, matcher.call)
        elif matcher.assign:
            self.assigns.add(rule, matcher, matcher.assign)
        elif matcher.code:
            self.code.add(Entry(rule, matcher), matcher.code)
        elif matcher.text:
            self.text.add(Entry(rule, matcher), matcher.text)
        else:
            self.strings.add(Entry(rule, matcher), matcher.string)
