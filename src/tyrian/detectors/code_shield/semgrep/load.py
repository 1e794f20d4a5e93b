"""Reads rule files in Semgrep's format; each rule is exact, degraded or refused, and never dropped.

Source: https://semgrep.dev/docs/writing-rules/rule-syntax
"""

import re
from collections.abc import Mapping

from tyrian.core.detection import Severity
from tyrian.detectors.code_shield.languages import SYNTAXES
from tyrian.detectors.code_shield.rule import CodeRule, Confidence, Profile
from tyrian.detectors.code_shield.semgrep.fault import RefusedError
from tyrian.detectors.code_shield.semgrep.formula import Formula
from tyrian.detectors.code_shield.semgrep.grammars import GRAMMARS
from tyrian.detectors.code_shield.semgrep.read import Reading
from tyrian.detectors.code_shield.semgrep.rule import SemgrepRule
from tyrian.detectors.code_shield.semgrep.taint import TaintRule
from tyrian.detectors.code_shield.verdict import Status, Verdict

_LANGUAGES = {
    "python": "python", "py": "python", "python2": "python", "python3": "python",
    "javascript": "javascript", "js": "javascript", "typescript": "typescript", "ts": "typescript",
    "java": "java", "go": "go", "golang": "go", "c": "c", "cpp": "cpp", "c++": "cpp",
    "csharp": "csharp", "c#": "csharp", "php": "php", "ruby": "ruby", "rb": "ruby",
}  # fmt: skip
_ANY = frozenset({"generic", "regex", "none"})
"""Languages of rules that hold regular expressions only."""
_SEVERITIES = {
    "CRITICAL": (Severity.CRITICAL, Profile.BLOCK),
    "ERROR": (Severity.HIGH, Profile.BLOCK),
    "HIGH": (Severity.HIGH, Profile.BLOCK),
    "WARNING": (Severity.MEDIUM, Profile.WARN),
    "MEDIUM": (Severity.MEDIUM, Profile.WARN),
    "INFO": (Severity.LOW, Profile.AUDIT),
    "LOW": (Severity.LOW, Profile.AUDIT),
    "INVENTORY": (Severity.LOW, Profile.AUDIT),
    "EXPERIMENT": (Severity.LOW, Profile.AUDIT),
}
_HEAD = frozenset({"id", "message", "severity", "languages", "metadata", "mode", "options",
                   "paths", "fix", "fix-regex", "min-version", "max-version"})  # fmt: skip
_UNREAD_TEXT = """
author category confidence cwe description impact license likelihood owasp references
source technology tests version
"""
_UNREAD = frozenset(_UNREAD_TEXT.split())
"""Keys that authors put beside those of the format, and that change nothing of what is found."""
_SEARCH = frozenset({"pattern", "patterns", "pattern-either", "pattern-regex"})
_TAINT = frozenset({"pattern-sources", "pattern-sinks", "pattern-sanitizers",
                    "pattern-propagators"})  # fmt: skip
_NO_WEAKNESS = "CWE-710"
"""What a finding is called whose rule names no weakness."""
_CWE_KEYS = ("cwe", "cwe_id", "cwe-id")
_CWE = re.compile(r"CWE-\d+")

Node = Mapping[str, object]


def verdicts_of(data: object, file: str) -> list[Verdict]:
    """One verdict per rule, in the order of the file."""
    entries = data.get("rules") if isinstance(data, Mapping) else None
    found: list[Verdict] = []
    ids: set[str] = set()
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        at = ("rules", number)
        id_ = str(entry.get("id", "")) if isinstance(entry, Mapping) else ""
        name = id_ or f"rule {number + 1}"
        try:
            if id_ in ids:
                raise RefusedError(f"two rules have the id {id_!r}", ("id",))
            ids.add(id_)
            rule, notes = _rule(entry, file)
        except RefusedError as fault:
            found.append(Verdict(name, Status.REFUSED, (fault.reason,), (*at, *fault.path)))
            continue
        status = Status.DEGRADED if notes else Status.EXACT
        found.append(Verdict(name, status, tuple(notes), at, rule))
    return found


