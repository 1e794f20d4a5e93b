"""Findings in model files as SARIF 2.1.0; places are bytes, since models have no lines."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import tyrian
from tyrian.cli.code_sarif import LEVELS, SCORES, log_of, sentence, uri_of
from tyrian.cli.result import Json
from tyrian.supply.scan.finding import ScanFinding, ScanReport
from tyrian.supply.scan.rules.rule import ScanRule
from tyrian.supply.scan.rules.table import RULES


def sarif_of(reports: Sequence[ScanReport]) -> Json:
    """A result for each finding; what was not examined is a notification too."""
    found = [(report, one) for report in reports for one in report.findings]
    rules = list(dict.fromkeys(one.rule for _, one in found))
    faults = [_notification(report, one) for report, one in found if RULES[one.rule].is_unread]
    driver: Json = {
        "name": "Tyrian model scan",
        "semanticVersion": tyrian.__version__,
        "rules": [_rule(RULES[name]) for name in rules],
    }
    return log_of(driver, [_result(r, one, rules.index(one.rule)) for r, one in found], faults)


def _rule(rule: ScanRule) -> Json:
    found: Json = {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": sentence(rule.title)},
        "help": {"text": sentence(rule.fix)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", "supply-chain"],
            "security-severity": SCORES[rule.severity],
        },
    }
    if rule.reference:
        found["helpUri"] = rule.reference
    return found


def _result(report: ScanReport, found: ScanFinding, index: int) -> Json:
    inside = found.path.removeprefix(report.path).removeprefix("!/")
    place = f"{inside}: " if inside else ""
    return {
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": LEVELS[found.severity],
        "message": {"text": f"{_text(place)}{sentence(RULES[found.rule].title)} {found.why}."},
        "locations": [_location(report, 0 if inside else found.offset)],
        "partialFingerprints": {"tyrianModel/v1": _fingerprint(found)},
        "properties": {"member": _text(inside), "offset": found.offset},
    }


def _location(report: ScanReport, offset: int) -> Json:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri_of(Path(_text(report.path)))},
            "region": {"byteOffset": offset, "byteLength": 1},
        }
    }


def _notification(report: ScanReport, found: ScanFinding) -> Json:
    return {
        "level": "error",
        "message": {"text": f"{_text(found.path)}: {found.why}"},
        "locations": [_location(report, 0)],
    }


def _fingerprint(found: ScanFinding) -> str:
    told = f"{found.rule}\0{found.path}\0{found.why}"
    return sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


def _text(path: str) -> str:
    return path.encode("utf-8", "replace").decode()
