"""Work in pieces: parts of files that can be read apart from each other, in order."""

from collections.abc import Iterator

import msgspec

from tyrian.supply.data.extras import need_polars
from tyrian.supply.data.files import DataFile, Kind

UNIT_BYTES = 4 << 20
"""About so many bytes of JSON lines make a unit."""
UNIT_ROWS = 8192
"""So many rows of Parquet make a unit."""


class Unit(msgspec.Struct, frozen=True):
    """A part of a file; those of all files together are all of the data."""

    file: DataFile
    number: int = 0
    """Place in the order of all units."""
    start: int = 0
    """First byte of JSON lines, first row (from 0) of Parquet."""
    end: int = -1
    """Where it ends, half open; -1 is the end of the file."""
    first: int = 1
    """Number of its first row."""


def units_of(files: list[DataFile]) -> Iterator[Unit]:
    """The units of all files, numbered."""
    number = 0
    for file in files:
        for unit in _parts(file):
            yield msgspec.structs.replace(unit, number=number)
            number += 1


def _parts(file: DataFile) -> Iterator[Unit]:
    if file.kind is Kind.JSONL:
        yield from _lines(file)
    elif file.kind is Kind.PARQUET:
        yield from _rows(file)
    else:
        yield Unit(file)


def _lines(file: DataFile) -> Iterator[Unit]:
    """Cut after the last end of a line in each piece; a file that cannot be read is one unit."""
    start, first, at, lines = 0, 1, 0, 0
    try:
        with open(file.place, "rb", buffering=0) as source:
            while piece := source.read(UNIT_BYTES):
                cut = piece.rfind(b"\n") + 1
                if cut:
                    lines += piece.count(b"\n", 0, cut)
                    yield Unit(file, start=start, end=at + cut, first=first)
                    start, first, lines = at + cut, first + lines, 0
                at += len(piece)
    except OSError:
        yield Unit(file, start=start, first=first)
        return
    if start < at or not at:
        yield Unit(file, start=start, end=at, first=first)


def _rows(file: DataFile) -> Iterator[Unit]:
    need_polars()
    import polars as pl

    try:
        total = int(pl.scan_parquet(file.place, glob=False).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError):
        yield Unit(file)  # reading it tells what is wrong
        return
    for start in range(0, max(total, 1), UNIT_ROWS):
        yield Unit(file, start=start, end=min(start + UNIT_ROWS, total), first=start + 1)
