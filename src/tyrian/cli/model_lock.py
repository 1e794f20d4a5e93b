"""`tyrian model lock`: approve the bytes of a model, in a file that shows when it was edited."""

from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.format_option import FormatOption
from tyrian.cli.model_lock_run import run_lock
from tyrian.cli.model_lock_text import Format
from tyrian.supply.lock.write import LOCK_NAME


def lock(
    place: Annotated[
        str,
        typer.Argument(
            metavar="DIR|OWNER/NAME@COMMIT", help="A model's directory, or a repository of the hub."
        ),
    ],
    approver: Annotated[
        str, typer.Option(envvar="TYRIAN_APPROVER", help="Who approves the model.")
    ] = "",
    output: Annotated[
        Path, typer.Option("--output", "-o", envvar="TYRIAN_LOCK", help="The lock to write into.")
    ] = Path(LOCK_NAME),
    name: Annotated[
        str,
        typer.Option(
            help="The model's name in the lock.", show_default="the repository's or directory's"
        ),
    ] = "",
    repository: Annotated[
        str, typer.Option(help="Where a directory came from.", show_default="as pulled")
    ] = "",
    commit: Annotated[str, typer.Option(help="Its commit.", show_default="as pulled")] = "",
    licence: Annotated[
        str,
        typer.Option(
            "--licence", "--license", help="Its licence.", show_default="what its card says"
        ),
    ] = "",
    expires: Annotated[
        str, typer.Option(metavar="DATE", help="Last day on which the approval holds.")
    ] = "",
    pin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OWNER/NAME=COMMIT", help="Commit of a repository that its files refer to."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(envvar="TYRIAN_SIGNING_KEY", help="Private key that signs the lock."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", envvar="TYRIAN_QUIET", help="No talk, no bar.")
    ] = False,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Approve a model: read every byte of it, and write its digests into models.lock.

    Exit codes: 0 locked, 1 refused (a floating reference, a file at fault), 2 usage, 3 not read.
    """
    raise typer.Exit(
        run_lock(
            place,
            approver=approver,
            output=output,
            name=name,
            repository=repository,
            commit=commit,
            licence=licence,
            expires=expires,
            pin=pin,
            key=key,
            quiet=quiet,
            output_format=output_format,
        )
    )
