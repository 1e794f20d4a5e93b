"""One row of a dataset as bytes: the same value gives the same bytes, whatever file it is in."""

import base64
import hashlib
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal


def canonical_bytes(value: object) -> bytes:
    """JSON with sorted keys and nothing between, in UTF-8.

    What JSON has not is told in strings: times in ISO 8601, spans of time in microseconds, bytes
    in base64, decimals by their digits. Lone surrogates keep three bytes; NaN and the infinities
    are written as Python writes them.
    """
    told = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_told
    )
    return told.encode("utf-8", "surrogatepass")


def row_digest(value: object) -> bytes:
    """SHA-256 of a row's canonical bytes, 32 bytes."""
    return hashlib.sha256(canonical_bytes(value)).digest()


def _told(value: object) -> object:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__} has no canonical form")
