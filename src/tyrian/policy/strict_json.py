"""The arguments of a call from the model's JSON text, where no two parsers may differ."""

import json
import math

from tyrian.policy.refusal import Refusal

MAX_CHARS = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_DIGITS = 64
MAX_INT = 2**64

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_HINT = "write one plain JSON object"


class _DuplicateKeyError(ValueError):
    """An object has the same key twice."""


def read_arguments(text: str) -> dict[str, object]:
    """The object in `text`; Refusal for anything that a lenient parser might read otherwise.

    Refused: duplicate keys, NaN and infinities, comments, trailing data, single quotes, a byte
    order mark, halves of surrogate pairs, numbers without end, nesting beyond 64.
    """
    if len(text) > MAX_CHARS:
        raise Refusal("json.too-long", f"the arguments are longer than {MAX_CHARS:,} characters")
    try:
        value = _decoder.decode(text)
    except _DuplicateKeyError:
        raise Refusal("json.duplicate-key", "an object has the same key twice", _HINT) from None
    except RecursionError:
        raise Refusal("json.too-deep", "the arguments are nested too deeply", _HINT) from None
    except ValueError:
        raise Refusal("json.invalid", "the arguments are not strict JSON", _HINT) from None
    return checked_arguments(value)


def read_object(line: bytes) -> dict[str, object]:
    """The object in a line of UTF-8; Refusal for what is none, or has a key twice."""
    try:
        value = _decoder.decode(line.decode())
    except (ValueError, RecursionError):
        raise Refusal("json.invalid", "the row is not a strict JSON object", _HINT) from None
    if not isinstance(value, dict):
        raise Refusal("json.not-an-object", "the row is not a JSON object", _HINT)
    return value


def checked_arguments(value: object) -> dict[str, object]:
    """The same arguments, where they are an object of plain JSON; Refusal otherwise."""
    if not isinstance(value, dict):
        raise Refusal("json.not-an-object", "the arguments are not a JSON object", _HINT)
    _check(value, 0)
    return value


def _check(value: object, depth: int) -> int:
    """Refuse what is not plain JSON; the number of characters in it."""
    kind = type(value)
    if kind is str:
        return _checked_text(value)  # type: ignore[arg-type]
    if value is None or kind is bool:
        return 8
    if kind is int:
        if not -MAX_INT < value < MAX_INT:  # type: ignore[operator]
            raise Refusal("json.number", "a number is too large for other parsers")
        return 8
    if kind is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise Refusal("json.not-finite", "a number is not finite")
        return 8
    if depth >= MAX_DEPTH:
        raise Refusal("json.too-deep", "the arguments are nested too deeply", _HINT)
    size = 2
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise Refusal("json.invalid", "a key is not a string", _HINT)
            size += len(key) if key.isascii() else _checked_text(key)
            is_plain = type(item) is str and item.isascii()
            size += len(item) if is_plain else _check(item, depth + 1)
    elif kind is list:
        for item in value:  # type: ignore[attr-defined]
            size += _check(item, depth + 1)
    else:
        raise Refusal("json.invalid", "a value has no JSON type", _HINT)
    if size > MAX_CHARS:
        raise Refusal("json.too-long", f"the arguments are longer than {MAX_CHARS:,} characters")
    return size


def _checked_text(text: str) -> int:
    if len(text) > MAX_CHARS:
        raise Refusal("json.too-long", f"the arguments are longer than {MAX_CHARS:,} characters")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Refusal("json.surrogate", "half of a surrogate pair stands alone") from None
    return len(text)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKeyError
    return found


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("too many digits")
    return int(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer
)
