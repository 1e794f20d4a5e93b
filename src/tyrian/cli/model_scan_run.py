"""What `tyrian model scan` does, without the parser of the command line, which costs more."""

import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from tyrian.cli.exit import ExitCode
from tyrian.cli.model_scan_judges import text_judge
from tyrian.cli.plain import plain
from tyrian.cli.progress import progress
from tyrian.cli.standard_output import StandardOutput
from tyrian.errors import ConfigError
from tyrian.supply.scan.finding import Outcome, ScanFinding, ScanReport
from tyrian.supply.scan.walk import scan_paths, size_of


class ScanFormat(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"


def run_scan(
    paths: list[Path],
    *,
    output_format: ScanFormat = ScanFormat.TEXT,
    sha256: bool = False,
    prompt_guard: bool = False,
    quiet: bool = False,
) -> ExitCode:
    """Scan and tell; ConfigError where there is no such file."""
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise ConfigError(f"there is no file {plain(str(path))!r}", hint="name what is there")
    judge = text_judge(prompt_guard=prompt_guard)
    found = scan_paths(paths, judge, is_hashed=sha256)
    reports = _reports(paths, found, quiet)
    return _tell(reports, output_format, quiet)


def _reports(
    paths: Sequence[Path], reports: Iterator[ScanReport], quiet: bool
) -> Iterator[ScanReport]:
    is_wanted = not quiet and sys.stderr.isatty()
    total = size_of(paths) if is_wanted else None
    with progress("model scan", total, is_wanted=is_wanted) as bar:
        for report in reports:
            bar.advance(report.size)
            yield report


def _tell(reports: Iterator[ScanReport], output_format: ScanFormat, quiet: bool) -> ExitCode:
    """Write each report as it comes, JSON and SARIF at the end; the exit code."""
    target = StandardOutput()
    kept: list[ScanReport] = []
    counts = dict.fromkeys(Outcome, 0)
    if not quiet and sys.stderr.isatty():
        reports = iter(list(reports))  # nothing is written over the progress bar
    for report in reports:
        counts[report.outcome] += 1
        if output_format is ScanFormat.TEXT:
            target.put("".join(_lines(report)).encode("utf-8", "replace"))
        elif output_format is ScanFormat.JSONL:
            target.put(_json(_row(report)))
        else:
            kept.append(report)
    if output_format is ScanFormat.JSON:
        target.put(_json([_row(report) for report in kept], indent=2))
    elif output_format is ScanFormat.SARIF:
        from tyrian.cli.model_scan_sarif import sarif_of

        target.put(_json(sarif_of(kept), indent=2))
    if not quiet:
        sys.stderr.write(_summary(counts) + "\n")
    return _code(counts)


def _json(value: object, indent: int | None = None) -> bytes:
    import json

    return json.dumps(value, indent=indent).encode() + b"\n"


def _code(counts: dict[Outcome, int]) -> ExitCode:
    if counts[Outcome.FOUND]:
        return ExitCode.FOUND
    is_whole = not counts[Outcome.NOT_EXAMINED] and counts[Outcome.CLEAN]
    return ExitCode.CLEAN if is_whole else ExitCode.NOT_CHECKED


def _summary(counts: dict[Outcome, int]) -> str:
    total = sum(counts.values())
    if not total:
        return "no files: nothing was examined"
    return (
        f"{total} file{'s' * (total != 1)}: {counts[Outcome.CLEAN]} clean, "
        f"{counts[Outcome.FOUND]} with findings, {counts[Outcome.NOT_EXAMINED]} not examined"
    )


def _lines(report: ScanReport) -> Iterator[str]:
    for found in report.findings:
        from tyrian.supply.scan.rules.table import RULES

        rule = RULES[found.rule]
        yield f"{plain(found.path)}:{found.offset}: {found.severity}: {rule.title} [{rule.id}]\n"
        yield f"      = why: {plain(found.why)}\n"
        yield f"      = fix: {rule.fix}\n"
    if report.more:
        yield f"{plain(report.path)}: {report.more} findings more\n"


def _row(report: ScanReport) -> dict[str, object]:
    return {
        "file": _written(report.path),
        "outcome": str(report.outcome),
        "kind": report.kind,
        "size": report.size,
        **({"sha256": report.sha256} if report.sha256 else {}),
        "findings": [_finding(found) for found in report.findings],
        "more": report.more,
    }


def _finding(found: ScanFinding) -> dict[str, object]:
    from tyrian.supply.scan.rules.table import RULES  # which files without findings do not need

    rule = RULES[found.rule]
    return {
        "rule": found.rule,
        "severity": str(found.severity),
        "path": _written(found.path),
        "offset": found.offset,
        "message": rule.title,
        "why": found.why,
        "fix": rule.fix,
        "reference": found.reference,
    }


def _written(path: str) -> str:
    return path.encode("utf-8", "replace").decode()
