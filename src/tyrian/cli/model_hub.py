"""The commands of `tyrian model` that get, list, check and convert the weights of guard models."""

import asyncio
import dataclasses
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.model_lock_text import Format as LockFormat
from tyrian.cli.model_present import present
from tyrian.cli.model_text import plain, plan_as_json, plan_lines, read_texts, table
from tyrian.cli.model_verify_run import run_verify
from tyrian.cli.progress import progress
from tyrian.cli.sizes import in_words
from tyrian.errors import ConfigError, ModelError
from tyrian.models.hub.catalogue import Entry, entry_of
from tyrian.models.hub.endpoint import endpoint_from_environment
from tyrian.models.hub.errors import RefusedError
from tyrian.models.hub.listing import COMMIT
from tyrian.models.hub.lock import record_made
from tyrian.models.hub.shelf import ModelDir, here, on_shelf

if TYPE_CHECKING:
    from tyrian.models.hub.pull import Plan


_LEAST_WINDOW = 16
"""As for `window_tokens` in a stack."""


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the result.")
]
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name in the catalogue, such as prompt-guard-2-22m; or OWNER/NAME."
    ),
]
PlaceArgument = Annotated[
    str, typer.Argument(metavar="NAME|DIR", help="A pulled model, or a directory.")
]
RevisionOption = Annotated[
    str,
    typer.Option(
        envvar="TYRIAN_MODEL_REVISION",
        help="Commit, tag or branch; what is stored is the commit.",
        show_default="the catalogue's pin, else main",
    ),
]


