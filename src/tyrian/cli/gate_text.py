"""Findings of the gate as people read them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tyrian.cli.plain import plain
from tyrian.core.detection import Severity
from tyrian.supply.gate.finding import GateFinding
from tyrian.supply.gate.report import GateReport, Verdict
from tyrian.supply.gate.rules import RULES, SEVERITIES
from tyrian.supply.gate.settings import Level

_COLOURS = {Severity.CRITICAL: 91, Severity.HIGH: 31, Severity.MEDIUM: 33, Severity.LOW: 36}
"""Of ANSI: bright red, red, yellow, cyan."""


def lines(report: GateReport, root: Path, *, is_coloured: bool) -> Iterator[str]:
    """Each finding with what was seen, what can happen, and what to do; then what is waived.

    Why a rule matters is told once, at its first finding.
    """
    is_coloured = is_coloured and sys.stdout.isatty()
    told: set[str] = set()
    for one in report.findings:
        yield from _finding(one, root, is_first=one.rule not in told, is_coloured=is_coloured)
        told.add(one.rule)
    for one, waiver in report.waived:
        place = f"{plain(str(root / one.path))}:{one.line}"
        yield f"{place}: waived until {waiver.expires} by {plain(waiver.owner)} [{one.rule}]"
        yield f"      = reason: {plain(waiver.reason)}"


def _finding(one: GateFinding, root: Path, *, is_first: bool, is_coloured: bool) -> Iterator[str]:
    rule = one.known
    severity = str(rule.severity)
    if is_coloured:
        severity = f"\x1b[{_COLOURS[rule.severity]}m\x1b[1m{severity}\x1b[0m"
    yield f"{plain(str(root / one.path))}:{one.line}: {severity}: {rule.title} [{rule.id}]"
    yield f"      = seen: {plain(one.why)}"
    if is_first:
        yield f"      = why:  {rule.reason}"
        yield f"      = fix:  {rule.fix}"
        known = ", ".join((*(f"OWASP {name}" for name in rule.owasp), *rule.atlas))
        yield f"      = see:  {rule.reference}" + (f" ({known})" if known else "")


def github_lines(report: GateReport, root: Path) -> Iterator[str]:
    """Commands of GitHub's workflows that put each finding beside its line."""
    for one in report.findings:
        is_bad = one.severity in (Severity.HIGH, Severity.CRITICAL)
        word = "error" if is_bad and report.level is not Level.ADVISE else "warning"
        path = _escaped(os.path.relpath(root / one.path))
        text = _escaped(f"{one.known.title}: {one.why}. {one.known.fix}", is_message=True)
        yield f"::{word} file={path},line={one.line},title={one.rule}::{text}"


def _escaped(text: str, *, is_message: bool = False) -> str:
    """The text with what ends a command or its properties written out."""
    text = plain(text).replace("%", "%25")
    return text if is_message else text.replace(":", "%3A").replace(",", "%2C")


def summary(report: GateReport) -> Iterator[str]:
    """What was looked at, and how it ends."""
    counts = report.counts
    if not counts.files:
        yield "no files: nothing was examined"
        return
    looked = [
        f"{number} {name}{'s' * (number != 1)}"
        for number, name in (
            (counts.agents, "agent or client"),
            (counts.stacks, "stack"),
            (counts.servers, "MCP server"),
            (counts.containers, "container"),
            (counts.models, "locked model"),
        )
        if number
    ]
    looked = [one.replace("agent or clients", "agents and clients") for one in looked]
    files = f"{counts.files} file{'s' * (counts.files != 1)}"
    yield f"looked at {files}: {', '.join(looked) or 'nothing of an AI system'}"
    for waiver in report.unused:
        yield plain(f"{waiver.file}:{waiver.line}: nothing needs this waiver of {waiver.rule}")
    yield f"{_ending(report)}{f'; {len(report.waived)} waived' if report.waived else ''}"


def _ending(report: GateReport) -> str:
    found = report.refusing
    severities = [one.severity for one in found]
    by = ", ".join(
        f"{severities.count(one)} {one}" for one in reversed(SEVERITIES) if one in severities
    )
    number = f"{len(found)} finding{'s' * (len(found) != 1)} ({by})" if found else "no findings"
    if report.unexamined:
        number += f", {len(report.unexamined)} not examined"
    if report.level is Level.ADVISE:
        return f"advice: {number}"
    words = {
        Verdict.PASS: "may pass",
        Verdict.REFUSE: "refused",
        Verdict.NOT_EXAMINED: "not examined",
    }
    return f"{words[report.verdict]}: {number}"


def rule_lines() -> Iterator[str]:
    """Every rule in a line."""
    width = max(map(len, RULES))
    for rule in RULES.values():
        yield f"{rule.id:{width}}  {rule.severity:8}  {rule.title}"
