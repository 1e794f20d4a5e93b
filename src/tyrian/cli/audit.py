"""`tyrian audit`: check, export and note down the chain of what was done to accounts."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.keys import DatabaseOption, DataOption, Format, FormatOption
from tyrian.gateway.accounts import audit, checkpoints
from tyrian.gateway.accounts.chain import Checker, Checkpoint
from tyrian.gateway.home import DATABASE_NAME, state_directory
from tyrian.gateway.store.engine import Store

app = typer.Typer(
    help="Check, export and note down the audit chain of accounts.",
    no_args_is_help=True,
    add_completion=False,
)

CheckpointsOption = Annotated[
    Path | None,
    typer.Option(
        "--checkpoints",
        envvar="TYRIAN_AUDIT_CHECKPOINTS",
        help="File of checkpoints.",
        show_default="audit-checkpoints.jsonl in the data directory",
    ),
]


@app.command()
def verify(
    export: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="An export; the database where it is left out."),
    ] = None,
    points: CheckpointsOption = None,
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Check that no event was changed, dropped, reordered or cut off; exit 1 where one was.

    An export is checked without the database and without a network.
    """
    known = checkpoints.read(_file(points, data))
    if export is not None:
        checker = Checker(known)
        for link in checkpoints.read_links(export):
            checker.add(link)
        checker.finish()
    else:
        checker = asyncio.run(_verify(data, database, known))
    _show(checker, len(known), output)
    if checker.faults:
        raise typer.Exit(ExitCode.FOUND)


@app.command()
def checkpoint(
    points: CheckpointsOption = None, data: DataOption = None, database: DatabaseOption = None
) -> None:
    """Note down the ends of all chains; a copy of the file elsewhere makes it worth most."""
    path = _file(points, data)
    written = asyncio.run(_checkpoint(path, data, database))
    typer.echo(f"{written} checkpoints written to {path}")


@app.command("export")
def export_chain(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Write all events to standard output, a line of JSON each."""
    asyncio.run(_export(data, database))


async def _verify(data: Path | None, database: str | None, known: list[Checkpoint]) -> Checker:
    store = _open(data, database)
    try:
        return await audit.verify(store, known)
    finally:
        await store.close()


async def _checkpoint(path: Path, data: Path | None, database: str | None) -> int:
    store = _open(data, database)
    try:
        return checkpoints.append(path, await audit.heads(store))
    finally:
        await store.close()


async def _export(data: Path | None, database: str | None) -> None:
    store = _open(data, database)
    try:
        async for link in audit.links(store):
            sys.stdout.buffer.write(checkpoints.link_line(link))
        sys.stdout.buffer.flush()
    finally:
        await store.close()


def _open(data: Path | None, database: str | None) -> Store:
    return Store.open(database or state_directory(data) / DATABASE_NAME)


def _file(points: Path | None, data: Path | None) -> Path:
    return points or state_directory(data) / checkpoints.FILE_NAME


def _show(checker: Checker, known: int, output: Format) -> None:
    if output is Format.JSON:
        faults = [
            {"organisation_id": f.organisation_id, "sequence": f.sequence, "message": f.message}
            for f in checker.faults
        ]
        fields = {"events": checker.count, "checkpoints": known, "faults": faults}
        typer.echo(json.dumps(fields, indent=2))
        return
    for fault in checker.faults:
        typer.echo(f"{fault.organisation_id} event {fault.sequence} {fault.message}")
    if not checker.faults:
        chains = len(checker.heads)
        typer.echo(f"{checker.count} events in {chains} chains are whole; {known} checkpoints fit")
