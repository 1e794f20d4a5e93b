"""The in-toto statement within an envelope, and what differs from what it says."""

import json
from typing import Any, NamedTuple

from tyrian.errors import InputError
from tyrian.supply.attest import dsse

STATEMENT = "https://in-toto.io/Statement/v1"


class Mismatch(NamedTuple):
    """One thing that is not as the attestation says."""

    subject: str
    """Such as `model/config.json`, `base`, `dataset train`, `code`."""
    said: str
    """Empty where the attestation says nothing of it."""
    found: str
    """Empty where it is not there."""


def parse_statement(opened: dsse.Opened) -> dict[str, Any]:
    """The in-toto statement of an envelope; InputError where it is none."""
    try:
        statement = json.loads(opened.payload)
    except (ValueError, RecursionError):
        statement = None
    if opened.payload_type != dsse.IN_TOTO or not isinstance(statement, dict):
        raise InputError("the envelope holds no in-toto statement")
    if statement.get("_type") != STATEMENT:
        raise InputError(f"the statement is of type {statement.get('_type')!r}, not {STATEMENT}")
    return statement


def at(value: object, *keys: str) -> Any:
    """A value within nested objects; None where it is not there."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
