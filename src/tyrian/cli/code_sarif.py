"""Findings in code as SARIF 2.1.0, as code hosts show them beside the lines.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import tyrian
from tyrian.cli.code_files import FileReport
from tyrian.cli.code_judge import Mark
from tyrian.cli.result import Json
from tyrian.core.detection import Severity
from tyrian.detectors.code_shield.rule import CodeRule, Confidence

LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
"""The `level` of each severity."""
SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
"""The `security-severity` that code hosts sort by, 0.0 to 10.0."""
_PRECISION = {Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}


def sarif_of(reports: Sequence[FileReport]) -> Json:
    """One run: a result for each finding, a notification for each file that was not judged."""
    rules: dict[str, CodeRule] = {}
    for report in reports:
        for mark in report.marks:
            rules.setdefault(mark.rule.id, mark.rule)
    index = {name: number for number, name in enumerate(rules)}
    faults = [_notification(report) for report in reports if report.error]
    results = [
        _result(report.path, mark, index[mark.rule.id])
        for report in reports
        for mark in report.marks
    ]
    driver: Json = {
        "name": "Tyrian Code Shield",
        "semanticVersion": tyrian.__version__,
        "rules": [_rule(rule) for rule in rules.values()],
    }
    return log_of(driver, results, faults)


def log_of(driver: Json, results: list[Json], faults: list[Json]) -> Json:
    """The whole file around one run of a tool; `faults` tell what it could not judge."""
    run: Json = {
        "columnKind": "unicodeCodePoints",
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not faults, "toolExecutionNotifications": faults}],
        "results": results,
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def _rule(rule: CodeRule) -> Json:
    found: Json = {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": sentence(rule.message)},
        "help": {"text": sentence(rule.fix or rule.message)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", f"external/cwe/{rule.cwe.lower()}", f"profile/{rule.profile}"],
            "security-severity": SCORES[rule.severity],
            "precision": _PRECISION[rule.confidence],
        },
    }
    if rule.source.startswith(("https://", "http://")):
        found["helpUri"] = rule.source
    return found


def _result(path: Path, mark: Mark, index: int) -> Json:
    rule = mark.rule
    text = f"{rule.message}; {rule.fix}" if rule.fix else rule.message
    return {
        "ruleId": rule.id,
        "ruleIndex": index,
        "level": LEVELS[rule.severity],
        "message": {"text": sentence(text)},
        "locations": [_location(path, mark)],
        "partialFingerprints": {"tyrianLine/v1": _fingerprint(mark)},
        "properties": {"cwe": rule.cwe, "language": mark.language, "score": mark.score},
    }


def _location(path: Path, mark: Mark | None = None) -> Json:
    place: Json = {"artifactLocation": {"uri": uri_of(path)}}
    if mark is not None:
        place["region"] = {
            "startLine": mark.line,
            "startColumn": mark.column,
            "endLine": mark.end_line,
            "endColumn": mark.end_column,
        }
    return {"physicalLocation": place}


def _notification(report: FileReport) -> Json:
    return {
        "level": "error",
        "message": {"text": report.error},
        "locations": [_location(report.path)],
    }


def uri_of(path: Path) -> str:
    """The path as a URI reference; relative where it lies under the working directory."""
    name = os.path.relpath(path) if path.is_absolute() else os.path.normpath(path)
    if name.startswith(".."):
        return path.resolve().as_uri()
    return quote(Path(name).as_posix())


def _fingerprint(mark: Mark) -> str:
    """The rule and the line without its blanks, so that a finding keeps its name as it moves."""
    line = "".join(mark.excerpt.split())
    return sha256(f"{mark.rule.id}\0{line}".encode("utf-8", "replace")).hexdigest()[:32]


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
