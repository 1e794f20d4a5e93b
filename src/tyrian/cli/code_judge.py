"""Judges code and tells each finding with its line and column."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.embedded import with_embedded
from tyrian.detectors.code_shield.engine import CodeFinding, Engine
from tyrian.detectors.code_shield.languages import SYNTAXES, YAML_TAGS, language_of_tag
from tyrian.detectors.code_shield.piece import Piece
from tyrian.detectors.code_shield.reading import pieces_of, read_code
from tyrian.detectors.code_shield.rule import CodeRule, Profile
from tyrian.detectors.code_shield.rule_file import load_file
from tyrian.errors import ConfigError

PAGE_TAG = "html"
"""Pages, of which the scripts are judged."""
_LEAST = {Profile.BLOCK: 0.5, Profile.WARN: 0.5, Profile.AUDIT: 0.2}
"""The score that a finding needs, as the guard's threshold for that profile."""
_EXCERPT = 160
"""Characters of a line that are shown."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding at its place; lines and columns count characters from 1, `end_column` is open."""

    rule: CodeRule
    language: str
    score: float
    line: int
    column: int
    end_line: int
    end_column: int
    excerpt: str
    """The line, or the part of a long one that the finding stands in."""
    caret: int
    """Where in the excerpt the finding begins."""
    width: int
    """Characters of the excerpt that it covers."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found in one text, and how much of it was read (0..1)."""

    marks: tuple[Mark, ...]
    coverage: float = 1.0


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """What a judge is made of; small, so that each process makes its own judge."""

    profile: Profile = Profile.WARN
    rules: tuple[Path, ...] = ()
    ignore: tuple[str, ...] = ()


class Judge:
    """Rules under one profile. Safe to share between threads."""

    def __init__(self, options: JudgeOptions) -> None:
        """ConfigError where a rule file cannot be used."""
        files = [load_file(path) for path in options.rules]
        self._engine = Engine(files, ignore=options.ignore)
        self._profile = options.profile

    def text(self, text: str, tag: str | None, budget: Budget, *, is_file: bool = False) -> Judged:
        """Judge a text in the language of `tag`; None: its fenced blocks, else what it looks like.

        One place has one finding of a weakness, that of the surest rule.
        `is_file`: the whole text is code of that language, never a diff or a transcript.
        """
        found: dict[tuple[str, tuple[int, int]], tuple[CodeFinding, Piece, float]] = {}
        read = total = 0.0
        for piece in with_embedded(_pieces(text, tag, is_file=is_file)):
            scan = self._engine.scan(piece.code, piece.language, self._profile, budget=budget)
            total += len(piece.code)
            read += len(piece.code) * scan.coverage
            for one in scan.findings:
                score = round(one.score * piece.trust, 3)
                key = (one.rule.cwe, piece.span(one.start, one.end))
                if score >= _LEAST[self._profile] and (key not in found or found[key][2] < score):
                    found[key] = (one, piece, score)
        places = _Places(text)
        marks = [places.mark(*one) for one in found.values()]
        marks.sort(key=lambda mark: (mark.line, mark.column, mark.rule.id))
        return Judged(tuple(marks), read / total if read < total else 1.0)


def checked_tag(language: str) -> str:
    """The language or tag that a person named; ConfigError for an unknown one."""
    tag = language.strip().lower()
    known = language_of_tag(tag)
    if known is None and tag not in YAML_TAGS and tag != PAGE_TAG:
        raise ConfigError(
            f"unknown language {language!r}",
            hint=f"known: {', '.join((*SYNTAXES, 'yaml', PAGE_TAG))}",
        )
    return known or tag


def _pieces(text: str, tag: str | None, *, is_file: bool) -> Iterable[Piece]:
    if tag is None:
        return list(pieces_of(text)) or read_code(text, "")
    if is_file and tag in SYNTAXES:
        return [Piece(text, 0, tag)]
    return read_code(text, tag)


class _Places:
    """Offsets of a text as lines and columns."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def mark(self, found: CodeFinding, piece: Piece, score: float) -> Mark:
        """The finding at its place."""
        start, end = piece.span(found.start, found.end)
        line, column = self._place(start)
        end_line, end_column = self._place(max(start, end - 1))
        excerpt, caret = self._excerpt(line, column)
        width = end_column + 1 - column if end_line == line else len(excerpt)
        return Mark(
            found.rule,
            piece.language,
            score,
            line,
            column,
            end_line,
            end_column + 1,
            excerpt,
            caret,
            max(1, min(width, len(excerpt) - caret)),
        )

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _excerpt(self, line: int, column: int) -> tuple[str, int]:
        start = self._starts[line - 1]
        end = self._starts[line] - 1 if line < len(self._starts) else len(self._text)
        skipped = max(0, column - _EXCERPT // 2) if end - start > _EXCERPT else 0
        shown = self._text[start + skipped : min(end, start + skipped + _EXCERPT)]
        return shown.rstrip("\r"), column - 1 - skipped
