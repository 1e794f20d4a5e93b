"""`tyrian model lock`: approve the bytes of a model, in a file that shows when it was edited."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.model_lock_text import Format, FormatOption, fault_lines, fault_rows
from tyrian.cli.model_text import in_words
from tyrian.cli.progress import progress
from tyrian.errors import BlockedError, ConfigError, ModelError
from tyrian.models.hub.lock import read_lock as read_pulled
from tyrian.supply.attest.keys import read_signer
from tyrian.supply.lock.lock import (
    LOCK_NAME,
    LockedModel,
    ModelsLock,
    encode,
    read_lock,
    write_whole,
)
from tyrian.supply.lock.make import Approval, FaultyError, check_approval, lock_directory, now
from tyrian.supply.lock.signature import sign_lock, signature_path
from tyrian.supply.lock.walk import walk

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_SNAPSHOT = re.compile(r"models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})$", re.ASCII)


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
    signer = read_signer(key) if key else None
    pins = dict(_pin(one) for one in pin or ())
    approval = Approval(name, approver, now(), repository, commit, licence, expires, pins)
    known = read_lock(output) if output.exists() else ModelsLock()
    try:
        if Path(place).is_dir():
            model = _of_directory(Path(place), approval, output, quiet)
        else:
            model = _of_hub(place, approval)
    except FaultyError as error:
        if output_format is Format.JSON:
            typer.echo(json.dumps({"faults": fault_rows(error.faults)}, indent=2))
        else:
            typer.echo("\n".join(fault_lines(error.faults)))
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(ExitCode.FOUND) from None
    except BlockedError as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(ExitCode.FOUND) from None
    others = [one for one in known.models if one.name != model.name]
    data = encode(ModelsLock(models=(*others, model)))
    write_whole(output, data)
    if signer:
        sign_lock(output, data, signer)
    _tell(model, output, output_format, is_signed=signer is not None, quiet=quiet)


def _tell(
    model: LockedModel, output: Path, output_format: Format, *, is_signed: bool, quiet: bool
) -> None:
    size = sum(file.size for file in model.files)
    if output_format is Format.JSON:
        told = {"name": model.name, "digest": model.digest, "files": len(model.files)}
        typer.echo(json.dumps({**told, "bytes": size, "lock": str(output)}, indent=2))
    else:
        typer.echo(str(output))
    if quiet:
        return
    typer.echo(
        f"{model.name}: {len(model.files)} files, {in_words(size)}, {model.digest}, approved by "
        f"{model.approver}; licence: {model.licence or 'not stated'}",
        err=True,
    )
    if not is_signed and signature_path(output).exists():
        typer.echo(
            f"{signature_path(output)} is of the lock as it was: sign again with --key", err=True
        )


def _pin(text: str) -> tuple[str, str]:
    repository, _, commit = text.partition("=")
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise ConfigError(
            f"--pin {text!r} names no commit", hint="OWNER/NAME=COMMIT, with 40 hexadecimal digits"
        )
    return repository, commit


def _of_directory(directory: Path, approval: Approval, output: Path, quiet: bool) -> LockedModel:
    approval = _with_origin(directory, approval)
    check_approval(approval)  # before gigabytes are read
    left_out = own_files(directory, output)
    total = walk(directory, left_out).size
    with progress(f"locking {approval.name}", total, is_wanted=not quiet) as bar:
        model = lock_directory(directory, approval, left_out=left_out, advance=bar.advance)
    relative = os.path.relpath(directory.resolve(), output.resolve().parent)
    return _placed(model, Path(relative).as_posix())


def _placed(model: LockedModel, directory: str) -> LockedModel:
    import msgspec

    return msgspec.structs.replace(model, directory=directory)


def own_files(directory: Path, lock_path: Path) -> frozenset[str]:
    """The lock and its signature, where they lie within the directory that they are of."""
    root, found = directory.resolve(), []
    for path in (lock_path, signature_path(lock_path)):
        place = path.resolve().parent / path.name
        if place.is_relative_to(root):
            found.append(place.relative_to(root).as_posix())
    return frozenset(found)


def _with_origin(directory: Path, approval: Approval) -> Approval:
    """The approval with what is known of where the directory came from."""
    from dataclasses import replace

    repository, commit, licence = approval.repository, approval.commit, approval.licence
    if not repository and (found := _origin(directory)):
        repository, known_commit, known_licence = found
        commit, licence = commit or known_commit, licence or known_licence
    name = approval.name or repository or directory.resolve().name
    return replace(approval, name=name, repository=repository, commit=commit, licence=licence)


def _origin(directory: Path) -> tuple[str, str, str] | None:
    try:
        pulled = read_pulled(directory)
    except ModelError:  # damaged; what it says is not to be used
        pulled = None
    if pulled:
        return pulled.repository, pulled.revision, pulled.licence
    if found := _SNAPSHOT.search(str(directory.resolve())):
        return f"{found[1]}/{found[2]}", found[3], ""
    return None


def _of_hub(place: str, approval: Approval) -> LockedModel:
    from dataclasses import replace

    from tyrian.cli.model_lock_hub import lock_repository

    repository, _, revision = place.partition("@")
    if not _REPOSITORY.fullmatch(repository) or not ({"/", "@"} & set(place)):
        raise ConfigError(
            f"there is no directory {place!r}, and it is no repository",
            hint="a directory, or OWNER/NAME@COMMIT",
        )
    approval = replace(
        approval, name=approval.name or repository, repository=repository, commit=revision
    )
    return asyncio.run(lock_repository(approval))
