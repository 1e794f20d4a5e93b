"""What `tyrian model lock` does: read every byte of a model, and write its digests down."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import msgspec

from tyrian.cli.exit import ExitCode
from tyrian.cli.model_lock_text import Format, fault_lines, fault_rows
from tyrian.cli.progress import progress
from tyrian.cli.sizes import in_words
from tyrian.cli.standard_output import say, talk
from tyrian.errors import BlockedError, ConfigError, ModelError
from tyrian.models.hub.lock import read_lock as read_pulled
from tyrian.supply.attest.keys import read_signer
from tyrian.supply.lock.lock import LockedModel, ModelsLock, encode, read_lock
from tyrian.supply.lock.make import Approval, FaultyError, check_approval, lock_directory, now
from tyrian.supply.lock.signature import own_files, sign_lock, signature_path
from tyrian.supply.lock.walk import walk
from tyrian.supply.lock.write import LOCK_NAME, write_whole

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_SNAPSHOT = re.compile(r"models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})$", re.ASCII)


def run_lock(
    place: str,
    *,
    approver: str = "",
    output: Path = Path(LOCK_NAME),
    name: str = "",
    repository: str = "",
    commit: str = "",
    licence: str = "",
    expires: str = "",
    pin: list[str] | None = None,
    key: Path | None = None,
    quiet: bool = False,
    output_format: Format = Format.TEXT,
) -> ExitCode:
    """Lock and tell; the exit code."""
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
            say(json.dumps({"faults": fault_rows(error.faults)}, indent=2))
        else:
            say("\n".join(fault_lines(error.faults)))
        talk(f"refused: {error}")
        return ExitCode.FOUND
    except BlockedError as error:
        talk(f"refused: {error}")
        return ExitCode.FOUND
    others = [one for one in known.models if one.name != model.name]
    data = encode(ModelsLock(models=(*others, model)))
    write_whole(output, data)
    if signer:
        sign_lock(output, data, signer)
    _tell(model, output, output_format, is_signed=signer is not None, quiet=quiet)
    return ExitCode.CLEAN


def _tell(
    model: LockedModel, output: Path, output_format: Format, *, is_signed: bool, quiet: bool
) -> None:
    size = sum(file.size for file in model.files)
    if output_format is Format.JSON:
        told = {"name": model.name, "digest": model.digest, "files": len(model.files)}
        say(json.dumps({**told, "bytes": size, "lock": str(output)}, indent=2))
    else:
        say(str(output))
    if quiet:
        return
    talk(
        f"{model.name}: {len(model.files)} files, {in_words(size)}, {model.digest}, approved by "
        f"{model.approver}; licence: {model.licence or 'not stated'}",
    )
    if not is_signed and signature_path(output).exists():
        talk(f"{signature_path(output)} is of the lock as it was: sign again with --key")


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
    return msgspec.structs.replace(model, directory=directory)


def _with_origin(directory: Path, approval: Approval) -> Approval:
    """The approval with what is known of where the directory came from."""
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
    import asyncio

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
