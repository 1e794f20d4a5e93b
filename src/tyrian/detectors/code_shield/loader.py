"""Reads rule files. What is wrong in one is told with its file and line; nothing is dropped."""

from collections.abc import Mapping
from pathlib import Path as FilePath

from tyrian.core.detection import Severity
from tyrian.detectors.code_shield.rule import CodeRule, Confidence, Profile, RuleFile
from tyrian.detectors.code_shield.rule_matchers import MATCH_KEYS, matchers_at
from tyrian.detectors.code_shield.rule_nodes import (
    FaultError,
    Path,
    check_keys,
    check_regexes,
    language_at,
    mapping_at,
    text_at,
    texts_at,
    word_at,
)
from tyrian.detectors.code_shield.rule_plain import read_plain
from tyrian.detectors.code_shield.rule_yaml import line_of, read_yaml, without_examples
from tyrian.errors import ConfigError

_FILE_KEYS = frozenset({"language", "theme", "rules", "sources", "sanitisers"})
_RULE_KEYS = MATCH_KEYS | {
    "id", "languages", "cwe", "owasp", "severity", "confidence", "profile", "message", "fix",
    "source", "any", "sanitisers", "good", "bad",
}  # fmt: skip
_NEEDED = ("id", "cwe", "severity", "profile", "message")
_EXAMPLES = ("good", "bad")
_RULES = FilePath(__file__).parent / "rules"


def parse(text: str, file: str = "rules") -> RuleFile:
    """The rules in a text; ConfigError names `file` and the line."""
    try:
        data = read_yaml(text, file)
        found = _file(data, file, (*_NEEDED, *_EXAMPLES))
        check_regexes(data)
    except FaultError as fault:
        line = line_of(text, fault.path)
        raise ConfigError(f"{file}:{line}: {fault.message}", hint=fault.hint) from None
    return found


def builtin_files(language: str, *, with_examples: bool = True) -> tuple[RuleFile, ...]:
    """The rule files that come with Tyrian for one language, without those it inherits.

    Without examples they load in a fraction of the time, and their expressions are compiled when
    they are first used. Tests hold that these rules are the same and that all expressions can be
    compiled.
    """
    folder = _RULES / language
    if not folder.is_dir():
        return ()
    found = []
    for path in sorted(folder.glob("*.yaml")):
        text, name = path.read_text(encoding="utf-8"), f"rules/{language}/{path.name}"
        if with_examples:
            found.append(parse(text, name))
        else:
            short = without_examples(text)
            data = read_plain(short)
            found.append(_file(read_yaml(short, name) if data is None else data, name, _NEEDED))
    return tuple(found)


def _file(data: object, file: str, needed: tuple[str, ...]) -> RuleFile:
    top = mapping_at(data, ())
    check_keys(top, _FILE_KEYS, ())
    language = language_at(top.get("language"), ("language",))
    sets = mapping_at(top.get("sanitisers", {}), ("sanitisers",))
    named = {name: texts_at(value, ("sanitisers", name)) for name, value in sets.items()}
    sources = texts_at(top.get("sources", ()), ("sources",))
    entries = top.get("rules")
    if not isinstance(entries, list) or not entries:
        raise FaultError(("rules",), "a rule file needs a list `rules`")
    rules = []
    ids: set[str] = set()
    for number, entry in enumerate(entries):
        at = ("rules", number)
        node = mapping_at(entry, at)
        check_keys(node, _RULE_KEYS, at)
        for key in needed:
            if key not in node:
                raise FaultError(at, f"the rule has no `{key}`")
        rule = _rule(node, language, named, file, at)
        if rule.id in ids:
            raise FaultError((*at, "id"), f"two rules have the id {rule.id!r}")
        ids.add(rule.id)
        rules.append(rule)
    theme = text_at(top.get("theme", "other"), ("theme",))
    return RuleFile(language, theme, tuple(rules), sources)


def _rule(
    node: Mapping[str, object],
    language: str,
    named: Mapping[str, tuple[str, ...]],
    file: str,
    at: Path,
) -> CodeRule:
    def text(key: str) -> str:
        return text_at(node.get(key, ""), (*at, key))

    def texts(key: str) -> tuple[str, ...]:
        return texts_at(node.get(key, ()), (*at, key))

    cwe = text("cwe")
    if not cwe.startswith("CWE-") or not cwe[4:].isdigit():
        raise FaultError((*at, "cwe"), f"`cwe` must be like CWE-78, not {cwe!r}")
    languages = tuple(language_at(tag, (*at, "languages")) for tag in texts("languages"))
    sanitisers = [pattern for word in texts("sanitisers") for pattern in named.get(word, (word,))]
    return CodeRule(
        id=f"code.{language}.{text('id')}",
        languages=languages or (language,),
        cwe=cwe,
        owasp=text("owasp"),
        severity=word_at(node["severity"], Severity, (*at, "severity")),
        confidence=word_at(node.get("confidence", "medium"), Confidence, (*at, "confidence")),
        profile=word_at(node["profile"], Profile, (*at, "profile")),
        message=text("message"),
        fix=text("fix"),
        source=text("source"),
        matchers=matchers_at(node, at),
        sanitisers=tuple(sanitisers),
        good=texts("good"),
        bad=texts("bad"),
        file=file,
    )
