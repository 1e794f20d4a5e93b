"""The official schema of CycloneDX, held strictly: unknown members and formats are faults.

Source: https://github.com/CycloneDX/specification/tree/master/schema (Apache-2.0), unchanged.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tyrian.supply.aibom.document import BomError
from tyrian.supply.aibom.fault import Fault

if TYPE_CHECKING:
    import jsonschema_rs

SPECS = ("1.7", "1.6")
"""Versions of CycloneDX that are written and read, the first where none is asked for."""
_BASE = "http://cyclonedx.org/schema/"
_PARTS = ("spdx", "jsf-0.82", "cryptography-defs")
_MOST = 200
"""Faults of one document that are told; a file of another kind has thousands."""
_LONGEST = 300


def schema_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Each place where a document is not as the schema of its version says."""
    validator = _validator(spec_of(document))
    if validator.is_valid(document):
        return
    for count, error in enumerate(validator.iter_errors(document)):
        if count == _MOST:
            yield Fault("schema", "", f"there are more than {_MOST} faults; these are the first")
            return
        yield Fault("schema", pointer(error.instance_path), _short(error.message))


def spec_of(document: Mapping[str, Any]) -> str:
    """The version of CycloneDX; BomError where it is another format, or a version unknown here."""
    if document.get("bomFormat") != "CycloneDX":
        raise BomError(
            "this is no CycloneDX document: bomFormat does not say so",
            hint="documents of SPDX 3 are validated as well; of other formats none are",
        )
    spec = document.get("specVersion")
    if spec not in SPECS:
        raise BomError(
            f"it is of CycloneDX {str(spec)[:20]}, and {' and '.join(SPECS)} are read",
            hint="convert it with the tool that wrote it",
        )
    return str(spec)


def pointer(path: object) -> str:
    """A JSON pointer from the steps to a place."""
    steps = path if isinstance(path, list | tuple) else list(path)  # type: ignore[call-overload]
    return "".join(f"/{str(one).replace('~', '~0').replace('/', '~1')}" for one in steps)


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 2]} …"


@cache
def _validator(spec: str) -> "jsonschema_rs.Validator":
    import jsonschema_rs  # three megabytes, for whoever checks a document

    parts = [(f"{_BASE}{name}.SNAPSHOT.schema.json", _read(name)) for name in _PARTS]
    return jsonschema_rs.validator_for(
        _read(f"bom-{spec}"),
        registry=jsonschema_rs.Registry(parts),
        validate_formats=True,
        offline=True,
    )


@cache
def licence_ids() -> frozenset[str]:
    """Identifiers of the SPDX License List, and of its exceptions, that the schema knows."""
    return frozenset(_read("spdx")["enum"])


def _read(name: str) -> Any:
    place = files("tyrian.supply.aibom.schemas").joinpath(f"{name}.SNAPSHOT.schema.json")
    return json.loads(place.read_bytes())
