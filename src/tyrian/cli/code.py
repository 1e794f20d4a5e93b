"""`tyrian code`: judge code in files and rows; list, show and test the rules."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.code_files import FileReport, file_budget, partly, reports_of, tasks_of, text_of
from tyrian.cli.code_git import changed_lines
from tyrian.cli.code_judge import Judge, JudgeOptions, checked_tag
from tyrian.cli.code_rows import results_of
from tyrian.cli.code_rules import app as rules_app
from tyrian.cli.code_sarif import sarif_of
from tyrian.cli.code_text import TextOutput
from tyrian.cli.exit import ExitCode
from tyrian.cli.output import StandardOutput
from tyrian.cli.plain import plain
from tyrian.cli.progress import progress
from tyrian.cli.result import Json
from tyrian.cli.source import STANDARD_INPUT
from tyrian.detectors.code_shield.rule import Profile
from tyrian.errors import ConfigError, InputError

app = typer.Typer(help="Find insecure code; list and test rules.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")

_STDIN_NAME = "stdin"


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"


@app.callback()
def _code() -> None:
    """Find insecure code; list and test rules."""


@app.command()
def scan(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...|-", help="Files and directories; - is standard input."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(envvar="TYRIAN_CODE_LANGUAGE", help="Language, where names do not tell it."),
    ] = None,
    profile: Annotated[
        Profile, typer.Option(envvar="TYRIAN_CODE_PROFILE", help="Which rules run.")
    ] = Profile.WARN,
    output_format: Annotated[
        Format | None,
        typer.Option("--format", envvar="TYRIAN_CODE_FORMAT", help="How findings are written."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            envvar="TYRIAN_CODE_SINCE", help="Only lines changed since this git revision."
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--input", envvar="TYRIAN_CODE_INPUT", help="Rows {id, code, language?} to judge."
        ),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(envvar="TYRIAN_CODE_RULES", help="Rule file of your own; may be repeated."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(envvar="TYRIAN_CODE_IGNORE", help="Id of a rule to leave out; repeatable."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(envvar="TYRIAN_CODE_JOBS", min=1, max=512, help="Processes; all cores."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress bar and no summary.")
    ] = False,
) -> None:
    """Judge code in files, directories, standard input or rows.

    Exit codes: 0 nothing found, 1 something found, 3 a file or row could not be read or judged.
    """
    tag = checked_tag(language) if language else None
    options = JudgeOptions(profile, tuple(rules or ()), tuple(ignore or ()))
    if rows is not None:
        _check_rows(paths, since, output_format)
        raise typer.Exit(_scan_rows(options, rows, tag, output_format or Format.JSONL))
    names = list(dict.fromkeys(paths or ()))
    if not names:
        raise ConfigError("nothing to scan", hint="name files or directories, or - or --input")
    if STANDARD_INPUT in names and (len(names) > 1 or since):
        raise ConfigError("- stands alone", hint="leave the other paths and --since out")
    if names == [STANDARD_INPUT]:
        reports = _standard_input(options, tag)
    else:
        reports = _files([Path(name) for name in names], tag, since, options, jobs, quiet)
    raise typer.Exit(_tell(reports, output_format or Format.TEXT, is_quiet=quiet))


def _check_rows(paths: list[str] | None, since: str | None, output_format: Format | None) -> None:
    if paths or since:
        raise ConfigError("--input stands alone", hint="leave paths and --since out")
    if output_format in (Format.TEXT, Format.SARIF):
        raise ConfigError(f"--input does not write {output_format}", hint="known: jsonl, json")


def _scan_rows(
    options: JudgeOptions, source: str, tag: str | None, output_format: Format
) -> ExitCode:
    target = StandardOutput()
    is_array = output_format is Format.JSON
    code = ExitCode.CLEAN
    gap = b"[\n"
    for result in results_of(Judge(options), source, tag):
        data = json.dumps(result).encode()
        target.put(gap + data if is_array else data + b"\n")
        gap = b",\n"
        if "error" in result or "coverage" in result:
            code = ExitCode.NOT_CHECKED
        elif result["findings"] and code is ExitCode.CLEAN:
            code = ExitCode.FOUND
    if is_array:
        target.put(b"[]\n" if gap == b"[\n" else b"\n]\n")
    return code


def _standard_input(options: JudgeOptions, tag: str | None) -> Iterator[FileReport]:
    path = Path(_STDIN_NAME)
    try:
        text = text_of(sys.stdin.buffer.read())
    except OSError as error:
        raise InputError(f"the input cannot be read: {error.strerror}") from None
    if text is None:
        yield FileReport(path, error="not a text")
        return
    judged = Judge(options).text(text, tag, file_budget())
    yield FileReport(path, judged.marks, partly(judged.coverage))


def _files(
    paths: list[Path],
    tag: str | None,
    since: str | None,
    options: JudgeOptions,
    jobs: int | None,
    is_quiet: bool,
) -> Iterator[FileReport]:
    changed = None
    if since is not None:
        folders = {path if path.is_dir() else path.parent for path in paths}
        changed = {p: r for folder in folders for p, r in changed_lines(folder, since).items()}
    tasks = tasks_of(paths, tag, changed)
    total = sum(task.size for task in tasks)
    with progress("code scan", total or None, is_wanted=not is_quiet) as bar:
        for report in reports_of(tasks, options, jobs):
            bar.advance(report.size)
            yield report


def _tell(reports: Iterator[FileReport], output_format: Format, *, is_quiet: bool) -> ExitCode:
    """Write what was found as it comes (SARIF and JSON: at the end); the exit code."""
    kept: list[FileReport] = []
    text, target = TextOutput(), StandardOutput()
    files = found = faults = 0
    if not is_quiet and sys.stderr.isatty():
        reports = iter(list(reports))  # nothing is written over the progress bar
    for report in reports:
        files += 1
        found += len(report.marks)
        if report.error:
            faults += 1
            typer.echo(f"error: {plain(str(report.path))}: {report.error}", err=True)
        if output_format is Format.TEXT:
            text.show(report)
        elif output_format is Format.JSONL:
            target.put(b"".join(json.dumps(row).encode() + b"\n" for row in _rows(report)))
        elif report.marks or report.error:
            kept.append(report)
    if output_format is Format.SARIF:
        target.put(json.dumps(sarif_of(kept), indent=2).encode() + b"\n")
    elif output_format is Format.JSON:
        rows = [row for report in kept for row in _rows(report)]
        target.put(json.dumps(rows, indent=2).encode() + b"\n")
    if not is_quiet:
        typer.echo(_summary(files, found, faults), err=True)
    if faults:
        return ExitCode.NOT_CHECKED
    return ExitCode.FOUND if found else ExitCode.CLEAN


def _summary(files: int, found: int, faults: int) -> str:
    said = f"{files} file{'s' * (files != 1)}: {found or 'no'} finding{'s' * (found != 1)}"
    return f"{said}, {faults} could not be judged" if faults else said


def _rows(report: FileReport) -> Iterator[Json]:
    path = str(report.path).encode("utf-8", "replace").decode()
    for mark in report.marks:
        rule = mark.rule
        yield {
            "file": path,
            "line": mark.line,
            "column": mark.column,
            "end_line": mark.end_line,
            "end_column": mark.end_column,
            "rule": rule.id,
            "cwe": rule.cwe,
            "owasp": rule.owasp,
            "severity": str(rule.severity),
            "confidence": str(rule.confidence),
            "profile": str(rule.profile),
            "score": mark.score,
            "message": rule.message,
            "fix": rule.fix,
            "language": mark.language,
        }
    if report.error:
        yield {"file": path, "error": report.error}
