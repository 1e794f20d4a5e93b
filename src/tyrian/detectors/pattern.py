"""The user's own words and regular expressions, all matched in linear time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ahocorasick_rs import BytesAhoCorasick, Implementation

from tyrian.core.detection import Detection, DetectorInfo, Finding, Severity, View
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.haystack import Haystack
from tyrian.detectors.linear import compiled_linear
from tyrian.detectors.options import check_keys
from tyrian.detectors.readings import Place, read_each
from tyrian.errors import ConfigError

if TYPE_CHECKING:
    import re2

_KEYS = frozenset(
    {"id", "label", "regex", "words", "words_file", "severity", "case_sensitive", "whole_word",
     "score", "message"}
)  # fmt: skip
_SOURCES = ("regex", "words", "words_file")


@dataclass(frozen=True, slots=True)
class PatternSpec:
    """One entry of the option `patterns`."""

    id: str
    label: str
    regex: str = ""
    words: tuple[str, ...] = ()
    severity: Severity = Severity.MEDIUM
    score: float = 1.0
    case_sensitive: bool = False
    whole_word: bool = True
    """Words only: no letter, digit or underscore directly before or behind."""
    message: str = ""

    def findings(self, hay: Haystack, place: Place, start: int, end: int) -> Iterator[Finding]:
        """The finding for a range of bytes, unless one is known there."""
        span = place(*hay.span(start, end))
        if span is not None:
            message = self.message or f"pattern {self.id!r}"
            rule = f"pattern.{self.id}"
            yield Finding(rule, self.label, message, self.severity, self.score, *span)


class _Regexes:
    """One engine per expression; each is a pass over the text."""

    def __init__(self, specs: Iterable[PatternSpec]) -> None:
        self._compiled = [(spec, _compile(spec)) for spec in specs]

    def scan(self, hay: Haystack, place: Place) -> Iterator[Finding]:
        for spec, pattern in self._compiled:
            for match in pattern.finditer(hay.data):
                start, end = match.span()
                if start < end:
                    yield from spec.findings(hay, place, start, end)


def _compile(spec: PatternSpec) -> "re2._Regexp":
    try:
        return compiled_linear(spec.regex, case_sensitive=spec.case_sensitive)
    except ConfigError as error:
        raise ConfigError(f"pattern {spec.id!r}: {error.message}", hint=error.hint) from None


class _Words:
    """All words of one sensitivity to case in a single pass."""

    def __init__(self, specs: Iterable[PatternSpec], *, case_sensitive: bool) -> None:
        owners: dict[bytes, list[PatternSpec]] = {}
        for spec in specs:
            for word in spec.words:
                key = word if case_sensitive else _fold(word)
                owners.setdefault(key.encode("utf-8", "surrogatepass"), []).append(spec)
        self._case_sensitive = case_sensitive
        self._owners = list(owners.values())
        self._literals = (
            BytesAhoCorasick(list(owners), implementation=Implementation.ContiguousNFA)
            if owners
            else None
        )

    def scan(self, hay: Haystack, place: Place) -> Iterator[Finding]:
        if self._literals is None:
            return
        seen = hay if self._case_sensitive or hay.is_ascii else Haystack(_fold(hay.text))
        data = seen.data if self._case_sensitive or not seen.is_ascii else seen.lower
        for word, start, end in self._literals.find_matches_as_indexes(data, overlapping=True):
            for spec in self._owners[word]:
                if not spec.whole_word or _is_whole_word(seen, start, end):
                    yield from spec.findings(seen, place, start, end)


def _fold(text: str) -> str:
    """Lower case that keeps the length, so that offsets stay."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def _is_whole_word(hay: Haystack, start: int, end: int) -> bool:
    first, last = hay.span(start, end)
    text = hay.text
    before = text[first - 1] if first else " "
    after = text[last] if last < len(text) else " "
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")


class Pattern:
    """Finds what the user named, in the text as written and as it reads."""

    is_bounded = True
    reads_trace = False

    def __init__(self, name: str, specs: Iterable[PatternSpec]) -> None:
        specs = tuple(specs)
        labels = tuple(dict.fromkeys(spec.label for spec in specs))
        self.info = DetectorInfo(name, "pattern", labels, revision="1")
        self._regexes = _Regexes(spec for spec in specs if spec.regex)
        self._words = tuple(
            _Words(
                (s for s in specs if s.words and s.case_sensitive is sensitive),
                case_sensitive=sensitive,
            )
            for sensitive in (False, True)
        )

    def detect(self, view: View) -> Detection:
        """One finding per match; of overlapping matches of one pattern the longest."""
        return Detection.from_findings(tuple(_without_nested(read_each(view, self._scan))))

    def _scan(self, hay: Haystack, place: Place) -> list[Finding]:
        found = [*self._regexes.scan(hay, place)]
        for words in self._words:
            found.extend(words.scan(hay, place))
        return found


