"""Copies of a dataset without some of its rows; what is left out is written too, with reasons.

Files keep their names and formats (Zstandard is unpacked). Kept rows, removed rows and rows that
could not be read are together all rows.
"""

import csv
import gzip
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, cast

import msgspec

from tyrian.errors import ConfigError
from tyrian.supply.data.canonical import canonical_bytes
from tyrian.supply.data.files import DOCUMENTS, DataFile, Kind
from tyrian.supply.data.read import rows_of
from tyrian.supply.data.read_table import BATCH, arrow_frames, arrow_messages
from tyrian.supply.data.rows import BadRow, Row, UnreadError
from tyrian.supply.data.units import Unit

Reasons = Mapping[tuple[str, int], Sequence[object]]
"""By file and row, why the row is left out; row 0 is for the file itself."""


@dataclass(slots=True)
class Counts:
    """Where the rows went."""

    kept: int = 0
    removed: int = 0
    unread: int = 0
    by_file: dict[str, int] = field(default_factory=dict)
    """Kept rows of each file."""


def check_empty(directory: Path) -> None:
    """ConfigError where something is in the directory already."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(f"{directory} is there already", hint="name a new directory")


def write_clean(
    units: Iterable[Unit], reasons: Reasons, directory: Path, removed_name: str
) -> Counts:
    """Write the rows that no reason speaks against; the others go to `removed_name` there."""
    counts = Counts()
    directory.mkdir(parents=True, exist_ok=True)
    by_file: dict[DataFile, list[Unit]] = {}
    for unit in units:
        by_file.setdefault(unit.file, []).append(unit)
    with (directory / removed_name).open("wb") as removed:
        for file, parts in by_file.items():
            target = directory / _name(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            with _writer(file, target, reasons) as keep:
                for row in _rows(parts, removed, file):
                    _sort(row, file, reasons, keep, removed, counts)
    return counts


def _name(file: DataFile) -> str:
    return file.name.removesuffix(".zst") if file.kind is Kind.JSONL_ZST else file.name


def _rows(parts: Iterable[Unit], removed: IO[bytes], file: DataFile) -> Iterator[Row | BadRow]:
    for unit in parts:
        try:
            yield from rows_of(unit)
        except UnreadError as error:
            why = [{"rule": error.rule, "why": error.message}]
            told = {"file": file.name, "row": 0, "reasons": why, "value": None}
            removed.write(msgspec.json.encode(told) + b"\n")


Keep = Callable[[Row], None]


def _sort(
    row: Row | BadRow, file: DataFile, reasons: Reasons, keep: Keep, removed: IO[bytes],
    counts: Counts,
) -> None:  # fmt: skip
    found = reasons.get((file.name, row.number))
    if isinstance(row, Row) and not found:
        keep(row)
        counts.kept += 1
        counts.by_file[file.name] = counts.by_file.get(file.name, 0) + 1
        return
    told: dict[str, object] = {"file": file.name, "row": row.number}
    if isinstance(row, Row):
        counts.removed += 1
        value = row.value if file.kind not in DOCUMENTS else {"sha256": row.value["sha256"]}
        told |= {"reasons": found, "value": json.loads(canonical_bytes(value))}
    else:
        counts.unread += 1
        raw = row.raw.decode("utf-8", "backslashreplace")
        told |= {"reasons": [{"rule": row.rule, "why": row.why}], "value": None, "raw": raw}
    removed.write(json.dumps(told, ensure_ascii=True).encode() + b"\n")


@contextmanager
def _writer(file: DataFile, target: Path, reasons: Reasons) -> Iterator[Keep]:
    if file.kind in DOCUMENTS:
        yield lambda _: cast("None", shutil.copyfile(file.place, target))
    elif file.kind in (Kind.CSV, Kind.TSV):
        with target.open("w", encoding="utf-8", newline="") as out:
            yield _csv(out, file)
    elif file.kind is Kind.JSON:
        with target.open("wb") as out_bytes:
            yield _array(out_bytes)
            out_bytes.write(b"\n]\n" if out_bytes.tell() else b"[]\n")
    elif file.kind in (Kind.PARQUET, Kind.ARROW):
        yield lambda _: None
        (_write_parquet if file.kind is Kind.PARQUET else _write_arrow)(file, target, reasons)
    elif file.kind is Kind.JSONL_GZ:
        with target.open("wb") as plain, gzip.GzipFile("", "wb", 6, plain, mtime=0) as packed:
            yield lambda row: cast("None", packed.write(row.raw + b"\n"))
    else:
        with target.open("wb") as lines:
            yield lambda row: cast("None", lines.write(row.raw + b"\n"))


def _csv(out: TextIOWrapper, file: DataFile) -> Keep:
    delimiter = "\t" if file.kind is Kind.TSV else ","
    with open(file.place, encoding="utf-8-sig", errors="replace", newline="") as source:
        header = next(csv.reader(source, delimiter=delimiter), [])
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    return lambda row: cast("None", writer.writerow(list(row.value.values())))


def _array(out: IO[bytes]) -> Keep:
    return lambda row: cast("None", out.write((b",\n" if out.tell() else b"[\n") + row.raw))


def _left_out(file: DataFile, reasons: Reasons) -> list[int]:
    return sorted(row for name, row in reasons if name == file.name)


def _write_parquet(file: DataFile, target: Path, reasons: Reasons) -> None:
    import polars as pl

    number = pl.int_range(1, pl.len() + 1)
    try:
        frame = pl.scan_parquet(file.place, glob=False)
        frame.filter(~number.is_in(_left_out(file, reasons))).sink_parquet(target)
    except pl.exceptions.PolarsError:  # told as a file that cannot be read
        target.unlink(missing_ok=True)


def _write_arrow(file: DataFile, target: Path, reasons: Reasons) -> None:
    """The same stream, its batches without some rows."""
    left_out = set(_left_out(file, reasons))
    number, is_first = 1, True
    end = b"\xff\xff\xff\xff\x00\x00\x00\x00"
    with target.open("wb") as out:
        try:
            for frame in arrow_frames(file.place):
                kept = [number + at not in left_out for at in range(frame.height)]
                number += frame.height
                stream = BytesIO()
                frame.filter(kept).write_ipc_stream(stream)
                stream.seek(0)
                for kind, message in arrow_messages(stream):
                    if is_first or kind == BATCH:
                        out.write(message)
                is_first = False
        except UnreadError:  # told as a file that cannot be read on
            pass
        out.write(end)
