"""Keeps checking the audit chains that people look at, beside the requests.

The first look at a chain reads all of it; later ones go on from where the last ended, and all of
it is read again when that is some time ago, so that an old entry that somebody changes is found
too. What is checked, and how, is what `tyrian audit verify` does.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tyrian.errors import TyrianError
from tyrian.gateway.accounts import checkpoints
from tyrian.gateway.accounts.chain import Checker, Checkpoint, Fault
from tyrian.gateway.console.audit.entries import Row, head, link_of, pieces
from tyrian.gateway.store.engine import Store

ALL_EVERY_S: Final = 60 * 60
"""After so long a look reads the whole chain again."""

PATIENCE_S: Final = 0.4
"""How long a page waits for a check; a short chain is done by then."""


@dataclass(frozen=True, slots=True)
class ChainState:
    """What is known of a chain."""

    count: int
    """Entries from the first one on that are as they were."""
    checked_at: int
    """When that was last found; 0 where it never was."""
    all_at: int
    """When all of them were last read, from the first one on; 0 where they never were."""
    total: int
    """Entries that there are."""
    fault: Fault | None
    """The first place where the chain is not what it was."""
    reached: int | None
    """How far a check is that goes on now."""
    trouble: str
    """Why the last check could not be made; empty where it could."""


@dataclass
class _Chain:
    head: Checkpoint | None = None
    count: int = 0
    checked_at: int = 0
    all_at: int = 0
    total: int = 0
    fault: Fault | None = None
    reached: int | None = None
    trouble: str = ""
    task: asyncio.Task[None] | None = None


@dataclass
class ChainWatch:
    """The chains of a store, as far as somebody has looked at them."""

    store: Store
    points: Path | None = None
    """The file of checkpoints that the chains must fit."""
    clock: Callable[[], float] = time.time
    patience_s: float = PATIENCE_S
    _chains: dict[str, _Chain] = field(default_factory=dict)
    _is_closing: bool = False

    async def look(self, organisation_id: str, *, anew: bool = False) -> ChainState:
        """Check what is new, or all; the state that is known after a short wait."""
        chain = self._chains.setdefault(organisation_id, _Chain())
        if chain.task is None or chain.task.done():
            is_old = self.clock() - chain.all_at > ALL_EVERY_S
            from_first = anew or is_old or chain.head is None or chain.fault is not None
            if anew or is_old or chain.fault is None:
                chain.reached = 0
                chain.task = asyncio.create_task(self._check(organisation_id, chain, from_first))
        if chain.task is not None:
            await asyncio.wait([chain.task], timeout=self.patience_s)
        return ChainState(
            chain.count,
            chain.checked_at,
            chain.all_at,
            chain.total,
            chain.fault,
            chain.reached,
            chain.trouble,
        )

    async def close(self) -> None:
        """End the checks that go on; each ends with the piece that it reads."""
        self._is_closing = True
        tasks = [chain.task for chain in self._chains.values() if chain.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    async def _check(self, organisation_id: str, chain: _Chain, from_first: bool) -> None:
        chain.trouble = ""
        try:
            await self._read(organisation_id, chain, from_first)
        except TyrianError as error:
            chain.trouble = error.message
        finally:
            chain.reached = None

    async def _read(self, organisation_id: str, chain: _Chain, from_first: bool) -> None:
        begun = int(self.clock())
        end = await head(self.store, organisation_id)
        start = None if from_first else chain.head
        after = start.sequence if start else 0
        chain.total, chain.reached = end.sequence, after
        checker = _checker(start, [*await self._points(organisation_id), end])
        async for rows in pieces(self.store, organisation_id, after=after):
            await asyncio.to_thread(_add, checker, rows)
            chain.reached = after + checker.count
            if checker.faults:
                break
            if self._is_closing:
                return
        else:
            checker.finish([await head(self.store, organisation_id)])
        chain.fault = min(checker.faults, key=lambda one: one.sequence, default=None)
        chain.checked_at = int(self.clock())
        chain.count = after + checker.count
        if chain.fault is not None:
            chain.count = min(chain.count, chain.fault.sequence - 1)
        else:
            chain.head = checker.heads.get(organisation_id)
            chain.total = max(chain.total, chain.count)
        if from_first:
            chain.all_at = begun

    async def _points(self, organisation_id: str) -> Sequence[Checkpoint]:
        if self.points is None:
            return ()
        found = await asyncio.to_thread(checkpoints.read, self.points)
        return [point for point in found if point.organisation_id == organisation_id]


def _checker(start: Checkpoint | None, points: Sequence[Checkpoint]) -> Checker:
    """A checker that goes on behind a place which it believes."""
    after = start.sequence if start else 0
    checker = Checker(point for point in points if point.sequence > after)
    if start is not None:
        checker.heads[start.organisation_id] = start
    return checker


def _add(checker: Checker, rows: Sequence[Row]) -> None:
    for row in rows:
        checker.add(link_of(row))
        if checker.faults:
            return
