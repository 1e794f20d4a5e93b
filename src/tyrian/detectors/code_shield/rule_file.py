"""Rule files of the user's own: in our format or in Semgrep's, told apart by what they hold."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from tyrian.detectors.code_shield.loader import parse
from tyrian.detectors.code_shield.rule import RuleFile
from tyrian.detectors.code_shield.rule_yaml import line_of, read_yaml
from tyrian.detectors.code_shield.verdict import Status, Verdict
from tyrian.errors import ConfigError

_SEMGREP = "semgrep"
"""Stands for the language of a file whose rules name their own."""
_SEMGREP_KEYS = frozenset(
    {"languages", "pattern", "patterns", "pattern-either", "pattern-regex", "match", "mode"}
)
_READER = "tyrian.detectors.code_shield.semgrep.load"
_MOST_TOLD = 5


def load_file(path: Path | str) -> RuleFile:
    """Read one rule file; ConfigError with file and line where it cannot be used as a whole."""
    return load_text(_text_of(Path(path)), str(path))


def load_text(text: str, file: str) -> RuleFile:
    """The rules in a text of either format; ConfigError names each one that is refused."""
    data = read_yaml(text, file)
    if not _is_semgrep(data):
        return parse(text, file)
    verdicts = verdicts_of(text, file)
    refused = [one for one in verdicts if one.rule is None]
    if refused:
        first = refused[0]
        message = f"{file}:{first.line}: the rule {first.id!r} is refused: {first.reasons[0]}"
        more = [f"; line {v.line}, {v.id!r}: {v.reasons[0]}" for v in refused[1 : 1 + _MOST_TOLD]]
        raise ConfigError(
            message + "".join(more), hint=f"see them all: tyrian code rules validate {file}"
        )
    return RuleFile(_SEMGREP, _SEMGREP, tuple(one.rule for one in verdicts if one.rule))


def verdicts_in(path: Path | str) -> list[Verdict]:
    """What holds of each rule of a file; ConfigError where the file as a whole cannot be used."""
    return verdicts_of(_text_of(Path(path)), str(path))


def verdicts_of(text: str, file: str) -> list[Verdict]:
    """What holds of each rule in a text; in our own format all of each, or ConfigError."""
    data = read_yaml(text, file)
    if _is_semgrep(data):
        # Few stacks have such rules; the others need not wait for what reads them.
        found = import_module(_READER).verdicts_of(data, file)
    else:
        found = [
            Verdict(rule.id, Status.EXACT, (), ("rules", number), rule)
            for number, rule in enumerate(parse(text, file).rules)
        ]
    return [one._replace(line=line_of(text, one.path)) for one in found]


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(
            f"{path}: the rule file cannot be read: {why or 'unknown why'}",
            hint="name a file of rules; `tyrian code rules new` begins one",
        ) from None


def _is_semgrep(data: object) -> bool:
    """Whether a file is in Semgrep's format, which names languages in each rule."""
    if not isinstance(data, Mapping) or "language" in data:
        return False
    rules = data.get("rules")
    first = rules[0] if isinstance(rules, list) and rules else None
    return isinstance(first, Mapping) and bool(_SEMGREP_KEYS & set(first))
