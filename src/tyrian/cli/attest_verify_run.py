"""What `tyrian attest verify` does: tell each thing that is not as it was attested."""

from pathlib import Path

from tyrian.cli.exit import ExitCode
from tyrian.cli.model_lock_text import Format
from tyrian.cli.plain import plain
from tyrian.cli.standard_output import say, talk
from tyrian.errors import ConfigError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import digest_of
from tyrian.supply.attest.keys import read_verifier
from tyrian.supply.attest.model_signing import (
    SIGNATURE_NAME,
    envelope_of,
    is_bundle,
    verify_manifest,
)
from tyrian.supply.attest.places import attestation_path, inside
from tyrian.supply.attest.statement import Mismatch
from tyrian.supply.lock.write import LOCK_NAME


def run_verify(
    directory: Path,
    *,
    key: list[Path],
    attestation: Path | None = None,
    base: str = "",
    lock_path: Path = Path(LOCK_NAME),
    data: list[str] | None = None,
    code: str = "",
    base_evaluation: Path | None = None,
    tuned_evaluation: Path | None = None,
    require_evaluations: bool = False,
    may_worsen: float | None = None,
    output_format: Format = Format.TEXT,
) -> ExitCode:
    """Check and tell; the exit code."""
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
        return _tell(path, [mismatch], [], output_format)
    left_out = inside(directory, path)
    if is_bundle(contents):
        found, uncovered = verify_manifest(envelope, verifiers, directory, left_out)
        told = [f"model/{one}, which the signature leaves out" for one in uncovered]
        return _tell(path, found, told, output_format)
    from tyrian.cli.attest_regression import compared
    from tyrian.supply.attest.regression import Tolerance
    from tyrian.supply.attest.verify import Expected, verify_training

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
    return _tell(path, list(checked.mismatches), list(checked.uncompared), output_format)


def _found(directory: Path) -> Path:
    for path in (attestation_path(directory), directory / SIGNATURE_NAME):
        if path.exists():
            return path
    raise ConfigError(
        f"there is no attestation of {directory}",
        hint="name it with --attestation, or make one: tyrian attest create DIR --key FILE",
    )


def _base(base: str, lock_path: Path) -> str:
    if Path(base).is_dir():
        return digest_of(Path(base))
    from tyrian.supply.lock.lock import lock_bytes, parse

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
        import json

        rows = [
            {"subject": one.subject, "said": one.said, "found": one.found} for one in mismatches
        ]
        told = {"attestation": str(path), "mismatches": rows, "uncompared": uncompared}
        say(json.dumps(told, indent=2))
    else:
        for one in mismatches:
            said, found = one.said or "nothing", one.found or "nothing"
            say(plain(f"{one.subject}: attested {said}, found {found}"))
        if not mismatches:
            say(f"{path}: all that was compared is as attested")
        for name in uncompared:
            talk(plain(f"not compared: {name}"))
    return ExitCode.FOUND if mismatches else ExitCode.CLEAN
