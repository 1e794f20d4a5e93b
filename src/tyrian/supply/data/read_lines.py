"""Rows of JSON: lines, plain or compressed, and one array; a bad row never ends the file."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import IO, Protocol, cast

from tyrian.supply.data.extras import need_polars
from tyrian.supply.data.files import Kind
from tyrian.supply.data.rows import KEPT_OF_BAD, BadRow, Row, UnreadError, Value
from tyrian.supply.data.units import Unit
from tyrian.supply.scan.strict_json import JsonError, decode

MOST_ROW_BYTES = 16 << 20
"""A longer row is told and passed over, so that one of a terabyte costs no memory."""
_PIECE = 1 << 20
_BOM = b"\xef\xbb\xbf"


class _Source(Protocol):
    def readline(self, size: int = ..., /) -> bytes: ...

    def tell(self) -> int: ...


def read_lines(unit: Unit) -> Iterator[Row | BadRow]:
    """The rows of a unit of JSON lines; UnreadError where the file itself cannot be read on."""
    place = unit.file.place
    try:
        if unit.file.kind is Kind.JSONL_ZST:
            yield from _unpacked_lines(place)
        elif unit.file.kind is Kind.JSONL_GZ:
            with gzip.open(place) as source:
                yield from _rows(cast("IO[bytes]", source), unit)
        else:
            with open(place, "rb") as source:
                source.seek(unit.start)
                yield from _rows(source, unit)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadError(f"it cannot be read on: {error}") from None


def _rows(source: _Source, unit: Unit) -> Iterator[Row | BadRow]:
    number, at = unit.first, unit.start
    while unit.end < 0 or at < unit.end:
        line = source.readline(MOST_ROW_BYTES + 1)
        if not line:
            return
        at += len(line)
        if len(line) > MOST_ROW_BYTES:
            kept = line[:KEPT_OF_BAD]
            while line and not line.endswith(b"\n"):
                line = source.readline(_PIECE)
                at += len(line)
            yield BadRow(number, "row-too-large", f"over {MOST_ROW_BYTES >> 20} MiB", kept)
        elif stripped := line.strip():
            yield row_of(number, stripped)
        number += 1


def _unpacked_lines(place: str) -> Iterator[Row | BadRow]:
    need_polars()
    import polars as pl

    number = 0
    try:
        for batch in pl.scan_lines(place, glob=False).collect_batches(maintain_order=True):
            for line in batch.to_series():
                number += 1
                if line and (stripped := line.strip()):
                    yield row_of(number, stripped.encode())
    except pl.exceptions.PolarsError as error:
        why = " ".join(str(error).split())[:120]
        raise UnreadError(f"it cannot be unpacked ({why}); unpack it: zstd -d") from None


def row_of(number: int, line: bytes) -> Row | BadRow:
    """The row that a line is."""
    try:
        value = decode(line.removeprefix(_BOM) if number == 1 else line)
    except JsonError as error:
        is_text = "UTF-8" in str(error)
        rule = "row-not-utf8" if is_text else "row-not-json"
        place = f" at byte {error.offset}" if error.offset else ""
        return BadRow(number, rule, f"it {error}{place}", line[:KEPT_OF_BAD])
    if not isinstance(value, dict):
        why = f"it is a JSON {_name(value)}, no object"
        return BadRow(number, "row-wrong-type", why, line[:KEPT_OF_BAD])
    return Row(number, cast("Value", value), line)


def _name(value: object) -> str:
    names = {list: "array", str: "string", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")


def read_array(unit: Unit) -> Iterator[Row | BadRow]:
    """The objects of a file that is one JSON array, a piece of it in memory at a time."""
    try:
        with open(unit.file.place, encoding="utf-8-sig", errors="strict") as source:
            yield from _elements(source)
    except UnicodeDecodeError as error:
        raise UnreadError(f"it is not in UTF-8 at byte {error.start} of a piece") from None
    except OSError as error:
        raise UnreadError(f"it cannot be read on: {error.strerror}") from None


def _elements(source: IO[str]) -> Iterator[Row | BadRow]:
    """Elements end where braces do, outside of strings: each is decoded for itself."""
    buffer = source.read(_PIECE).lstrip()
    if not buffer.startswith("["):
        raise UnreadError("it is neither an array of objects nor JSON lines")
    buffer, number, decoder = buffer[1:], 0, json.JSONDecoder()
    while True:
        buffer = buffer.lstrip(", \t\r\n")
        if buffer.startswith("]"):
            if buffer[1:].strip() or source.read(_PIECE).strip():
                raise UnreadError("something stands behind the array")
            return
        try:
            end = decoder.raw_decode(buffer)[1] if buffer else -1
        except (json.JSONDecodeError, RecursionError, ValueError):
            end = -1
        if end < 0 or (end == len(buffer) and buffer[-1:] not in '}]"'):
            if len(buffer) > MOST_ROW_BYTES:
                raise UnreadError(f"element {number + 1} is larger than is read, or no JSON")
            if not (more := source.read(_PIECE)):
                raise UnreadError(f"element {number + 1} is no JSON, or the array does not end")
            buffer += more
            continue
        number += 1
        yield row_of(number, buffer[:end].encode("utf-8", "surrogatepass"))
        buffer = buffer[end:]
