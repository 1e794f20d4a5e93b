"""What a report is asked for: the candidates, and the files that are evidence on each."""

from pathlib import Path

import msgspec
import yaml

from tyrian.errors import ConfigError
from tyrian.supply.attest.dsse import read_bytes

_EXAMPLE = "candidates: [{name: a, lock: models.lock, scan: [scan.json]}]"


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model, and what is known of it; paths are relative to the request's file."""

    name: str
    directory: str = ""
    """Hashed and compared with the lock."""
    lock: str = ""
    locked_as: str = ""
    """Its name in the lock, where that is another."""
    scan: tuple[str, ...] = ()
    """What `tyrian model scan --sha256 --format json` wrote."""
    bom: tuple[str, ...] = ()
    attestation: str = ""
    keys: tuple[str, ...] = ()
    """Public keys that may have signed the attestation or the lock."""
    evaluations: tuple[str, ...] = ()
    """Directories of `tyrian eval run`."""
    data_scan: tuple[str, ...] = ()
    gate: tuple[str, ...] = ()
    documents: dict[str, str] = {}
    """Documents of one's own, by the id of the row that they answer."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole request."""

    candidates: tuple[Candidate, ...]
    title: str = "Models compared"
    purpose: str = ""
    prepared_by: str = ""
    as_of: str = ""
    """Date by which approvals are judged; without one an end is told and not judged."""


def read_request(path: Path) -> Request:
    """The request in a YAML or JSON file; ConfigError where it is none."""
    try:
        told = yaml.safe_load(read_bytes(path))
        if isinstance(told, dict) and not isinstance(told.get("as_of", ""), str):
            told["as_of"] = str(told["as_of"])
        request = msgspec.convert(told, Request)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())[:200]}") from None
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} asks for no report: {error}", hint=_EXAMPLE) from None
    names = [one.name for one in request.candidates]
    if not names or len(set(names)) != len(names) or not all(names):
        raise ConfigError(f"{path} needs candidates, each with a name of its own", hint=_EXAMPLE)
    return request
