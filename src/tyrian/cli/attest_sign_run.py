"""What `tyrian attest sign` does."""

from pathlib import Path

from tyrian.cli.exit import ExitCode
from tyrian.cli.standard_output import say
from tyrian.errors import ConfigError
from tyrian.supply.attest.keys import read_signer
from tyrian.supply.attest.model_signing import SIGNATURE_NAME, sign_manifest
from tyrian.supply.attest.places import inside
from tyrian.supply.lock.write import write_whole


def run_sign(directory: Path, *, key: Path | None = None, output: Path | None = None) -> ExitCode:
    """Sign the files of a directory; the exit code."""
    if key is None:
        raise ConfigError("nothing signs", hint="--key FILE, a private ECDSA key in PEM")
    target = output or directory / SIGNATURE_NAME
    signature = sign_manifest(directory, read_signer(key), inside(directory, target))
    write_whole(target, signature)
    say(str(target))
    return ExitCode.CLEAN