def _without_nested(found: list[Finding]) -> list[Finding]:
    found.sort(key=lambda f: (f.start, -f.end))
    kept: list[Finding] = []
    reach: dict[str, int] = {}
    for finding in found:
        if finding.end > reach.get(finding.rule, -1):
            reach[finding.rule] = finding.end
            kept.append(finding)
    return kept


def create(config: DetectorConfig) -> Pattern:
    """The detector for the user's patterns, from the option `patterns`."""
    check_keys(config, ("patterns",))
    entries = config.options.get("patterns")
    if not isinstance(entries, list | tuple) or not entries:
        raise ConfigError(
            f"guard {config.name!r}: it needs a list `patterns`",
            hint="patterns: [{id: codename, label: confidential, words: [bluebird]}]",
        )
    specs = [_spec(config, entry, number) for number, entry in enumerate(entries, 1)]
    ids = [spec.id for spec in specs]
    for id_ in ids:
        if ids.count(id_) > 1:
            raise ConfigError(f"guard {config.name!r}: two patterns have the id {id_!r}")
    return Pattern(config.name, specs)


def _spec(config: DetectorConfig, entry: object, number: int) -> PatternSpec:
    where = f"guard {config.name!r}, pattern {number}"
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where}: it must be a mapping with regex, words or words_file")
    known = DetectorConfig(f"{config.name}.patterns[{number}]", options=dict(entry))
    check_keys(known, _KEYS)
    id_ = _text(entry, "id", where) or f"pattern-{number}"
    where = f"guard {config.name!r}, pattern {id_!r}"
    if sum(source in entry for source in _SOURCES) != 1:
        raise ConfigError(f"{where}: give exactly one of {', '.join(_SOURCES)}")
    return PatternSpec(
        id=id_,
        label=_text(entry, "label", where) or id_,
        regex=_text(entry, "regex", where),
        words=_words(entry, where),
        severity=_severity(entry, where),
        score=_score(entry, where),
        case_sensitive=_flag(entry, "case_sensitive", where, default=False),
        whole_word=_flag(entry, "whole_word", where, default=True),
        message=_text(entry, "message", where),
    )


def _text(entry: Mapping[str, object], key: str, where: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str) or (key in entry and not value):
        raise ConfigError(f"{where}: {key} must be text that is not empty")
    return value


def _flag(entry: Mapping[str, object], key: str, where: str, *, default: bool) -> bool:
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise ConfigError(f"{where}: {key} must be true or false")
    return value


def _score(entry: Mapping[str, object], where: str) -> float:
    value = entry.get("score", 1.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ConfigError(f"{where}: score must be a number above 0 and at most 1")
    return float(value)


def _severity(entry: Mapping[str, object], where: str) -> Severity:
    value = entry.get("severity", Severity.MEDIUM.value)
    try:
        return Severity(str(value))
    except ValueError:
        known = ", ".join(Severity)
        raise ConfigError(f"{where}: unknown severity {value!r}", hint=f"known: {known}") from None


def _words(entry: Mapping[str, object], where: str) -> tuple[str, ...]:
    if "words_file" in entry:
        return _words_of_file(Path(_text(entry, "words_file", where)), where)
    words = entry.get("words", ())
    if isinstance(words, str):
        words = (words,)
    if not isinstance(words, list | tuple) or not all(isinstance(w, str) and w for w in words):
        raise ConfigError(f"{where}: words must be a list of words that are not empty")
    if "words" in entry and not words:
        raise ConfigError(f"{where}: words is empty")
    return tuple(words)


def _words_of_file(path: Path, where: str) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{where}: cannot read the words file {str(path)!r}: {type(error).__name__}",
            hint="one word or phrase per line, UTF-8; lines that begin with # are comments",
        ) from None
    words = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not words:
        raise ConfigError(f"{where}: the words file {str(path)!r} has no words")
    return words
