"""`tyrian attest verify`: each thing that is not as it was attested."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.attest_regression import compared
from tyrian.cli.exit import ExitCode
from tyrian.cli.model_lock_text import Format, FormatOption
from tyrian.cli.plain import plain
from tyrian.errors import ConfigError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.keys import read_verifier
from tyrian.supply.attest.materials import digest_of
from tyrian.supply.attest.model_signing import (
    SIGNATURE_NAME,
    envelope_of,
    is_bundle,
    verify_manifest,
)
from tyrian.supply.attest.regression import Tolerance
from tyrian.supply.attest.trainer import attestation_path
from tyrian.supply.attest.verify import Expected, Mismatch, verify_training
from tyrian.supply.lock.lock import LOCK_NAME, lock_bytes, parse


def verify(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The model's directory.", exists=True, file_okay=False),
    ],
    key: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="Public key that may have signed; repeat for more."),
    ],
    attestation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default="DIR.attestation.json, else DIR/model.sig"),
    ] = None,
    base: Annotated[
        str, typer.Option(metavar="DIR|NAME", help="The base model, or its name in the lock.")
    ] = "",
    lock_path: Annotated[
        Path, typer.Option("--lock", metavar="FILE", help="The lock that --base is a name in.")
    ] = Path(LOCK_NAME),
    data: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="[NAME=]PATH", help="A dataset to compare."),
    ] = None,
    code: Annotated[str, typer.Option(metavar="COMMIT", help="The commit it must name.")] = "",
    base_evaluation: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Runs of the base model to compare.")
    ] = None,
    tuned_evaluation: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Runs of this model to compare.")
    ] = None,
    require_evaluations: Annotated[
        bool,
        typer.Option(
            "--require-evaluations", help="Fail without compared runs of the base and this model."
        ),
    ] = False,
    may_worsen: Annotated[
        float | None,
        typer.Option(
            metavar="AMOUNT",
            help="Fail where a measure got significantly worse by more (0.02: two points).",
        ),
    ] = None,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Check a model against its attestation, or its OpenSSF signature, without a network.

    Exit codes: 0 all as attested, 1 something does not match, 2 usage, 3 it could not be read.
    """
    path = attestation or _found(directory)
    verifiers = [read_verifier(one) for one in key]
    contents = dsse.read_bytes(path)
    if is_bundle(contents):
        envelope = envelope_of(contents, str(path))
    else:
        envelope = dsse.decode(contents, str(path))
    try:
        dsse.open_envelope(envelope, verifiers)
    except dsse.EnvelopeError as error:
        mismatch = Mismatch("signature", error.message, "one by a key that you trust")
        raise typer.Exit(_tell(path, [mismatch], [], output_format)) from None
    left_out = inside(directory, path)
    if is_bundle(contents):
        found, uncovered = verify_manifest(envelope, verifiers, directory, left_out)
        told = [f"model/{one}, which the signature leaves out" for one in uncovered]
        raise typer.Exit(_tell(path, found, told, output_format))
    runs = {"base": base_evaluation, "tuned": tuned_evaluation}
    expected = Expected(
        directory,
        left_out,
        base=_base(base, lock_path) if base else "",
        datasets=dict(_dataset(one) for one in data or ()),
        code=code,
        evaluations={role: place for role, place in runs.items() if place},
        comparison=(
            compared(base_evaluation, tuned_evaluation)
            if base_evaluation and tuned_evaluation
            else None
        ),
        is_evaluated=require_evaluations,
        tolerance=None if may_worsen is None else Tolerance(may_worsen=may_worsen),
    )
    checked = verify_training(envelope, verifiers, expected)
    raise typer.Exit(_tell(path, list(checked.mismatches), list(checked.uncompared), output_format))


def _found(directory: Path) -> Path:
    for path in (attestation_path(directory), directory / SIGNATURE_NAME):
        if path.exists():
            return path
    raise ConfigError(
        f"there is no attestation of {directory}",
        hint="name it with --attestation, or make one: tyrian attest create DIR --key FILE",
    )


def inside(directory: Path, path: Path) -> frozenset[str]:
    """The path within a directory, where it lies in it."""
    place, root = path.resolve(), directory.resolve()
    return frozenset({place.relative_to(root).as_posix()} if place.is_relative_to(root) else ())


def _base(base: str, lock_path: Path) -> str:
    if Path(base).is_dir():
        return digest_of(Path(base))
    model = parse(lock_bytes(lock_path), str(lock_path)).model(base)
    if model is None:
        raise ConfigError(f"{base!r} is neither a directory nor a model of {lock_path}")
    return model.digest


def _dataset(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    path = Path(place if equals else text)
    if not path.exists():
        raise ConfigError(f"there is no dataset {str(path)!r}", hint="--dataset NAME=PATH")
    return name if equals else path.name, digest_of(path)


def _tell(
    path: Path, mismatches: list[Mismatch], uncompared: list[str], output_format: Format
) -> ExitCode:
    if output_format is Format.JSON:
        rows = [
            {"subject": one.subject, "said": one.said, "found": one.found} for one in mismatches
        ]
        told = {"attestation": str(path), "mismatches": rows, "uncompared": uncompared}
        typer.echo(json.dumps(told, indent=2))
    else:
        for one in mismatches:
            said, found = one.said or "nothing", one.found or "nothing"
            typer.echo(plain(f"{one.subject}: attested {said}, found {found}"))
        if not mismatches:
            typer.echo(f"{path}: all that was compared is as attested")
        for name in uncompared:
            typer.echo(plain(f"not compared: {name}"), err=True)
    return ExitCode.FOUND if mismatches else ExitCode.CLEAN
