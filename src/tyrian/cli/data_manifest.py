"""`tyrian data manifest`: every row under one digest; what changed since; the proof of a row."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import typer.core

from tyrian.cli.data_options import (
    EngineOption,
    PathsArgument,
    QuietOption,
    RayAddressOption,
    RayWorkersOption,
    SourcesOption,
    engine_of,
    sources_or_all,
)
from tyrian.cli.exit import ExitCode
from tyrian.cli.format_option import FormatOption
from tyrian.cli.model_lock_text import Format
from tyrian.cli.plain import plain
from tyrian.errors import ConfigError, InputError
from tyrian.supply.data.compare import Change
from tyrian.supply.data.describe import verify_manifest, write_manifest
from tyrian.supply.data.engine import EngineName
from tyrian.supply.data.finding import DataFinding
from tyrian.supply.data.manifest import Proof, is_proven, prove, read_manifest

_HELP = frozenset({"--help", "-h"})


class _CreatesByDefault(typer.core.TyperGroup):
    """`manifest PATH...` is `manifest create PATH...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As the group above does, once the command is named."""
        if args and args[0] not in self.commands and args[0] not in _HELP:
            args = ["create", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_CreatesByDefault,
    help="Write down every row of a dataset under one digest; verify it, prove a row.",
    no_args_is_help=True,
    add_completion=False,
)
ManifestArgument = Annotated[
    Path, typer.Argument(metavar="MANIFEST", help="The head of a manifest.", exists=True)
]


@app.command()
def create(
    paths: PathsArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The head; entries lie beside.")
    ] = Path("dataset.json"),
    sources: SourcesOption = None,
    engine: EngineOption = EngineName.LOCAL,
    ray_workers: RayWorkersOption = 0,
    ray_address: RayAddressOption = "",
    quiet: QuietOption = False,
) -> None:
    """Write a manifest: each row's source, licence and digest; prints the root.

    Exit codes: 0 written, 1 written with rows of sources that are not allowed, 2 usage,
    3 written without what could not be read.
    """
    if output.suffix != ".json":
        raise ConfigError(f"--output {str(output)!r} does not end in .json", hint="-o dataset.json")
    made, faults = write_manifest(
        paths, output, sources_or_all(sources), engine_of(engine, ray_workers, ray_address)
    )
    for fault in faults:
        typer.echo(f"{plain(fault.file)}:{fault.row}: {fault.rule}: {plain(fault.why)}", err=True)
    if not quiet:
        for one in made.sources:
            licence = plain(one.licence) or "no licence"
            typer.echo(f"{one.rows:>9}  {plain(one.source)} ({licence})", err=True)
        typer.echo(f"{made.rows} rows of {len(made.files)} files in {output}", err=True)
    typer.echo(made.root)
    raise typer.Exit(_code(faults, has_rows=made.rows > 0))


def _code(faults: list[DataFinding], *, has_rows: bool) -> ExitCode:
    if any(fault.is_unread for fault in faults) or not has_rows:
        return ExitCode.NOT_CHECKED
    return ExitCode.FOUND if faults else ExitCode.CLEAN


@app.command()
def verify(
    manifest: ManifestArgument,
    paths: PathsArgument,
    root: Annotated[
        str,
        typer.Option(metavar="sha256:HEX", help="The root that the manifest must have."),
    ] = "",
    output_format: FormatOption = Format.TEXT,
    engine: EngineOption = EngineName.LOCAL,
    ray_workers: RayWorkersOption = 0,
    ray_address: RayAddressOption = "",
    quiet: QuietOption = False,
) -> None:
    """Name each row that changed, is missing, was added or moved since the manifest.

    Exit codes: 0 as it was, 1 something changed, 2 usage, 3 something was not read.
    """
    head = read_manifest(manifest)
    if root and root != head.root:
        typer.echo(f"{manifest} has the root {head.root}, not {root}", err=True)
        raise typer.Exit(ExitCode.FOUND)
    found = list(verify_manifest(manifest, paths, engine_of(engine, ray_workers, ray_address)))
    if output_format is Format.JSON:
        typer.echo(json.dumps([msgspec.to_builtins(one) for one in found], indent=2))
    else:
        for one in found:
            typer.echo(_told(one))
    if not quiet:
        typer.echo(f"{head.rows} rows, {len(found)} not as in {manifest}", err=True)
    if any(isinstance(one, Change) for one in found):
        raise typer.Exit(ExitCode.FOUND)
    raise typer.Exit(ExitCode.NOT_CHECKED if found else ExitCode.CLEAN)


def _told(one: Change | DataFinding) -> str:
    place = f"{plain(one.file)}:{one.row}"
    if isinstance(one, DataFinding):
        return f"{place}: {one.rule}: {plain(one.why)}"
    now = f", now row {one.now}" if one.now and one.now != one.row else ""
    return f"{place}: {one.kind}{now}"


@app.command("prove")
def prove_row(
    manifest: ManifestArgument,
    file: Annotated[str, typer.Argument(help="Name of the file, as in the manifest.")],
    row: Annotated[int, typer.Argument(min=1, help="Number of the row.")],
) -> None:
    """Print the proof that a row is in the dataset."""
    proof = prove(manifest, read_manifest(manifest), file, row)
    typer.echo(msgspec.json.format(msgspec.json.encode(proof), indent=1).decode())


@app.command()
def check(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="A proof, or - for stdin.")],
    root: Annotated[
        str, typer.Option(metavar="sha256:HEX", help="The root, known from an attestation.")
    ],
) -> None:
    """Check the proof of a row against a root. Exit codes: 0 it holds, 1 it does not."""
    try:
        data = sys.stdin.buffer.read() if str(proof) == "-" else proof.read_bytes()
        told = msgspec.json.decode(data, type=Proof)
    except OSError as error:
        raise InputError(f"{proof}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{proof} is no proof of a row: {error}") from None
    holds = is_proven(told, root)
    what = "is" if holds else "is not proven to be"
    typer.echo(f"{plain(told.entry.file)}:{told.entry.row} {what} in the dataset of {plain(root)}")
    raise typer.Exit(ExitCode.CLEAN if holds else ExitCode.FOUND)
