"""When keys were last used, written in batches."""

import asyncio
from collections.abc import Callable
from typing import Final

from sqlalchemy import bindparam, update

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.keys import Key, KeySecret

FLUSH_AFTER_S: Final = 60.0


class LastUsed:
    """Gathers times of use, and writes them once a minute and at the end."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._used: dict[str, tuple[str, int]] = {}
        self._flushed_at = clock()
        self._flushing: asyncio.Task[None] | None = None

    def note(self, record: KeyRecord, now: int) -> None:
        """Note a use of the key by the secret that was shown."""
        self._used[record.secret_id] = (record.id, now)
        # A clock that was set back must not put the writing off for ever.
        if abs(now - self._flushed_at) >= FLUSH_AFTER_S and self._flushing is None:
            self._flushed_at = now
            self._flushing = asyncio.create_task(self.flush())
            self._flushing.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._flushing = None
        if not task.cancelled():
            # What could not be written is written with the next batch.
            task.exception()

    async def flush(self) -> None:
        """Write the times that have gathered since the last time."""
        used, self._used = self._used, {}
        if not used:
            return
        secrets = [{"it": secret, "at": at} for secret, (_, at) in used.items()]
        keys = [{"it": key, "at": at} for key, at in sorted(used.values(), key=lambda u: u[1])]
        try:
            async with self._store.write() as session:
                connection = await session.connection()
                for table, rows in ((KeySecret.__table__, secrets), (Key.__table__, keys)):
                    await connection.execute(
                        update(table)  # type: ignore[arg-type]
                        .where(table.c.id == bindparam("it"))
                        .values(last_used_at=bindparam("at")),
                        rows,
                    )
        except BaseException:
            self._used = used | self._used
            raise

    async def close(self) -> None:
        """Write what is left to write."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        await self.flush()
