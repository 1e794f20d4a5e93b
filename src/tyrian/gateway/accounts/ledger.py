"""What requests used and cost: written in batches, summed for people."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from sqlalchemy import Table

from tyrian.errors import StoreError
from tyrian.gateway.accounts.spending import Fired, book
from tyrian.gateway.store.bulk import insert_rows
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.money import LedgerEntry

FLUSH_AFTER_S: Final = 1.0
MAX_WAITING: Final = 100_000
"""Entries kept while the database is gone; beyond, the oldest are given up."""

_AT_ONCE: Final = 1_000
_TABLE: Final = cast(Table, LedgerEntry.__table__)

Row = dict[str, Any]


class Ledger:
    """Gathers entries, and writes them once a second.

    An entry is made when it is written: by then it is known how the request was answered.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        on_fired: Callable[[Fired], None] | None = None,
    ) -> None:
        """`on_fired` hears of each spend alert that an entry lets fire."""
        self._store = store
        self._clock = clock
        self._on_fired = on_fired
        self._waiting: list[Callable[[], Row]] = []
        self._rows: list[Row] = []
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self.lost = 0
        """Entries that were given up."""

    def note(self, entry: Callable[[], Row]) -> None:
        """Write the entry that this makes, soon."""
        self._waiting.append(entry)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())

    async def _write_soon(self) -> None:
        try:
            while (self._waiting or self._rows) and not self._closing.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), FLUSH_AFTER_S)
                # What could not be written is tried again a second later.
                with suppress(StoreError):
                    await self.flush()
        finally:
            self._writing = None

    async def flush(self) -> None:
        """Write all that has gathered; StoreError where it cannot be."""
        made, self._waiting = self._waiting, []
        self._rows += [make() for make in made]
        if len(self._rows) > MAX_WAITING:
            self.lost += len(self._rows) - MAX_WAITING
            del self._rows[:-MAX_WAITING]
        while self._rows:
            some: Sequence[Row] = self._rows[:_AT_ONCE]
            async with self._store.write() as session:
                await insert_rows(await session.connection(), _TABLE, some)
                fired = await book(session, some, int(self._clock()))
            del self._rows[: len(some)]
            if self._on_fired is not None:
                for one in fired:
                    self._on_fired(one)

    async def close(self) -> None:
        """Write what is left."""
        self._closing.set()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        with suppress(StoreError):
            await self.flush()
