"""The rows of a unit, whatever its format, in batches."""

from collections.abc import Callable, Iterator
from types import MappingProxyType

from tyrian.supply.data.documents.document import read_document
from tyrian.supply.data.files import DOCUMENTS, LINES, Kind
from tyrian.supply.data.read_lines import read_array, read_lines
from tyrian.supply.data.read_table import read_arrow, read_csv, read_parquet
from tyrian.supply.data.rows import BadRow, Batch, Row
from tyrian.supply.data.units import Unit

BATCH_ROWS = 2048
_BATCH_BYTES = 8 << 20
Reader = Callable[[Unit], Iterator[Row | BadRow]]

_READERS: MappingProxyType[Kind, Reader] = MappingProxyType(
    {
        **dict.fromkeys(LINES, read_lines),
        **dict.fromkeys(DOCUMENTS, read_document),
        Kind.JSON: read_array,
        Kind.CSV: read_csv,
        Kind.TSV: read_csv,
        Kind.PARQUET: read_parquet,
        Kind.ARROW: read_arrow,
    }
)


def rows_of(unit: Unit) -> Iterator[Row | BadRow]:
    """The rows one by one; UnreadError where the file cannot be read on."""
    return _READERS[unit.file.kind](unit)


def batches_of(unit: Unit, size: int = BATCH_ROWS) -> Iterator[Batch]:
    """The rows in batches; what was read before an UnreadError still comes."""
    rows = rows_of(unit)
    error: list[BaseException] = []

    def until_unread() -> Iterator[Row | BadRow]:
        try:
            yield from rows
        except Exception as one:  # noqa: BLE001  raised below, behind the rows before it
            error.append(one)

    batch: Batch = []
    held = 0
    for row in until_unread():
        batch.append(row)
        held += len(row.raw)
        if len(batch) >= size or held > _BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
    if error:
        raise error[0]