def _rule(entry: object, file: str) -> tuple[CodeRule, list[str]]:
    if not isinstance(entry, Mapping):
        raise RefusedError("a rule must be a mapping")
    for key in ("id", "message", "severity", "languages"):
        if key not in entry:
            raise RefusedError(f"the rule has no `{key}`")
    for key in entry:
        if key not in _HEAD | _SEARCH | _TAINT | _UNREAD:
            raise RefusedError(f"`{key}` is not supported", (key,))
    if not isinstance(entry["id"], str) or not entry["id"]:
        raise RefusedError("`id` must be text", ("id",))
    severity = _SEVERITIES.get(str(entry["severity"]).upper())
    if severity is None:
        raise RefusedError(f"unknown severity {entry['severity']!r}", ("severity",))
    notes: list[str] = []
    languages = _languages(entry["languages"], notes)
    by_language = _by_language(entry, languages, notes)
    metadata = entry.get("metadata")
    known: Node = metadata if isinstance(metadata, Mapping) else {}
    if "paths" in entry:
        notes.append("`paths` are not looked at: what a model writes has no path")
    rule = CodeRule(
        id=entry["id"],
        languages=tuple(by_language),
        cwe=_weakness(known),
        owasp=_first(known.get("owasp")),
        severity=severity[0],
        confidence=_confidence(known),
        profile=severity[1],
        message=" ".join(str(entry["message"]).split()),
        fix="",
        source=_first(known.get("references")) or _first(known.get("source")),
        matchers=(),
        file=file,
        finder=SemgrepRule(by_language),
    )
    return rule, list(dict.fromkeys(notes))


def _languages(value: object, notes: list[str]) -> list[str]:
    if not isinstance(value, list) or not value:
        raise RefusedError("`languages` must be a list", ("languages",))
    names = [str(name).lower() for name in value]
    if all(name in _ANY for name in names):
        return list(SYNTAXES)
    known = [name for name in names if name in _LANGUAGES]
    others = [name for name in names if name not in _LANGUAGES]
    if not known:
        held = ", ".join(GRAMMARS)
        raise RefusedError(f"no grammar for {', '.join(others)}; there is: {held}", ("languages",))
    if others:
        notes.append(f"not judged in {', '.join(others)}, for which there is no grammar")
    return list(dict.fromkeys(_LANGUAGES[name] for name in known))


def _by_language(
    entry: Node, languages: list[str], notes: list[str]
) -> dict[str, Formula | TaintRule]:
    mode = entry.get("mode", "search")
    if mode not in ("search", "taint"):
        raise RefusedError(f"`mode: {mode}` is not supported", ("mode",))
    wanted, others = (_TAINT, _SEARCH) if mode == "taint" else (_SEARCH, _TAINT)
    if wrong := [key for key in entry if key in others]:
        raise RefusedError(f"`{wrong[0]}` does not belong to `mode: {mode}`", (wrong[0],))
    keys = [key for key in entry if key in wanted]
    names = entry["languages"] if isinstance(entry["languages"], list) else ()
    holds_trees = not all(str(name).lower() in _ANY for name in names)
    if mode == "search" and len(keys) != 1:
        raise RefusedError(f"give exactly one of {', '.join(sorted(_SEARCH))}")
    found: dict[str, Formula | TaintRule] = {}
    for language in languages:
        reading = Reading(language, entry.get("options"), notes, holds_trees=holds_trees)
        found[language] = reading.taint(entry) if mode == "taint" else reading.top(entry, keys[0])
    for child, syntax in SYNTAXES.items():
        # Our guesses read C as C++ and the like, whose syntax holds that of C.
        parent = next((name for name in syntax.inherits if name in found), None)
        if child in GRAMMARS and child not in found and parent is not None:
            reading = Reading(child, entry.get("options"), [])
            try:
                found[child] = (
                    reading.taint(entry) if mode == "taint" else reading.top(entry, keys[0])
                )
            except RefusedError:
                continue
    return found


def _weakness(metadata: Node) -> str:
    found = _CWE.search(" ".join(str(metadata.get(key, "")) for key in _CWE_KEYS))
    return found[0] if found else _NO_WEAKNESS


def _first(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return value if isinstance(value, str) else ""


def _confidence(metadata: Node) -> Confidence:
    said = str(metadata.get("confidence", "medium")).lower()
    return Confidence(said) if said in tuple(Confidence) else Confidence.MEDIUM
