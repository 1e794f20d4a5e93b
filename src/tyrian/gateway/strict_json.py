"""JSON text that two parsers cannot read differently: what is not plain is refused."""

import json
from collections.abc import Iterable

import msgspec

from tyrian.errors import InputError

MAX_STRINGS = 100_000
"""Keys and strings in one body; more would keep the event loop busy for too long."""
_decoder = msgspec.json.Decoder()


def decode_object(body: bytes) -> dict[str, object]:
    """The object in `body`.

    InputError for anything else, and for duplicate keys, NaN and Infinity, lone surrogates,
    numbers out of range, nesting beyond what the interpreter's stack holds, and too many strings.
    """
    # Counted without reading: a quote behind a backslash stands within a string, or ends one.
    if body.count(b'"') - body.count(b'\\"') > 2 * MAX_STRINGS:
        raise InputError(f"the body has more than {MAX_STRINGS} keys and strings")
    try:
        value = _decoder.decode(body)
        _duplicates.decode(body.decode())
    except RecursionError:
        raise InputError("the body is nested too deeply") from None
    except _DuplicateKeyError:
        raise InputError("the body has an object with the same key twice") from None
    except (msgspec.DecodeError, ValueError):
        raise InputError("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise InputError("the body must be a JSON object")
    return value


class _DuplicateKeyError(ValueError):
    """An object has the same key twice."""


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > 1 and len({key for key, _ in pairs}) != len(pairs):
        raise _DuplicateKeyError


_duplicates = json.JSONDecoder(object_pairs_hook=_refuse_duplicates)


def refuse_lookalikes(keys: Iterable[str], known: frozenset[str], path: str) -> None:
    """InputError for a key that is a known one in other letters.

    Some servers match keys without regard to case, so that `Content` would stand in for the
    `content` that was judged.
    """
    for key in keys:
        if key not in known and key.casefold() in known:
            raise InputError(f"unknown key in {path}: it differs from a known one only in case")
