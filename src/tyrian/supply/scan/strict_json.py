"""JSON on which all readers agree: no key twice, not too deep."""

import json


class JsonError(Exception):
    """JSON that cannot be read, or not in one way only."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


def decode(data: bytes) -> object:
    """The value; raises JsonError."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise JsonError(f"is no JSON: {error.msg}", error.pos) from None
    except UnicodeDecodeError as error:
        raise JsonError("is not in UTF-8", error.start) from None
    except RecursionError:
        raise JsonError("is nested too deeply") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise JsonError(str(error)) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise JsonError(f"has the key {twice[:80]!r} twice")
    return found


def _constant(name: str) -> float:
    return float(name)  # Python's writers give NaN and Infinity, and all Python readers take them
