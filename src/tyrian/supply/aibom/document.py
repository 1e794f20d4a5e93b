"""A bill of materials as bytes: read without loss, written in one form alone.

The form: keys sorted, two spaces, numbers as they were read. The same content gives the same bytes.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from tyrian.errors import InputError

Json = dict[str, Any]
"""An object of a document; what is in it, the schema says."""
MOST_BYTES: Final = 1 << 28
_LONGEST_INT = 18
"""Digits that fit into 64 bits with their sign."""


class BomError(InputError):
    """Bytes that are no bill of materials, or none that can be read in one way only."""


def parse(data: bytes, place: str = "the bill of materials") -> Json:
    """The object in a file, every member of it; BomError where it has two readings or none."""
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_float=Decimal,
            parse_int=_int,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise BomError(f"{place} is not in UTF-8", hint=_HINT) from None
    except RecursionError:
        raise BomError(f"{place} is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError is one
        raise BomError(f"{place} is no JSON that can be read: {error}", hint=_HINT) from None
    if not isinstance(value, dict):
        raise BomError(f"{place} holds no object", hint=_HINT)
    return value


_HINT = "a CycloneDX document in JSON is needed; make one with tyrian bom create"


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return found


def _int(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _LONGEST_INT else Decimal(digits)


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def read(path: Path) -> Json:
    """The document in a file of at most 256 MiB; BomError where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BomError(f"{path}: {error.strerror}", hint="name the file of a BOM") from None
    if len(data) > MOST_BYTES:
        raise BomError(f"{path} is larger than {MOST_BYTES >> 20} MiB, which no BOM is")
    return parse(data, str(path))


_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="number")


def compact(value: object) -> bytes:
    """JSON with sorted keys and nothing between, for digests and comparisons."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        raise BomError("it holds half of a surrogate pair, which is no text") from None


def encode(document: Mapping[str, Any]) -> bytes:
    """The one form of a document, as bytes of a file."""
    return msgspec.json.format(compact(document), indent=2) + b"\n"


def serial_number(document: Mapping[str, Any]) -> str:
    """`urn:uuid:...` from what a document says, so that the same content has the same number."""
    content = {key: value for key, value in document.items() if key != "serialNumber"}
    digest = hashlib.sha256(compact(content)).hexdigest()
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:tyrian:bom:{digest}").urn
