"""`tyrian data dedup`: remove rows that say the same as earlier ones."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tyrian.cli.data_options import (
    EngineOption,
    FieldsOption,
    PathsArgument,
    QuietOption,
    RayAddressOption,
    RayWorkersOption,
    engine_of,
    fields_or_none,
)
from tyrian.cli.exit import ExitCode
from tyrian.cli.output import StandardOutput
from tyrian.supply.data.clean import check_empty, write_clean
from tyrian.supply.data.corpus import Corpus
from tyrian.supply.data.dedup import DEFAULT_THRESHOLD, removals
from tyrian.supply.data.engine import EngineName
from tyrian.supply.data.examine import Job, all_texts
from tyrian.supply.data.files import find_files
from tyrian.supply.data.finding import DataFinding
from tyrian.supply.data.units import units_of

REMOVED = "removed.jsonl"


def dedup(
    paths: PathsArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help=f"Write the rows that stay there, the others to {REMOVED}.",
            show_default="only tell",
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            min=0.3, max=1.0, help="Overlap (Jaccard, shingles of three words) of near duplicates."
        ),
    ] = DEFAULT_THRESHOLD,
    fields: FieldsOption = "",
    engine: EngineOption = EngineName.LOCAL,
    ray_workers: RayWorkersOption = 0,
    ray_address: RayAddressOption = "",
    quiet: QuietOption = False,
) -> None:
    """Tell rows that say the same as an earlier one, one a line; with -o, write the others.

    Rows whose labels differ are no duplicates. Exit codes: 0 none, or they were removed, 1 there
    are some and nothing was written, 2 usage, 3 something was not read.
    """
    if output:
        check_empty(output)
    found = find_files(paths)
    units = list(units_of(found.files))
    job = Job(fields=fields_or_none(fields), compares=all_texts)
    faults: list[DataFinding] = list(found.faults)
    target = StandardOutput()
    reasons: dict[tuple[str, int], list[object]] = {}
    removed = 0
    with Corpus() as corpus:
        for made in engine_of(engine, ray_workers, ray_address)(units, job):
            faults += made.findings
            corpus.add(made)
        for one in removals(corpus, threshold):
            removed += 1
            told = msgspec.to_builtins(one)
            if not output:
                target.put(json.dumps(told).encode() + b"\n")
            del told["file"], told["row"]
            reasons.setdefault((one.file, one.row), []).append(told)
        kept = corpus.size - removed
    for fault in faults:
        reasons.setdefault((fault.file, fault.row), []).append(
            {"rule": fault.rule, "why": fault.why}
        )
        typer.echo(f"{fault.file}:{fault.row}: {fault.rule}: {fault.why}", err=True)
    if output:
        write_clean(units, reasons, output, REMOVED)
    if not quiet:
        what = f"; written to {output}" if output else ""
        told_faults = f", {len(faults)} not read" if faults else ""
        typer.echo(f"{kept} rows stay, {removed} go{told_faults}{what}", err=True)
    if faults or not kept:
        raise typer.Exit(ExitCode.NOT_CHECKED)
    raise typer.Exit(ExitCode.FOUND if removed and not output else ExitCode.CLEAN)
