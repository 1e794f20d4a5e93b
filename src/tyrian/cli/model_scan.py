"""`tyrian model scan`: what the files of a model would do, told without loading any of them."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.model_scan_judges import text_judge
from tyrian.cli.output import StandardOutput
from tyrian.cli.plain import plain
from tyrian.cli.progress import progress
from tyrian.cli.result import Json
from tyrian.errors import ConfigError
from tyrian.supply.scan.finding import Outcome, ScanReport
from tyrian.supply.scan.rules import RULES
from tyrian.supply.scan.walk import scan_paths, size_of


class ScanFormat(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"


def scan(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, or directories of models.")
    ],
    output_format: Annotated[
        ScanFormat,
        typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the findings."),
    ] = ScanFormat.TEXT,
    sha256: Annotated[
        bool,
        typer.Option(
            "--sha256", envvar="TYRIAN_SHA256", help="Tell each file's digest too (json, jsonl)."
        ),
    ] = False,
    prompt_guard: Annotated[
        bool,
        typer.Option(
            "--prompt-guard",
            envvar="TYRIAN_PROMPT_GUARD",
            help="Have the embedded Prompt Guard read texts; it takes some licences for attacks.",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", envvar="TYRIAN_QUIET", help="No talk, no bar.")
    ] = False,
) -> None:
    """Tell what the files of a model would do; nothing of them is loaded or run.

    Exit codes: 0 all examined and clean, 1 something found, 2 usage, 3 something not examined.
    """
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise ConfigError(f"there is no file {plain(str(path))!r}", hint="name what is there")
    judge = text_judge(prompt_guard=prompt_guard)
    found = scan_paths(paths, judge, is_hashed=sha256)
    raise typer.Exit(_tell(_reports(paths, found, quiet), output_format, quiet))


def _reports(paths: list[Path], reports: Iterator[ScanReport], quiet: bool) -> Iterator[ScanReport]:
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
            target.put(json.dumps(_row(report)).encode() + b"\n")
        else:
            kept.append(report)
    if output_format is ScanFormat.JSON:
        target.put(json.dumps([_row(report) for report in kept], indent=2).encode() + b"\n")
    elif output_format is ScanFormat.SARIF:
        from tyrian.cli.model_scan_sarif import sarif_of

        target.put(json.dumps(sarif_of(kept), indent=2).encode() + b"\n")
    if not quiet:
        typer.echo(_summary(counts), err=True)
    return _code(counts)


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
        rule = RULES[found.rule]
        yield f"{plain(found.path)}:{found.offset}: {found.severity}: {rule.title} [{rule.id}]\n"
        yield f"      = why: {plain(found.why)}\n"
        yield f"      = fix: {rule.fix}\n"
    if report.more:
        yield f"{plain(report.path)}: {report.more} findings more\n"


def _row(report: ScanReport) -> Json:
    return {
        "file": _written(report.path),
        "outcome": str(report.outcome),
        "kind": report.kind,
        "size": report.size,
        **({"sha256": report.sha256} if report.sha256 else {}),
        "findings": [
            {
                "rule": found.rule,
                "severity": str(found.severity),
                "path": _written(found.path),
                "offset": found.offset,
                "message": RULES[found.rule].title,
                "why": found.why,
                "fix": RULES[found.rule].fix,
                "reference": found.reference,
            }
            for found in report.findings
        ],
        "more": report.more,
    }


def _written(path: str) -> str:
    return path.encode("utf-8", "replace").decode()
