"""`tyrian attest`: sign what a model was made of, and check it offline."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import yaml

from tyrian.cli.attest_regression import compared
from tyrian.cli.attest_sign_run import run_sign
from tyrian.cli.attest_verify import BaseOption, LockOption, verify
from tyrian.cli.format_option import FormatOption
from tyrian.cli.model_lock_text import Format
from tyrian.errors import ConfigError, InputError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import digest_of, files_of
from tyrian.supply.attest.keys import make_key, read_signer
from tyrian.supply.attest.materials import (
    Evaluation,
    Material,
    dataset,
    evaluations_below,
    material_of_lock,
)
from tyrian.supply.attest.places import attestation_path, inside
from tyrian.supply.attest.sigstore import sign_by_identity
from tyrian.supply.attest.surroundings import code_revision, environment, hardware
from tyrian.supply.attest.training import Record, read_record, statement_of
from tyrian.supply.lock.lock import lock_bytes, parse
from tyrian.supply.lock.write import LOCK_NAME, write_whole

app = typer.Typer(
    help="Sign what a model was made of, and check it offline.",
    no_args_is_help=True,
    add_completion=False,
)
app.command()(verify)

DirectoryArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="The model's directory.", exists=True, file_okay=False)
]
KeyOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="TYRIAN_SIGNING_KEY", help="Private key that signs."),
]


@app.command()
def key(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The private key; its public half gets .pub.")
    ],
) -> None:
    """Make a key (Ed25519) that signs attestations and locks."""
    made = make_key(path)
    typer.echo(f"{path}: keep it secret; {path}.pub: for all who verify", err=True)
    typer.echo(made.id)


@app.command()
def create(
    directory: DirectoryArgument,
    key: KeyOption = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="training-record.json of the Trainer's callback."),
    ] = None,
    base: BaseOption = "",
    lock_path: LockOption = Path(LOCK_NAME),
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset", metavar="[NAME=]PATH", help="A dataset, or its manifest; repeat for more."
        ),
    ] = None,
    parameters: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Hyper-parameters, an object in JSON or YAML."),
    ] = None,
    seed: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]N", help="A seed; repeat for more.")
    ] = None,
    code: Annotated[
        str,
        typer.Option(
            metavar="DIR|COMMIT",
            help="The training's code: a directory in its git checkout, or a commit.",
            show_default="this directory",
        ),
    ] = "",
    base_evaluation: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Runs of tyrian eval of the base model.")
    ] = None,
    tuned_evaluation: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Runs of tyrian eval of this model.")
    ] = None,
    sigstore: Annotated[
        bool, typer.Option("--sigstore", help="Sign as this CI job, through Sigstore.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", show_default="DIR.attestation.json"),
    ] = None,
) -> None:
    """Attest a training: what went in, how it was set, and the files that came out.

    Exit codes: 0 written, 2 usage or something not told, 3 something could not be read.
    """
    if (key is None) == (not sigstore):
        raise ConfigError(
            "nothing signs the attestation, or two things do",
            hint="--key FILE (make one: tyrian attest key FILE), or --sigstore in CI",
        )
    signer = read_signer(key) if key else None
    known = read_record(record) if record else Record()
    changes: dict[str, object] = {}
    if base:
        changes["base"] = _base(base, lock_path)
    if data:
        changes["datasets"] = tuple(dataset(*_named(one)) for one in data)
    if parameters:
        changes["parameters"] = _parameters(parameters)
    if seed:
        changes["seeds"] = dict(_seed(one) for one in seed)
    if code or not known.code:
        changes["code"] = _code(code)
    if not known.environment:
        changes |= {"environment": environment(), "hardware": hardware()}
    changes["evaluations"] = _evaluations(known.evaluations, base_evaluation, tuned_evaluation)
    if base_evaluation and tuned_evaluation:
        changes["comparison"] = compared(base_evaluation, tuned_evaluation)
    complete = msgspec.structs.replace(known, **changes)
    target = output or attestation_path(directory)
    statement = statement_of(complete, files_of(directory, inside(directory, target)))
    if signer:
        write_whole(target, dsse.encode(dsse.seal(statement, signer)))
    else:
        write_whole(target, sign_by_identity(statement))
    typer.echo(str(target))


@app.command()
def sign(
    directory: DirectoryArgument,
    key: KeyOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", show_default="DIR/model.sig"),
    ] = None,
) -> None:
    """Sign the files of a model as OpenSSF model signing does (an ECDSA key)."""
    raise typer.Exit(run_sign(directory, key=key, output=output))


@app.command()
def show(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="An attestation.", exists=True)],
    output_format: FormatOption = Format.JSON,
) -> None:
    """Print what an attestation says, without believing it."""
    from tyrian.supply.attest.model_signing import envelope_of, is_bundle

    data = dsse.read_bytes(path)
    envelope = envelope_of(data, str(path)) if is_bundle(data) else dsse.decode(data, str(path))
    try:
        told = json.loads(dsse.payload_of(envelope))
    except ValueError:
        raise InputError(f"{path} holds no statement") from None
    typer.echo(json.dumps(told, indent=2 if output_format is Format.JSON else 1))


def _base(base: str, lock_path: Path) -> Material:
    if Path(base).is_dir():
        return Material(name=Path(base).resolve().name, digest=digest_of(Path(base)))
    model = parse(lock_bytes(lock_path), str(lock_path)).model(base)
    if model is None:
        raise ConfigError(
            f"{base!r} is neither a directory nor a model of {lock_path}",
            hint="lock the base model: tyrian model lock DIR",
        )
    return material_of_lock(model)


def _named(text: str) -> tuple[str, Path]:
    name, equals, place = text.partition("=")
    path = Path(place if equals else text)
    if not path.exists():
        raise ConfigError(f"there is no dataset {str(path)!r}", hint="--dataset NAME=PATH")
    return name if equals else path.name, path


def _seed(text: str) -> tuple[str, int]:
    name, equals, value = text.partition("=")
    try:
        return (name, int(value)) if equals else ("seed", int(text))
    except ValueError:
        raise ConfigError(f"--seed {text!r} is no number", hint="--seed 42") from None


def _parameters(path: Path) -> dict[str, object]:
    try:
        told = yaml.safe_load(dsse.read_bytes(path))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(told, dict) or not all(isinstance(key, str) for key in told):
        raise ConfigError(f"{path} is no object of hyper-parameters", hint="learning_rate: 1e-5")
    try:
        json.dumps(told, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path} has a value that JSON has not: {error}") from None
    return told


def _code(code: str) -> dict[str, object]:
    if re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", code):
        return {"commit": code}
    if code and not Path(code).is_dir():
        raise ConfigError(f"--code {code!r} is no directory, and no commit")
    return code_revision(Path(code))


def _evaluations(
    known: Sequence[Evaluation], base: Path | None, tuned: Path | None
) -> tuple[Evaluation, ...]:
    given = {"base": base, "tuned": tuned}
    kept = [one for one in known if not given.get(one.role)]
    for role, directory in given.items():
        if directory:
            kept += evaluations_below(role, directory)
    return tuple(kept)
