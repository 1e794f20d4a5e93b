"""Digests that a user vouches for, of files that the lock knows without one.

They stand in one file of the user's own. Bytes are compared with them just as with the lock's.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from tyrian.core.home import state_home
from tyrian.errors import ConfigError, InputError
from tyrian.evals.datasets.lock import Locked

_SHA256 = re.compile(r"[0-9a-f]{64}")


def vouched(file: Locked) -> Locked:
    """The file with the user's digest, where the lock has none and the user gave one."""
    if file.is_pinned:
        return file
    found = _read().get(file.name)
    return replace(file, sha256=found) if found else file


def vouch(file: Locked, digest: str) -> Locked:
    """Keep a digest for good; ConfigError where it is none, or the lock has another."""
    digest = digest.strip().lower()
    if not _SHA256.fullmatch(digest):
        raise ConfigError(
            f"the digest of {file.name} is not 64 hexadecimal digits", hint="sha256sum FILE"
        )
    if file.is_pinned and digest != file.sha256:
        raise ConfigError(f"{file.name} is pinned already, with another digest")
    known = {**_read(), file.name: digest}
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(known, order="sorted"), indent=1))
    part.replace(path)
    return replace(file, sha256=digest)


def _path() -> Path:
    return state_home() / "datasets" / "digests.json"


def _read() -> Mapping[str, str]:
    path = _path()
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="mend or remove it") from error
