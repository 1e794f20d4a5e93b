"""Rows of tables: CSV by the record, Parquet and Arrow by the batch of columns."""

import csv
import struct
from collections.abc import Iterator
from io import BytesIO
from typing import IO, TYPE_CHECKING

from tyrian.supply.data.extras import need_polars
from tyrian.supply.data.files import Kind
from tyrian.supply.data.read_lines import MOST_ROW_BYTES
from tyrian.supply.data.rows import KEPT_OF_BAD, BadRow, Row, UnreadError
from tyrian.supply.data.units import Unit

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 80
_ROWS = 2048
_MOST_MESSAGE = 1 << 30
"""Bytes of one batch of an Arrow stream."""
_CONTINUED = 0xFFFFFFFF
BATCH = 3
"""Kind of the message that holds rows."""
_SURROGATES = range(0xDC80, 0xDD00)


def read_csv(unit: Unit) -> Iterator[Row | BadRow]:
    """The records of a CSV file behind its header, as strings; the first record has number 1."""
    delimiter = "\t" if unit.file.kind is Kind.TSV else ","
    csv.field_size_limit(MOST_ROW_BYTES)
    try:
        with open(
            unit.file.place, encoding="utf-8-sig", errors="surrogateescape", newline=""
        ) as source:
            yield from _records(source, delimiter)
    except csv.Error as error:
        raise UnreadError(f"it is no CSV that can be read on: {error}") from None
    except OSError as error:
        raise UnreadError(f"it cannot be read on: {error.strerror}") from None


def _records(source: IO[str], delimiter: str) -> Iterator[Row | BadRow]:
    records = csv.reader(_checked(source), delimiter=delimiter, strict=True)
    header = next(records, None)
    if not header:
        raise UnreadError("it has no header")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise UnreadError(f"its header has {twice[0][:_SHOWN]!r} twice")
    for number, record in enumerate((record for record in records if record), 1):
        raw = delimiter.join(record).encode("utf-8", "surrogateescape")[:KEPT_OF_BAD]
        if any(not cell.isascii() and _is_broken(cell) for cell in record):
            yield BadRow(number, "row-not-utf8", "it is not in UTF-8", raw)
        elif len(record) != len(header):
            why = f"it has {len(record)} fields, and the header {len(header)}"
            yield BadRow(number, "row-wrong-type", why, raw)
        else:
            yield Row(number, dict(zip(header, record, strict=True)))


def _checked(source: IO[str]) -> Iterator[str]:
    """The lines, none of them without end."""
    while line := source.readline(MOST_ROW_BYTES + 1):
        if len(line) > MOST_ROW_BYTES:
            raise UnreadError(f"a line is over {MOST_ROW_BYTES >> 20} MiB", "row-too-large")
        yield line


def _is_broken(cell: str) -> bool:
    return any(ord(char) in _SURROGATES for char in cell)


def read_parquet(unit: Unit) -> Iterator[Row | BadRow]:
    """The rows of a part of a Parquet file."""
    need_polars()
    import polars as pl

    count = None if unit.end < 0 else unit.end - unit.start
    try:
        frame = pl.scan_parquet(unit.file.place, glob=False).slice(unit.start, count).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unread(error) from None
    yield from _rows(frame, unit.first)


def read_arrow(unit: Unit) -> Iterator[Row | BadRow]:
    """The rows of an Arrow file (`save_to_disk` writes streams), a batch in memory at a time."""
    need_polars()
    import polars as pl

    number = 1
    try:
        for frame in arrow_frames(unit.file.place):
            yield from _rows(frame, number)
            number += frame.height
    except (pl.exceptions.PolarsError, OSError, struct.error) as error:
        raise _unread(error) from None


def _rows(frame: "pl.DataFrame", first: int) -> Iterator[Row | BadRow]:
    for number, value in enumerate(frame.iter_rows(named=True), first):
        yield Row(number, value)


def _unread(error: Exception) -> UnreadError:
    return UnreadError(f"it cannot be read on: {' '.join(str(error).split())[:160]}")


def arrow_frames(place: str) -> Iterator["pl.DataFrame"]:
    """The rows of an Arrow file, as tables of a batch each."""
    import polars as pl

    with open(place, "rb") as source:
        if source.read(6) == b"ARROW1":
            yield from pl.scan_ipc(place, glob=False).collect_batches(
                chunk_size=_ROWS, maintain_order=True
            )
            return
        source.seek(0)
        kept: list[bytes] = []
        for kind, message in arrow_messages(source):
            if kind != BATCH:
                kept.append(message)
            else:
                yield pl.read_ipc_stream(BytesIO(b"".join((*kept, message))))
        if not kept:
            raise UnreadError("it is no stream of Arrow batches")


def arrow_messages(source: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Kind and bytes of each message of a stream.

    Source: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
    """
    while head := source.read(8):
        mark, size = struct.unpack("<Ii", head)
        if mark != _CONTINUED or size < 0 or size > _MOST_MESSAGE:
            raise UnreadError("a batch has no head")
        if size == 0:
            return
        about = source.read(size)
        kind, length = _kind_and_length(about)
        if not 0 <= length <= _MOST_MESSAGE:
            raise UnreadError(f"a batch is {length:,} bytes long")
        body = source.read(length)
        if len(about) != size or len(body) != length:
            raise UnreadError("it ends within a batch")
        yield kind, head + about + body


def _kind_and_length(about: bytes) -> tuple[int, int]:
    """Of a Message table of Arrow's flat buffers: its second field, and its fourth."""
    table = struct.unpack_from("<I", about, 0)[0]
    fields = table - struct.unpack_from("<i", about, table)[0]
    size = struct.unpack_from("<H", about, fields)[0]

    def at(field: int) -> int:
        slot = 4 + 2 * field
        return struct.unpack_from("<H", about, fields + slot)[0] if slot < size else 0

    kind = struct.unpack_from("<B", about, table + at(1))[0] if at(1) else 0
    length = struct.unpack_from("<q", about, table + at(3))[0] if at(3) else 0
    return int(kind), int(length)
