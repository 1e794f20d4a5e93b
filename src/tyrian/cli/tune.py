"""`tyrian tune`: thresholds for the guards of a stack, from labelled rows."""

import asyncio
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.labelled import Read, read_labelled
from tyrian.cli.progress import Progress, progress
from tyrian.core.detection import Stage
from tyrian.errors import ConfigError
from tyrian.stack.load import default_text, parse_stack, read_text
from tyrian.stack.schema import Stack
from tyrian.tuning.answers import GuardRows
from tyrian.tuning.band import bands, best_within, mixed
from tyrian.tuning.chart import html, svg
from tyrian.tuning.measure import Measurement
from tyrian.tuning.report import INTERVALS, Outcome, as_json, as_text, charts
from tyrian.tuning.tune import tune_guard
from tyrian.tuning.write import replace_file, rewritten

DEFAULT_STACK = "default.yaml"
CHARTS = (".html", ".svg")
BATCH = 50


class Format(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"


def tune(
    data: Annotated[
        str, typer.Option("--data", metavar="ROWS.jsonl|-", help="Rows of `tyrian scan`, labelled.")
    ],
    max_fpr: Annotated[
        float, typer.Option("--max-fpr", envvar="TYRIAN_MAX_FPR", help="Most false positives.")
    ] = 0.01,
    stack: Annotated[
        Path | None,
        typer.Option(envvar="TYRIAN_STACK", help="Stack file; the default stack without one."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File for the tuned stack.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the thresholds into the stack file itself.")
    ] = False,
    stage: Annotated[
        Stage | None,
        typer.Option(envvar="TYRIAN_STAGE", help="Stage of the rows that name none themselves."),
    ] = None,
    budget_share: Annotated[
        float | None,
        typer.Option(
            "--budget-share", help="For cascades: ask the larger model about this share at most."
        ),
    ] = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", help="File for the curves: .html or .svg.")
    ] = None,
    output_format: Annotated[
        Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the report.")
    ] = Format.TEXT,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar or notes.")] = False,
) -> None:
    """Pick, per guard, stage and label, the least threshold that keeps the false-positive rate.

    Exit codes: 0 all tuned, 3 a row could not be judged or a label has too few rows.
    """
    _check(max_fpr, budget_share, stack, out, chart, is_in_place=write)
    text = read_text(stack) if stack else default_text()
    base = stack.absolute().parent if stack else Path.cwd()
    file = str(stack) if stack else DEFAULT_STACK
    found = parse_stack(text, base=base, file=file)
    read = read_labelled(data, stage)
    measured, notes = _measure(found, read, is_quiet=quiet)
    asked = [rows for rows in measured if rows.truths or rows.failed]
    outcomes = [_outcome(rows, max_fpr, budget_share) for rows in asked]
    changes = [change for one in outcomes if (change := one.change())]
    tuned = rewritten(text, changes, base=base, file=file)
    target = stack if write else out
    if target is not None:
        parse_stack(tuned, base=target.absolute().parent, file=str(target))
        replace_file(target, tuned)
    if budget_share is not None and not any(one.bands for one in outcomes):
        notes.append("--budget-share: no guard has a cascade in front of a model of its own")
    _tell(notes, is_quiet=quiet)
    report = as_text(outcomes)
    if chart is not None:
        drawn = charts(outcomes, max_fpr)
        title = "Thresholds and cascades"
        is_page = chart.suffix.lower() == ".html"
        replace_file(chart, html(title, drawn, report) if is_page else svg(drawn))
    if output_format is Format.JSON:
        typer.echo(json.dumps(_json(outcomes, read, max_fpr, tuned, target), indent=2))
    else:
        typer.echo(report)
        if target is None:
            typer.echo(f"\n# the tuned stack; --write or --out puts it into a file\n{tuned}")
        else:
            typer.echo(f"\nwritten to {target}")
    failed = read.faults or any(rows.failed for rows in measured) or not outcomes
    is_whole = not failed and all(one.stands.is_complete for one in outcomes)
    raise typer.Exit(ExitCode.CLEAN if is_whole else ExitCode.NOT_CHECKED)


def _check(
    max_fpr: float,
    share: float | None,
    stack: Path | None,
    out: Path | None,
    chart: Path | None,
    *,
    is_in_place: bool,
) -> None:
    if not 0.0 < max_fpr < 1.0:
        raise ConfigError("--max-fpr must lie between 0 and 1", hint="for one percent write 0.01")
    if share is not None and not 0.0 < share <= 1.0:
        raise ConfigError("--budget-share must lie between 0 and 1", hint="such as 0.15")
    if is_in_place and (stack is None or out is not None):
        raise ConfigError(
            "--write changes the file named by --stack", hint="or write elsewhere: --out FILE"
        )
    if chart is not None and chart.suffix.lower() not in CHARTS:
        raise ConfigError(f"--chart {str(chart)!r}: unknown kind", hint="name it .html or .svg")


def _measure(
    stack: Stack, read: Read, *, is_quiet: bool
) -> tuple[tuple[GuardRows, ...], list[str]]:
    """What every model guard says of every row, and what a person should hear about it."""
    measurement = Measurement(stack)
    if not measurement.guards:
        raise ConfigError("the stack has no guard with a model", hint="such as prompt_guard")
    if (vocabulary := measurement.vocabulary) is not None:
        read.refuse_unknown(vocabulary)
    with progress("tune", len(read.rows), is_wanted=not is_quiet) as bar:
        asyncio.run(_ask(measurement, read, bar))
    notes = [f"{name}: {why}" for name, why in measurement.notes.items()]
    notes += read.told()
    if measurement.unjudged:
        notes.append(f"{measurement.unjudged} rows stand at a stage without any model guard")
    return measurement.guards, notes


async def _ask(measurement: Measurement, read: Read, bar: Progress) -> None:
    try:
        for start in range(0, len(read.rows), BATCH):
            some = read.rows[start : start + BATCH]
            await measurement.take(some)
            bar.advance(len(some))
    finally:
        await measurement.close()


def _outcome(rows: GuardRows, max_fpr: float, share: float | None) -> Outcome:
    """Thresholds for a guard as it stands; with a budget also the band that fits it."""
    if rows.unsure is None:
        return Outcome(rows, tune_guard(rows, max_fpr))
    scores = mixed(rows, rows.unsure)
    found = tuple(bands(rows, max_fpr))
    chosen = best_within(found, share) if share is not None else None
    return Outcome(rows, tune_guard(rows, max_fpr, scores), found, chosen, share)


def _tell(notes: list[str], *, is_quiet: bool) -> None:
    if is_quiet:
        return
    for note in dict.fromkeys(notes):
        typer.echo(f"note: {note}", err=True)


def _json(
    outcomes: list[Outcome], read: Read, max_fpr: float, tuned: str, target: Path | None
) -> dict[str, object]:
    return {
        "max_fpr": max_fpr,
        "intervals": INTERVALS,
        "rows": len(read.rows),
        "unreadable": len(read.faults),
        "guards": [as_json(one) for one in outcomes],
        "written": str(target) if target else None,
        "stack": tuned,
    }
