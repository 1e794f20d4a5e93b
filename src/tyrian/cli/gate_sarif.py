"""Findings of the gate as SARIF 2.1.0, as code hosts show them beside the lines."""

from hashlib import sha256
from pathlib import Path

import tyrian
from tyrian.cli.code_sarif import LEVELS, SCORES, log_of, sentence, uri_of
from tyrian.cli.result import Json
from tyrian.supply.gate.finding import GateFinding
from tyrian.supply.gate.report import GateReport
from tyrian.supply.gate.rules import GateRule
from tyrian.supply.gate.settings import Waiver


def sarif_of(report: GateReport, root: Path) -> Json:
    """A result for each finding, the waived ones suppressed; a notification for each not read."""
    every = [*report.refusing, *(one for one, _ in report.waived)]
    ids = list(dict.fromkeys(one.rule for one in every))
    known = {one.rule: one.known for one in every}
    driver: Json = {
        "name": "Tyrian gate",
        "semanticVersion": tyrian.__version__,
        "rules": [_rule(known[name]) for name in ids],
    }
    results = [_result(one, root, ids.index(one.rule)) for one in report.refusing]
    results += [_waived(one, waiver, root, ids.index(one.rule)) for one, waiver in report.waived]
    return log_of(driver, results, [_notification(one, root) for one in report.unexamined])


def _rule(rule: GateRule) -> Json:
    owasp = [f"external/owasp/{name.lower()}" for name in rule.owasp]
    atlas = [f"external/atlas/{name.lower()}" for name in rule.atlas]
    return {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": sentence(rule.title)},
        "fullDescription": {"text": rule.reason},
        "help": {"text": sentence(rule.fix)},
        "helpUri": rule.reference,
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", "supply-chain", *owasp, *atlas],
            "security-severity": SCORES[rule.severity],
        },
    }


def _result(one: GateFinding, root: Path, index: int) -> Json:
    rule = one.known
    return {
        "ruleId": rule.id,
        "ruleIndex": index,
        "level": LEVELS[rule.severity],
        "message": {"text": f"{sentence(one.why)} {rule.reason} {sentence(rule.fix)}"},
        "locations": [_location(one, root)],
        "partialFingerprints": {"tyrianGate/v1": _fingerprint(one)},
        "properties": {"subject": one.subject},
    }


def _waived(one: GateFinding, waiver: Waiver, root: Path, index: int) -> Json:
    why = f"{waiver.reason} ({waiver.owner}, until {waiver.expires})"
    suppressed = {"kind": "external", "status": "accepted", "justification": why}
    return {**_result(one, root, index), "suppressions": [suppressed]}


def _location(one: GateFinding, root: Path) -> Json:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri_of(root / one.path)},
            "region": {"startLine": one.line},
        }
    }


def _notification(one: GateFinding, root: Path) -> Json:
    return {
        "level": "error",
        "message": {"text": f"{one.path}: {one.why}"},
        "locations": [_location(one, root)],
    }


def _fingerprint(one: GateFinding) -> str:
    """The same while the finding stays, wherever its line moves to."""
    told = f"{one.rule}\0{one.path}\0{one.subject}"
    return sha256(told.encode("utf-8", "replace")).hexdigest()[:32]
