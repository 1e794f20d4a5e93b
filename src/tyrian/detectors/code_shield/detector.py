"""Code Shield: insecure code in what a model writes, in its tool calls and in what it is given."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from tyrian.core.detection import Detection, DetectorInfo, Finding, View
from tyrian.core.message import SEGMENT_GAP, ImagePart, ToolCall
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.carry import carried
from tyrian.detectors.code_shield.embedded import with_embedded
from tyrian.detectors.code_shield.engine import CodeFinding, Engine
from tyrian.detectors.code_shield.languages import SYNTAXES, language_of_tag
from tyrian.detectors.code_shield.piece import Piece
from tyrian.detectors.code_shield.reading import pieces_of
from tyrian.detectors.code_shield.rule import Profile
from tyrian.detectors.code_shield.rule_file import load_file
from tyrian.detectors.code_shield.tool_call import pieces_of_call
from tyrian.detectors.options import check_keys, option, strings
from tyrian.errors import ConfigError

REVISION = "1"
_OPTIONS = ("profile", "rules", "ignore", "languages", "span", "rewrite")
_SPANS = ("statement", "block")
_MOST_TRIES = 5


class CodeShield:
    """Judges the code in a message; prose is not looked at."""

    is_bounded = True
    reads_trace = False

    def __init__(
        self,
        name: str,
        engine: Engine,
        profile: Profile = Profile.WARN,
        *,
        languages: frozenset[str] = frozenset(SYNTAXES),
        marks_blocks: bool = False,
        rewrite_tries: int = 0,
        revision: str = REVISION,
    ) -> None:
        self.info = DetectorInfo(name, "code_shield", ("*",), revision=revision)
        self._engine = engine
        self._profile = profile
        self._languages = languages
        self._marks_blocks = marks_blocks
        self.rewrite_tries = rewrite_tries
        """How often the gateway may ask the model to write a stopped answer again."""

    def detect(self, view: View) -> Detection:
        """One finding per rule and place, at most one per rule and line of code."""
        budget = Budget().start()
        findings: dict[tuple[str, int], Finding] = {}
        read = total = 0.0
        for piece in with_embedded(_pieces(view)):
            if piece.language not in self._languages:
                continue
            scan = self._engine.scan(piece.code, piece.language, self._profile, budget=budget)
            total += len(piece.code)
            read += len(piece.code) * scan.coverage
            for found in scan.findings:
                one = self._finding(found, piece)
                key = (one.rule.rpartition(".")[2], one.start)
                if key not in findings or findings[key].score < one.score:
                    findings[key] = one
        detection = Detection.from_findings(tuple(findings.values()))
        return detection if read >= total else replace(detection, coverage=read / total)

    def warm(self) -> None:
        """Load the rules of every language, which else the first code in it waits for."""
        for language in self._languages:
            self._engine.table(language, self._profile)

    def carry(self, text: str) -> str:
        """What of a text that has left a stream the rest must be read with."""
        return carried(text)

    def _finding(self, found: CodeFinding, piece: Piece) -> Finding:
        rule = found.rule
        start, end = piece.span(found.start, found.end)
        if self._marks_blocks and piece.block[1] > piece.block[0]:
            start, end = piece.block
        message = f"{rule.message}; {rule.fix}" if rule.fix else rule.message
        score = round(found.score * piece.trust, 3)
        return Finding(rule.id, rule.cwe, message, rule.severity, score, start, end, message)


def _pieces(view: View) -> Iterator[Piece]:
    at = 0
    for part in view.subject.parts:
        if isinstance(part, ImagePart):
            continue
        if isinstance(part, ToolCall):
            yield from pieces_of_call(part.name, part.arguments, at)
            at += len(part.arguments) + len(SEGMENT_GAP)
        else:
            yield from pieces_of(part.text, at)
            at += len(part.text) + len(SEGMENT_GAP)


def create(config: DetectorConfig) -> CodeShield:
    """The detector for insecure code.

    Options: `profile` (block, warn, audit), `rules` (files of the user's own), `ignore` (rule ids),
    `languages` (those to judge), `span` (`statement` or `block`: what a finding marks), `rewrite`
    (`{tries: N}`: how often the gateway asks the model for another answer).
    """
    check_keys(config, _OPTIONS)
    profile = _choice(config, "profile", tuple(Profile), Profile.WARN.value)
    span = _choice(config, "span", _SPANS, _SPANS[0])
    files = [load_file(Path(path)) for path in strings(config, "rules") or ()]
    return CodeShield(
        config.name,
        Engine(files, ignore=strings(config, "ignore") or ()),
        Profile(profile),
        languages=_languages(config),
        marks_blocks=span == "block",
        rewrite_tries=_tries(config),
        revision=f"{REVISION}:{profile}:{span}",
    )


def _choice(config: DetectorConfig, key: str, known: tuple[str, ...], default: str) -> str:
    value = option(config, key, str, default)
    if value not in known:
        raise ConfigError(
            f"guard {config.name!r}: option {key!r} cannot be {value!r}",
            hint=f"known: {', '.join(known)}",
        )
    return value


def _tries(config: DetectorConfig) -> int:
    value = config.options.get("rewrite")
    if value is None:
        return 0
    tries = value.get("tries") if isinstance(value, Mapping) and len(value) == 1 else None
    if not isinstance(tries, int) or isinstance(tries, bool) or not 1 <= tries <= _MOST_TRIES:
        raise ConfigError(
            f"guard {config.name!r}: option 'rewrite' needs `tries` from 1 to {_MOST_TRIES}",
            hint="write rewrite: {tries: 2}",
        )
    return tries


def _languages(config: DetectorConfig) -> frozenset[str]:
    named = strings(config, "languages")
    if named is None:
        return frozenset(SYNTAXES)
    found = {name: language_of_tag(name) for name in named}
    for name, language in found.items():
        if language is None:
            raise ConfigError(
                f"guard {config.name!r}: unknown language {name!r}",
                hint=f"known: {', '.join(SYNTAXES)}",
            )
    return frozenset(language for language in found.values() if language)
