"""Fields of dataset rows, read strictly: what is missing or of another type is named."""

from collections.abc import Mapping

from tyrian.errors import InputError

Row = Mapping[str, object]


def text_of(row: Row, field: str, number: int) -> str:
    """A field that must be text; `number` counts rows from 0 for the error."""
    value = row.get(field)
    if not isinstance(value, str):
        raise _fault(row, field, number, "text")
    return value


def texts_of(row: Row, field: str, number: int) -> tuple[str, ...]:
    """A field that must be a list of texts."""
    value = row.get(field)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _fault(row, field, number, "a list of texts")
    return tuple(value)


def _fault(row: Row, field: str, number: int, wanted: str) -> InputError:
    state = "is missing" if field not in row else f"is not {wanted}"
    return InputError(
        f"row {number}: field {field!r} {state}",
        hint="compare the file's digest with the lock: tyrian eval fetch --verify",
    )
