"""`tyrian data scan`: what is wrong with the rows of datasets and the documents of corpora."""

import functools
import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tyrian.cli.data_judges import ATTACK, judges
from tyrian.cli.data_options import (
    EngineOption,
    FieldsOption,
    PathsArgument,
    QuietOption,
    RayAddressOption,
    RayWorkersOption,
    SourcesOption,
    engine_of,
    fields_or_none,
    sources_or_all,
)
from tyrian.cli.exit import ExitCode
from tyrian.cli.output import StandardOutput
from tyrian.cli.plain import plain
from tyrian.errors import ConfigError
from tyrian.supply.data.clean import Counts, check_empty, write_clean
from tyrian.supply.data.engine import EngineName
from tyrian.supply.data.files import find_files
from tyrian.supply.data.finding import DataFinding, Outcome
from tyrian.supply.data.rules import RULES
from tyrian.supply.data.scan import ScanPlan, Tally, scan_data
from tyrian.supply.data.units import units_of

REJECTED = "rejected.jsonl"
_CODES = {
    Outcome.CLEAN: ExitCode.CLEAN,
    Outcome.FOUND: ExitCode.FOUND,
    Outcome.NOT_EXAMINED: ExitCode.NOT_CHECKED,
}


class DataFormat(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"


def scan(
    paths: PathsArgument,
    sources: SourcesOption = None,
    fields: FieldsOption = "",
    attack_threshold: Annotated[
        float,
        typer.Option(
            min=0.5, max=1.0, help="Score of the prompt guard from which a text is an attack."
        ),
    ] = ATTACK,
    no_judges: Annotated[
        bool,
        typer.Option("--no-judges", help="No detectors: sources, formats and statistics alone."),
    ] = False,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Leave a rule out; repeat for more.")
    ] = None,
    write_clean_to: Annotated[
        Path | None,
        typer.Option(
            "--write-clean",
            metavar="DIR",
            help=f"Write the rows without findings there, the others to {REJECTED}.",
        ),
    ] = None,
    output_format: Annotated[
        DataFormat,
        typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the findings."),
    ] = DataFormat.TEXT,
    engine: EngineOption = EngineName.LOCAL,
    ray_workers: RayWorkersOption = 0,
    ray_address: RayAddressOption = "",
    quiet: QuietOption = False,
) -> None:
    """Tell what is wrong with the rows of data: attacks, secrets, planted words, false labels.

    Exit codes: 0 all read and clean, 1 something found, 2 usage, 3 something not read.
    """
    skipped = frozenset(skip or ())
    if unknown := sorted(skipped - RULES.keys()):
        raise ConfigError(f"--skip {unknown[0]!r}: no such rule", hint=", ".join(sorted(RULES)))
    if write_clean_to:
        check_empty(write_clean_to)
    plan = ScanPlan(
        paths=paths,
        fields=fields_or_none(fields),
        sources=sources_or_all(sources),
        judges=None if no_judges else functools.partial(judges, attack_threshold),
        engine=engine_of(engine, ray_workers, ray_address),
        skipped=skipped,
    )
    tally = Tally()
    reasons: dict[tuple[str, int], list[object]] = {}
    found = scan_data(plan, tally)
    if write_clean_to:
        found = _noted(found, reasons)
    _tell(found, output_format)
    if write_clean_to:
        units = units_of(find_files(paths).files)
        counts = write_clean(units, reasons, write_clean_to, REJECTED)
        if not quiet:
            typer.echo(_written(counts, write_clean_to), err=True)
    if not quiet:
        typer.echo(_summary(tally), err=True)
    raise typer.Exit(_CODES[tally.outcome])


def _noted(
    found: Iterable[DataFinding], reasons: dict[tuple[str, int], list[object]]
) -> Iterator[DataFinding]:
    for one in found:
        told = {"rule": one.rule, "field": one.field, "start": one.start, "end": one.end}
        reasons.setdefault((one.file, one.row), []).append({**told, "why": one.why})
        yield one


def _tell(found: Iterable[DataFinding], output_format: DataFormat) -> None:
    target = StandardOutput()
    if output_format is DataFormat.JSON:
        rows = [as_json(one) for one in found]
        target.put(json.dumps(rows, indent=2).encode() + b"\n")
        return
    for one in found:
        if output_format is DataFormat.JSONL:
            target.put(json.dumps(as_json(one)).encode() + b"\n")
        else:
            target.put(_line(one).encode("utf-8", "replace"))


def as_json(one: DataFinding) -> dict[str, object]:
    """A finding with what its rule says of it."""
    rule = RULES[one.rule]
    told: dict[str, object] = {
        "rule": one.rule,
        "severity": str(rule.severity),
        "file": one.file,
        "row": one.row,
        "field": one.field,
        "start": one.start,
        "end": one.end,
        "message": rule.title,
        "why": one.why,
        "score": one.score,
        "fix": rule.fix,
        "reference": rule.reference,
    }
    if one.related[0]:
        told["related"] = msgspec.to_builtins({"file": one.related[0], "row": one.related[1]})
    return told


def _line(one: DataFinding) -> str:
    rule = RULES[one.rule]
    place = f"{plain(one.file)}:{one.row}" if one.row else plain(one.file)
    span = f"[{one.start}:{one.end}]" if one.end else ""
    field = f" {plain(one.field)}{span}" if one.field else ""
    return (
        f"{place}:{field} {rule.severity}: {rule.title} [{rule.id}]\n"
        f"      = why: {plain(one.why)}\n"
    )


def _written(counts: Counts, directory: Path) -> str:
    return (
        f"{directory}: {counts.kept} rows kept; {counts.removed} with findings and "
        f"{counts.unread} not read are in {REJECTED}"
    )


def _summary(tally: Tally) -> str:
    files = f"{tally.files} file{'s' * (tally.files != 1)}"
    rows = f"{tally.rows} row{'s' * (tally.rows != 1)}"
    told = ", ".join(f"{count} {rule}" for rule, count in sorted(tally.rules.items()))
    if not told:
        return f"{files}, {rows}: clean" if tally.rows else f"{files}: no rows were read"
    return f"{files}, {rows}: {told}"
