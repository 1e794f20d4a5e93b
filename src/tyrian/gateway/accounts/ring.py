"""Tells whose token it is, from memory where nothing has changed since."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from tyrian.gateway.accounts import revision
from tyrian.gateway.accounts.last_used import LastUsed
from tyrian.gateway.accounts.load import good_secrets, record_by_digest
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import digest, is_well_formed

BELIEVED_S: Final = 0.8
"""How long what is in memory is believed unasked: a change takes effect everywhere within 1 s."""

CACHE_SIZE: Final = 10_000
CACHE_AGE_S: Final = 30.0
"""After so long what is in memory is read anew: grants end by themselves, without a change."""


class KeyRing:
    """Verifies tokens. Implements KeyVerifier.

    Memory holds digests, never tokens. It is believed while the store's revision was seen
    unchanged less than BELIEVED_S ago; where the store cannot be asked, verifying fails.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        believed_s: float = BELIEVED_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._believed_s = believed_s
        self._cache: dict[bytes, KeyRecord] = {}
        self._revision = -1
        self._seen_at = float("-inf")
        self._filled_at = float("-inf")
        self._looked_at = -1
        self._look_again = False
        self._asking: dict[bytes, asyncio.Task[KeyRecord | None]] = {}
        self._refreshing: asyncio.Task[bool] | None = None
        self.last_used = LastUsed(store, clock)

    async def verify(self, token: str) -> KeyRecord | None:
        """The key that this token proves, None where there is none, or no longer."""
        wanted = digest(token)
        record = self._cache.get(wanted)
        if record is None:
            if not is_well_formed(token):
                return None
            record = await self._ask_once(wanted)
        elif time.monotonic() - self._seen_at > self._believed_s:
            await self.refresh()
            record = self._cache.get(wanted) or await self._ask_once(wanted)
        now = self._clock()
        if record is None or not record.is_good(now):
            return None
        self.last_used.note(record, int(now))
        return record

    async def refresh(self) -> bool:
        """Look whether accounts have changed, and forget everything if so; True then."""
        task = self._refreshing
        if task is None:
            task = self._refreshing = asyncio.create_task(self._refresh())
            task.add_done_callback(self._refreshed)
        return await asyncio.shield(task)

    async def ended(self, records: Iterable[KeyRecord]) -> set[str]:
        """The ids of those secrets that are no longer good, of keys that were verified by them."""
        await self.refresh()
        now = self._clock()
        wanted = {record.secret_id: record for record in records}
        ended = {secret for secret, record in wanted.items() if not record.is_good(now)}
        # Looked at once more after the next look: a request may have been let in by what was
        # read just before the change.
        is_new = self._revision != self._looked_at
        if wanted and (is_new or self._look_again):
            revision_now = self._revision
            async with self._store.read() as session:
                ended |= wanted.keys() - await good_secrets(session, list(wanted), now)
            self._looked_at, self._look_again = revision_now, is_new
        return ended

    def forget(self) -> None:
        """Believe nothing that is in memory; who changed something here calls it."""
        self._cache.clear()
        self._revision = -1

    async def _refresh(self) -> bool:
        asked_at = time.monotonic()
        async with self._store.read() as session:
            number = await revision.current(session)
        return self._note(number, asked_at)

    def _refreshed(self, task: asyncio.Task[bool]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # whoever waits for the task gets it; nobody else must be told

    def _note(self, number: int, asked_at: float) -> bool:
        is_changed = number != self._revision
        if is_changed or asked_at - self._filled_at > CACHE_AGE_S:
            self._cache.clear()
            self._filled_at = asked_at
            self._revision = number
        self._seen_at = max(self._seen_at, asked_at)
        return is_changed

    async def _ask_once(self, wanted: bytes) -> KeyRecord | None:
        """Ask the database; requests that want the same key at the same time share the answer."""
        task = self._asking.get(wanted)
        if task is None:
            task = asyncio.create_task(self._ask(wanted))
            self._asking[wanted] = task
            task.add_done_callback(lambda _: self._asking.pop(wanted, None))
        # One client that leaves must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, wanted: bytes) -> KeyRecord | None:
        asked_at = time.monotonic()
        async with self._store.read() as session:
            # The number first: what is read after it is at least as new.
            number = await revision.current(session)
            record = await record_by_digest(session, wanted, self._clock())
        if number >= self._revision:
            self._note(number, asked_at)
        if record is not None and number == self._revision:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[wanted] = record
        return record

    async def close(self) -> None:
        """Write what is left to write."""
        await self.last_used.close()