def pull(
    name: NameArgument,
    revision: RevisionOption = "",
    accept_licence: Annotated[
        bool,
        typer.Option(
            "--accept-licence",
            "--accept-license",
            envvar="TYRIAN_ACCEPT_LICENCE",
            help="Accept the model's licence; asked for on a terminal otherwise.",
        ),
    ] = False,
    allow_pickle: Annotated[
        bool,
        typer.Option(
            "--allow-pickle",
            envvar="TYRIAN_ALLOW_PICKLE",
            help="Take pickled weights, which can run code, where there are no safetensors.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", envvar="TYRIAN_DRY_RUN", help="Show what would come, and stop."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", envvar="TYRIAN_QUIET", help="No talk, no bar.")
    ] = False,
    output: FormatOption = Format.TEXT,
) -> None:
    """Bring a model from the hub to this machine; prints its directory.

    Environment: HF_TOKEN for gated models, HF_ENDPOINT for a mirror, HF_HUB_OFFLINE.
    Exit codes: 0 it is here, 1 refused (licence, digest, pickle), 2 usage, 3 it did not come.
    """
    from tyrian.models.hub.pull import fetch, make_plan

    entry = entry_of(name)
    try:
        if not dry_run and (found := _without_network(entry, revision)):
            _show(found, output, "is here already", quiet=quiet)
            return
        if entry.licence.name and not dry_run:
            _check_can_accept(entry, accept_licence)
        endpoint = endpoint_from_environment()
        plan = asyncio.run(
            make_plan(entry, endpoint, revision=revision, is_pickle_allowed=allow_pickle)
        )
        if dry_run:
            _show_plan(plan, output)
            return
        if found := _whole(entry, plan.commit):
            _show(found, output, "is here already", quiet=quiet)
            return
        if not quiet:
            typer.echo("\n".join(plan_lines(plan)), err=True)
        _accept(plan, accept_licence)
        with progress(f"pulling {entry.name}", plan.size, is_wanted=not quiet) as bar:
            found = asyncio.run(fetch(plan, advance=bar.advance))
    except RefusedError as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(ExitCode.FOUND) from None
    except KeyboardInterrupt:
        typer.echo("stopped; run the command again: it goes on where it stopped", err=True)
        raise typer.Exit(ExitCode.NOT_CHECKED) from None
    _show(found, output, "is here now", quiet=quiet)


def _without_network(entry: Entry, revision: str) -> ModelDir | None:
    """What needs no question to the hub: any revision, or a commit; a branch may have moved."""
    return _whole(entry, revision) if not revision or COMMIT.fullmatch(revision) else None


def _whole(entry: Entry, revision: str) -> ModelDir | None:
    try:
        return on_shelf(entry.name, revision)
    except ModelError as error:
        typer.echo(f"{error.message}; pulling it again", err=True)
        return None


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _check_can_accept(entry: Entry, is_accepted: bool) -> None:
    if not is_accepted and not _is_terminal():
        raise _not_accepted(entry.name, entry.licence.name, entry.licence.url)


def _not_accepted(name: str, licence: str, url: str) -> ConfigError:
    return ConfigError(
        f"the licence of {name} is not accepted: {licence}",
        hint=f"read it at {url}; if you accept it, run again with --accept-licence",
    )


def _accept(plan: "Plan", is_accepted: bool) -> None:
    """Ask on a terminal; nobody is asked anywhere else."""
    if is_accepted:
        return
    if not _is_terminal():
        raise _not_accepted(plan.entry.name, plan.licence.name, plan.licence.url)
    if not typer.confirm(f"Do you accept the {plan.licence.name}?", default=False, err=True):
        raise RefusedError("the licence was not accepted; nothing was pulled")


def _show(found: ModelDir, output: Format, told: str, *, quiet: bool) -> None:
    if not quiet:
        typer.echo(f"{found.name} {told}, revision {found.revision}", err=True)
    typer.echo(json.dumps(plain(found), indent=2) if output is Format.JSON else str(found.path))


def _show_plan(plan: "Plan", output: Format) -> None:
    if output is Format.JSON:
        typer.echo(json.dumps(plan_as_json(plan), indent=2))
    else:
        typer.echo("\n".join(plan_lines(plan)))


def list_models(output: FormatOption = Format.TEXT) -> None:
    """Show the catalogue, and what of it and beside it is here."""
    rows = table(here())
    if output is Format.JSON:
        typer.echo(json.dumps([row.as_json() for row in rows], indent=2))
        return
    lines = [("NAME", "HERE", "GUARD", "LICENCE", "GIVES"), *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def path(place: PlaceArgument, revision: RevisionOption = "") -> None:
    """Print the directory of a model that is here; exits with 3 where it is not."""
    typer.echo(str(present(place, revision).path))


def verify(
    place: Annotated[
        str,
        typer.Argument(
            metavar="[NAME|DIR]",
            help="A pulled model, a directory, or a model of the lock.",
            show_default="all models of ./models.lock",
        ),
    ] = "",
    revision: RevisionOption = "",
    lock_path: Annotated[
        Path | None,
        typer.Option("--lock", metavar="FILE", help="Compare with this models.lock."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Public key that must have signed the lock."),
    ] = None,
    cached: Annotated[
        bool,
        typer.Option("--cached", help="Do not read again what looks unchanged; no approval."),
    ] = False,
    output: FormatOption = Format.TEXT,
) -> None:
    """Compare every file of a model with its models.lock, or with what was pulled.

    Exit codes: 0 all as it was, 1 something differs, 2 usage, 3 nothing to compare with, or not
    read.
    """
    raise typer.Exit(
        run_verify(
            place,
            revision=revision,
            lock_path=lock_path,
            key=key,
            cached=cached,
            output_format=LockFormat(output),
        )
    )


def export(
    place: PlaceArgument,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            envvar="TYRIAN_EXPORT_INT8",
            help="Also as 8-bit integers; refused where any score would differ by over 0.02.",
        ),
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option(
            envvar="TYRIAN_EXPORT_CALIBRATION",
            help="JSON lines with a `text` each, like those that the guard will judge.",
            show_default="a few texts of Tyrian's own",
        ),
    ] = None,
    window_tokens: Annotated[
        int,
        typer.Option(
            envvar="TYRIAN_EXPORT_WINDOW_TOKENS",
            min=_LEAST_WINDOW,
            metavar="N",
            help="Tokens of the longest window that a guard may ask for in `window_tokens`.",
        ),
    ] = 128,
    revision: RevisionOption = "",
    output: FormatOption = Format.TEXT,
) -> None:
    """Write a Prompt Guard as ONNX into its directory, where guards prefer it.

    Exit codes: 0 written, 1 refused (the scores would differ), 2 usage, 3 an extra is missing.
    """
    from tyrian.models.transformer.export import DEFAULT_CALIBRATION, export_onnx

    directory = present(place, revision).path
    texts = read_texts(calibration) if calibration else DEFAULT_CALIBRATION
    try:
        with progress("exporting", None, is_wanted=True):
            report = export_onnx(directory, int8=int8, calibration=texts, max_tokens=window_tokens)
    except ModelError as error:
        record_made(directory, ())
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(ExitCode.FOUND) from None
    made = sorted(path for path in report.path.parent.iterdir() if path.is_file())
    record_made(directory, made)
    if output is Format.JSON:
        told = {**dataclasses.asdict(report), "path": str(report.path)}
        typer.echo(json.dumps(told, indent=2))
        return
    kind = "int8" if report.is_int8 else "32-bit"
    typer.echo(
        f"{kind}, {in_words(report.bytes)}, windows of up to {report.window_tokens} tokens; over "
        f"{report.windows} texts no score differs by more than {report.difference:.4f} from torch",
        err=True,
    )
    typer.echo(str(report.path))
