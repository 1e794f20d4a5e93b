"""Many rows in one statement, past the object mapper."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_rows(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows that each name every column of the table.

    The values go to the driver as they are, and so those of JSON columns are JSON text: the
    mapper's work on each of them would cost several times what the database does with the row.
    """
    compiled = insert(table).compile(dialect=connection.dialect)
    values: list[Any] = list(rows)
    if compiled.positional:
        names = compiled.positiontup or ()
        values = [tuple([row[name] for name in names]) for row in rows]
    await connection.exec_driver_sql(compiled.string, values)
