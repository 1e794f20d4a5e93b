"""Judges code of a known language: the face of the core for the detector, the CLI and tests."""

import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.fold import fold
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.languages import SYNTAXES
from tyrian.detectors.code_shield.lexer import lex
from tyrian.detectors.code_shield.loader import builtin_files
from tyrian.detectors.code_shield.match import MOST_HITS, Hit, Matching, unique
from tyrian.detectors.code_shield.rule import CodeRule, Profile, RuleFile
from tyrian.detectors.code_shield.second_reading import second_reading, without_open_comment
from tyrian.detectors.code_shield.syntax import Syntax
from tyrian.detectors.code_shield.table import RuleTable

if TYPE_CHECKING:
    from tyrian.detectors.code_shield.semgrep.source import Source


class CodeFinding(NamedTuple):
    """A rule that matched at a place of the code."""

    rule: CodeRule
    start: int
    end: int
    score: float


class CodeScan(NamedTuple):
    """What was found in one piece of code, and how much of it was read."""

    language: str
    findings: tuple[CodeFinding, ...]
    coverage: float = 1.0


class Engine:
    """Rules by language, loaded when a language is first seen. Safe to share between threads."""

    def __init__(
        self,
        extra: Iterable[RuleFile] = (),
        *,
        ignore: Iterable[str] = (),
        builtin: bool = True,
    ) -> None:
        self._extra = tuple(extra)
        self._ignored = frozenset(ignore)
        self._has_builtin = builtin
        self._tables: dict[tuple[str, Profile], RuleTable] = {}
        self._files: dict[str, tuple[RuleFile, ...]] = {}
        self._lock = threading.Lock()

    def rules(self, language: str) -> tuple[CodeRule, ...]:
        """Every rule that holds for a language, whatever its profile."""
        return self.table(language, Profile.AUDIT).rules

    def scan(
        self,
        code: str,
        language: str,
        profile: Profile = Profile.WARN,
        *,
        budget: Budget | None = None,
    ) -> CodeScan:
        """Judge a piece of code; offsets are those of `code`. KeyError for an unknown language."""
        syntax = SYNTAXES[language]
        table = self.table(language, profile)
        budget = budget or Budget().start()
        read = without_open_comment(syntax, fold(code[: budget.size]))
        lexed = lex(syntax, read)
        fragment = Fragment(syntax, lexed, budget)
        hits = Matching(fragment, table).hits()
        if table.finders:
            hits += _found_in_tree(table, fragment)
        found = [CodeFinding(hit.rule, hit.start, hit.end, hit.rule.score) for hit in unique(hits)]
        other = second_reading(syntax, lexed)
        if other is not None:
            seen = {(hit.rule.id, hit.start) for hit in hits}
            also = Matching(Fragment(syntax, other, budget), table).hits()
            found += [_doubtful(h) for h in unique(also) if (h.rule.id, h.start) not in seen]
        coverage = len(read) / len(code) if len(code) > len(read) else 1.0
        if budget.is_spent:
            coverage = min(coverage, 0.5)
        return CodeScan(language, tuple(sorted(found, key=lambda f: (f.start, f.end))), coverage)

    def table(self, language: str, profile: Profile) -> RuleTable:
        """The rules of a language under a profile, compiled once."""
        key = language, profile
        table = self._tables.get(key)
        if table is None:
            with self._lock:
                table = self._tables.get(key) or self._make(language, profile)
                self._tables[key] = table
        return table

    def _make(self, language: str, profile: Profile) -> RuleTable:
        syntax = SYNTAXES[language]
        languages = _lineage(syntax)
        files = [file for name in languages for file in self._of(name)]
        files += [file for file in self._extra if file not in files]
        rules = [
            rule
            for file in files
            for rule in file.rules
            if profile.includes(rule.profile)
            and rule.id not in self._ignored
            and _holds_for(rule, file, language, languages)
        ]
        sources = [s for file in files if file.language in languages for s in file.sources]
        return RuleTable(rules, dict.fromkeys(sources), ignores_case=syntax.ignores_case)

    def _of(self, language: str) -> tuple[RuleFile, ...]:
        if not self._has_builtin:
            return ()
        if language not in self._files:
            self._files[language] = builtin_files(language, with_examples=False)
        return self._files[language]


def _lineage(syntax: Syntax) -> tuple[str, ...]:
    names = [syntax.name]
    for parent in syntax.inherits:
        names += _lineage(SYNTAXES[parent])
    return tuple(names)


def _holds_for(rule: CodeRule, file: RuleFile, language: str, lineage: tuple[str, ...]) -> bool:
    if rule.finder is not None:
        return language in rule.languages
    if rule.languages == (file.language,):
        return file.language in lineage
    return language in rule.languages


def _found_in_tree(table: RuleTable, fragment: Fragment) -> Iterator[Hit]:
    """What the rules find that look at a tree; it is made once for all of them, if at all."""
    source: Source | None = None
    for rule in table.finders:
        if rule.finder is None or fragment.budget.is_spent:
            continue
        source = source or rule.finder.open(fragment)
        for start, end in islice(rule.finder.find(source), MOST_HITS):
            yield Hit(rule, start, end)


def _doubtful(hit: Hit) -> CodeFinding:
    """A finding of the second reading only, which is the less likely one."""
    return CodeFinding(hit.rule, hit.start, hit.end, round(hit.rule.score * 0.7, 3))


def with_offset(finding: CodeFinding, by: int) -> CodeFinding:
    """The finding, `by` characters later."""
    return finding._replace(start=finding.start + by, end=finding.end + by)
