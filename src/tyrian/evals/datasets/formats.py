"""Rows from the bytes of a dataset, by the ending of its name: JSON, tables, Parquet."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import msgspec

from tyrian.errors import InputError, MissingDependencyError

Rows = Sequence[Mapping[str, Any]]
_LONGEST = 1 << 24
"""Characters of one field of CSV at most."""


def parse_rows(data: bytes, name: str, where: str) -> Rows:
    """The rows of the dataset `name`; `where` is the path of its file, for errors."""
    return _READERS.get(PurePath(name).suffix.lower(), _json)(data, where)


def _json(data: bytes, where: str) -> Rows:
    """A list of objects, or an object that holds one under a single key."""
    try:
        read = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if isinstance(read, dict) and len(read) == 1:
        (read,) = read.values()
    return _rows(read, where)


def _json_lines(data: bytes, where: str) -> Rows:
    found = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line))
            except (msgspec.DecodeError, RecursionError) as error:
                raise InputError(f"{where}:{number}: not JSON: {error}") from error
    return _rows(found, where)


def _rows(read: object, where: str) -> Rows:
    if isinstance(read, list) and read and all(isinstance(row, int) for row in read):
        return [{"value": row} for row in read]
    if not isinstance(read, list) or not all(isinstance(row, dict) for row in read):
        raise InputError(f"{where}: not a list of rows")
    return read


def _commas(data: bytes, where: str) -> Rows:
    return _quoted(_text(data, where), ",", where)


def _tabs(data: bytes, where: str) -> Rows:
    """Fields between tabs as they stand; with quotes only where lines do not come out even."""
    text = _text(data, where)
    head, *lines = [line.split("\t") for line in text.split("\n") if line.strip("\r")]
    if all(len(line) == len(head) for line in lines):
        return [dict(zip(map(_bare, head), map(_bare, line), strict=True)) for line in lines]
    return _quoted(text, "\t", where)


def _bare(field: str) -> str:
    return field.removesuffix("\r")


def _quoted(text: str, delimiter: str, where: str) -> Rows:
    before = csv.field_size_limit(_LONGEST)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        found = list(reader)
    except csv.Error as error:
        raise InputError(f"{where}: not a table: {error}") from error
    finally:
        csv.field_size_limit(before)
    for number, row in enumerate(found):
        if None in row or None in row.values():
            raise InputError(f"{where}: row {number} has not as many fields as the first line")
    return found


def _text(data: bytes, where: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8: {error.reason} at byte {error.start}") from error
    if not text.strip():
        raise InputError(f"{where}: empty")
    return text


def _parquet(data: bytes, where: str) -> Rows:
    try:
        import polars
    except ImportError:
        raise MissingDependencyError(
            f"{where} is Parquet, which needs a reader", hint="pip install 'tyrian[data]'"
        ) from None
    try:
        return polars.read_parquet(io.BytesIO(data)).to_dicts()
    except polars.exceptions.PolarsError as error:
        raise InputError(f"{where}: not Parquet: {error}") from error


_READERS: Mapping[str, Callable[[bytes, str], Rows]] = MappingProxyType(
    {".jsonl": _json_lines, ".csv": _commas, ".tsv": _tabs, ".parquet": _parquet}
)
