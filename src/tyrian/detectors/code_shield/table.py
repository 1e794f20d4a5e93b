"""The rules of one language, arranged so that a text without cause meets none of them."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import re2

from tyrian.detectors.code_shield.names import NamePattern, glob_regex, last_part
from tyrian.detectors.code_shield.regex import compiled
from tyrian.detectors.code_shield.rule import CodeRule, Matcher

_MOST_WORDS = 50_000
"""Words that a name index remembers."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Entry:
    """One matcher of one rule."""

    rule: CodeRule
    matcher: Matcher
    names: NamePattern | None = None
    """What the callee or the target must look like."""


class NameIndex:
    """Entries by the last part of the name that they are about."""

    def __init__(self) -> None:
        self.exact: defaultdict[str, list[Entry]] = defaultdict(list)
        self.wild: list[Entry] = []
        self._wild_names: list[str] = []
        self.wild_name: re.Pattern[str] | None = None
        self._hot: set[str] = set()
        self._cold: set[str] = set()
        self._known: dict[str, list[Entry]] = {}
        """Entries of the names that have been asked for."""

    def add(self, entry: Entry, patterns: Iterable[str], *, ignores_case: bool) -> None:
        """Take one entry in under each of its patterns."""
        by_last: defaultdict[str, list[str]] = defaultdict(list)
        for pattern in patterns:
            last = last_part(pattern)
            if "*" in last:
                self._wild_names.append(glob_regex(last))
                last = "*"
            by_last[last.lower() if ignores_case else last].append(pattern)
        for last, those in by_last.items():
            names = NamePattern(those, ignores_case=ignores_case)
            one = Entry(entry.rule, entry.matcher, names)
            (self.wild if last == "*" else self.exact[last]).append(one)

    def close(self, *, ignores_case: bool) -> None:
        """Compile what has been taken in."""
        if self._wild_names:
            flags = re.IGNORECASE if ignores_case else 0
            self.wild_name = re.compile("|".join(f"{n}\\Z" for n in set(self._wild_names)), flags)

    def hot(self, words: frozenset[str]) -> set[str]:
        """Those of the words that an entry is about."""
        if self.wild_name is None:
            return self.exact.keys() & words
        new = words - self._hot - self._cold
        return {*(words & self._hot), *filter(self._ask, new)}

    def _ask(self, word: str) -> bool:
        """Whether a word seen for the first time is one of them; remembered."""
        assert self.wild_name is not None
        is_hot = word in self.exact or bool(self.wild_name.match(word))
        known = self._hot if is_hot else self._cold
        if len(known) < _MOST_WORDS:
            known.add(word)
        return is_hot

    def of(self, last: str) -> list[Entry]:
        """Entries that may be about a name with this last part."""
        if not self.wild:
            return self.exact.get(last, [])
        found = self._known.get(last)
        if found is None:
            found = self.exact.get(last, [])
            if self.wild_name is not None and self.wild_name.match(last):
                found = [*found, *self.wild]
            if len(self._known) < _MOST_WORDS:
                self._known[last] = found
        return found


class RegexIndex:
    """Entries with a regular expression; one pass over the text tells which may match."""

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

    def matching(self, data: bytes) -> list[tuple[Entry, "re2._Regexp"]]:
        """Entries that match somewhere in the text."""
        return self._asked(data, potential=False)

    def candidates(self, data: bytes) -> list[tuple[Entry, "re2._Regexp"]]:
        """Entries that may match the text or a part of it: their necessary words all stand there.

        An expression that asks for the ends of a part need not match the whole.
        """
        return self._asked(data, potential=True)

    def _asked(self, data: bytes, *, potential: bool) -> list[tuple[Entry, "re2._Regexp"]]:
        if not self._entries:
            return []
        found = sorted(self._filter.Match(data, potential) or ())
        return [(entry, compiled(pattern)) for entry, pattern in (self._entries[n] for n in found)]


class RuleTable:
    """All rules that hold for one language under one profile. Safe to share between threads."""

    def __init__(
        self, rules: Iterable[CodeRule], sources: Iterable[str], *, ignores_case: bool
    ) -> None:
        self.rules = tuple(rules)
        self.finders = tuple(rule for rule in self.rules if rule.finder is not None)
        self.calls, self.assigns = NameIndex(), NameIndex()
        self.code, self.text, self.strings = RegexIndex(), RegexIndex(), RegexIndex()
        for rule in self.rules:
            for matcher in rule.matchers:
                self._add(Entry(rule, matcher), ignores_case=ignores_case)
        for names in (self.calls, self.assigns):
            names.close(ignores_case=ignores_case)
        for regexes in (self.code, self.text, self.strings):
            regexes.close()
        joined = "|".join(f"(?:{pattern})" for pattern in sources)
        self.source = compiled(joined) if joined else None

    def _add(self, entry: Entry, *, ignores_case: bool) -> None:
        matcher = entry.matcher
        if matcher.call:
            self.calls.add(entry, matcher.call, ignores_case=ignores_case)
        elif matcher.assign:
            self.assigns.add(entry, matcher.assign, ignores_case=ignores_case)
        elif matcher.code:
            self.code.add(entry, matcher.code)
        elif matcher.text:
            self.text.add(entry, matcher.text)
        else:
            self.strings.add(entry, matcher.string)
