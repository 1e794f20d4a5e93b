"""`tyrian scan`: judge rows of texts or conversations, any number of them."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, BinaryIO
from urllib.parse import quote

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.formats import Format, Tally, writer
from tyrian.cli.judging import Judge
from tyrian.cli.output import AppendedFile, Earlier, ReplacedFile, StandardOutput, Target
from tyrian.cli.progress import Progress, progress
from tyrian.cli.rows import ROW_HINT, LineSplitter
from tyrian.cli.scan_run import ScanRun
from tyrian.cli.source import STANDARD_INPUT, opened, read
from tyrian.core.detection import Stage
from tyrian.errors import ConfigError
from tyrian.firewall.firewall import Firewall


def scan(
    source: Annotated[
        str, typer.Argument(metavar="INPUT.jsonl|-", help="Rows to judge; - is standard input.")
    ] = STANDARD_INPUT,
    stage: Annotated[
        Stage | None,
        typer.Option(envvar="TYRIAN_STAGE", help="Stage of the rows that name none themselves."),
    ] = None,
    stack: Annotated[
        Path | None,
        typer.Option(envvar="TYRIAN_STACK", help="Stack file; the default stack without one."),
    ] = None,
    output_format: Annotated[
        Format,
        typer.Option("--format", envvar="TYRIAN_SCAN_FORMAT", help="How results are written."),
    ] = Format.JSONL,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the results.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an earlier --output stopped.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option(envvar="TYRIAN_CONCURRENCY", min=1, max=1024, help="Rows at once.")
    ] = 16,
    max_row_bytes: Annotated[
        int,
        typer.Option(
            envvar="TYRIAN_MAX_ROW_BYTES", min=1024, help="A longer row gives an error row."
        ),
    ] = 16 * 1024 * 1024,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress bar, notes or summary.")
    ] = False,
) -> None:
    """Judge rows {"id", "text"} or {"id", "messages"} and write a result for each, in order.

    Exit codes: 0 all allowed, 1 something found, 3 a row could not be read or judged.
    """
    _check_output(source, output, output_format, is_resumed=resume)
    firewall = Firewall.from_stack(stack) if stack else Firewall.default()
    if not quiet:
        _tell_fallbacks(firewall)
    tally = Tally()
    earlier = Earlier(output, tally) if output and resume else None
    with opened(source) as stream, progress("scan", _size(stream), is_wanted=not quiet) as bar:
        target = _target(output, output_format, earlier)
        judge = Judge(firewall, stage, at_once=concurrency)
        form = writer(output_format, _uri(source))
        run = ScanRun(judge, form, target, LineSplitter(max_row_bytes), tally)
        if earlier:
            run.resume(earlier)
        _drive(run, firewall, stream, target, bar)
    if not quiet:
        typer.echo(tally.summary(), err=True)
        if tally.errors and tally.errors == tally.total:
            typer.echo(f"  hint: {ROW_HINT}", err=True)
    raise typer.Exit(_exit_code(tally))


def _drive(
    run: ScanRun, firewall: Firewall, stream: BinaryIO, target: Target, bar: Progress
) -> None:
    """Read between two runs of the event loop, so that an interrupt ends a waiting read."""
    is_complete = False
    with asyncio.Runner() as runner:
        try:
            run.begin()
            while chunk := read(stream):
                runner.run(run.feed(chunk))
                bar.advance(len(chunk))
            runner.run(run.end())
            is_complete = True
        finally:
            runner.run(firewall.close())
            if is_complete:
                target.finish()
            else:
                target.abandon()


def _size(stream: BinaryIO) -> int | None:
    try:
        return os.fstat(stream.fileno()).st_size or None
    except OSError:
        return None


def _check_output(
    source: str, output: Path | None, output_format: Format, *, is_resumed: bool
) -> None:
    if is_resumed and output is None:
        raise ConfigError("--resume needs --output", hint="name the file of the interrupted run")
    if is_resumed and output_format is not Format.JSONL:
        raise ConfigError("only --format jsonl can be resumed", hint="leave --resume out")
    if output and _is_same_file(source, output):
        raise ConfigError("input and output are the same file", hint="choose another --output")


def _is_same_file(source: str, output: Path) -> bool:
    try:
        return source != STANDARD_INPUT and output.samefile(source)
    except OSError:
        return False


def _target(output: Path | None, output_format: Format, earlier: Earlier | None) -> Target:
    if output is None:
        return StandardOutput()
    if output_format is Format.JSONL:
        return AppendedFile(output, keep=earlier.size if earlier else 0)
    return ReplacedFile(output)


def _uri(source: str) -> str:
    return "stdin" if source == STANDARD_INPUT else quote(Path(source).as_posix())


def _tell_fallbacks(firewall: Firewall) -> None:
    notes = (f"{info.name}: {info.fallback}" for _, info in firewall.infos() if info.fallback)
    for note in dict.fromkeys(notes):
        typer.echo(f"note: {note}", err=True)


def _exit_code(tally: Tally) -> ExitCode:
    if tally.errors or tally.partial:
        return ExitCode.NOT_CHECKED
    return ExitCode.FOUND if tally.has_found else ExitCode.CLEAN
