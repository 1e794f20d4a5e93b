"""One transaction of a till: books what was spent, and reserves for those that wait."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from tyrian.gateway.accounts import leases
from tyrian.gateway.accounts.leases import Drawer
from tyrian.gateway.accounts.purse import Change, Purse
from tyrian.gateway.accounts.record import BudgetRule
from tyrian.gateway.store.engine import Store

SWEEP_S: Final = 60.0
ASKS: Final = 5
"""How often a budget is looked at while other workers may be about to give some of it back."""


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation that was made; nano-dollars."""

    nanos: int
    purses: tuple[Purse, ...]


@dataclass(slots=True)
class Reserve:
    """A request that waits for its budgets."""

    budgets: tuple[BudgetRule, ...]
    nanos: int
    answer: asyncio.Future[Held | None]
    asked: int = 0

    @property
    def budget_ids(self) -> Sequence[str]:
        """All that it is paid from."""
        return [budget.id for budget in self.budgets]


@dataclass(slots=True)
class Exceed:
    """A request that used more than was reserved for it."""

    held: Held
    nanos: int
    """Used in all."""
    on_settled: Callable[[int], None]

    @property
    def budget_ids(self) -> Sequence[str]:
        """All that it is paid from."""
        return [purse.budget_id for purse in self.held.purses]


@dataclass(slots=True)
class Done:
    """What one transaction came to."""

    changes: dict[str, tuple[Purse, Change]] = field(default_factory=dict)
    """By budget."""
    granted: list[tuple[Reserve, Held]] = field(default_factory=list)
    refused: list[Reserve] = field(default_factory=list)
    delayed: list[Reserve] = field(default_factory=list)
    """Asked again in a moment."""
    exceeded: list[tuple[Exceed, Held]] = field(default_factory=list)
    """With what was taken beside their reservation."""


Cell = tuple[Drawer, Purse, Change]
"""A budget, what this worker holds of it, and what is about to become of that."""


class Books:
    """Budgets and leases in a store, beside the purses of one worker."""

    def __init__(self, store: Store, purses: dict[str, Purse]) -> None:
        self._store = store
        self._purses = purses
        self._swept_at = float("-inf")

    def is_sweep_due(self, now: int) -> bool:
        """True where it is time to look for workers that have died."""
        return abs(now - self._swept_at) >= SWEEP_S

    async def serve(
        self, batch: Sequence[Reserve | Exceed], due: Sequence[Purse], now: int
    ) -> Done:
        """Write what the due purses have to tell, and serve the waiting in their order.

        Whether it lasts or not, the purses are left as that has it; StoreError where it does not.
        """
        done = Done()
        try:
            await self._transact(batch, due, done, now)
        except BaseException:
            for purse, change in done.changes.values():
                purse.unsure = change
            raise
        for purse, change in done.changes.values():
            purse.commit(change)
            purse.written_at = now
        return done

    async def _transact(
        self, batch: Sequence[Reserve | Exceed], due: Sequence[Purse], done: Done, now: int
    ) -> None:
        async with self._store.write() as session:
            connection = await session.connection()
            dead = await self._dead(connection, now)
            wanted = {it for op in batch for it in op.budget_ids}
            ours = wanted | {purse.budget_id for purse in due}
            drawers = await leases.open_drawers(connection, ours | {row[1] for row in dead}, now)
            await _bury(connection, drawers, dead, now)
            await self._reconcile(connection, drawers, ours, wanted)
            for budget in sorted(ours & drawers.keys() & self._purses.keys()):
                purse = self._purses[budget]
                done.changes[budget] = (purse, change := purse.begin())
                drawers[budget].apply(booked=change.booked)
            for op in batch:
                mine = [(drawers[b], *done.changes[b]) for b in op.budget_ids if b in drawers]
                if isinstance(op, Exceed):
                    _exceed(op, mine, done)
                elif _has(mine, op.nanos):
                    done.granted.append((op, _promised(mine, op.nanos)))
                elif await _may_come_back(connection, op, mine, now):
                    done.delayed.append(op)
                else:
                    done.refused.append(op)
            for budget, (purse, change) in done.changes.items():
                purse.level(change, drawers[budget].left)
                drawers[budget].apply(granted=change.ahead, returned=change.returned)
                purse.limit = drawers[budget].limit
            await leases.write(connection, drawers, list(done.changes.values()), now)

    async def _reconcile(
        self,
        connection: AsyncConnection,
        drawers: dict[str, Drawer],
        ours: set[str],
        wanted: set[str],
    ) -> None:
        """Bring purses up to what their rows say, with a new one where a wanted one is missing."""
        known = [purse for budget in ours if (purse := self._purses.get(budget)) is not None]
        found = await leases.versions(connection, [purse.lease_id for purse in known])
        for purse in known:
            purse.reconcile(found.get(purse.lease_id))
            # A budget that was taken away has nothing to be booked in.
            purse.is_dead |= purse.budget_id not in drawers
            if purse.is_dead:
                del self._purses[purse.budget_id]
        for budget in wanted & drawers.keys():
            self._purses.setdefault(budget, Purse(budget))

    async def _dead(self, connection: AsyncConnection, now: int) -> list[tuple[str, str, int]]:
        """Leases of workers that must have died."""
        if not self.is_sweep_due(now):
            return []
        self._swept_at = now
        own = {purse.lease_id for purse in self._purses.values()}
        return [row for row in await leases.lapsed(connection, now) if row[0] not in own]


async def _bury(
    connection: AsyncConnection,
    drawers: dict[str, Drawer],
    dead: Sequence[tuple[str, str, int]],
    now: int,
) -> None:
    """Count all that dead workers held as spent."""
    if not dead:
        return
    # Asked again now that nobody else can write: one of them may have come to life.
    still = await leases.lapsed(connection, now, within=[row[0] for row in dead])
    for _, budget, nanos in still:
        if budget in drawers:
            drawers[budget].apply(booked=nanos)
    await leases.remove(connection, [row[0] for row in still])


def _has(mine: Sequence[Cell], nanos: int) -> bool:
    return all(drawer.left + purse.free >= nanos for drawer, purse, _ in mine)


def _promised(mine: Sequence[Cell], nanos: int) -> Held:
    for drawer, purse, change in mine:
        before = change.granted
        purse.promise(change, nanos)
        drawer.apply(granted=change.granted - before)
    return Held(nanos, tuple(purse for _, purse, _ in mine))


def _exceed(op: Exceed, mine: Sequence[Cell], done: Done) -> None:
    """Take what was used beside the reservation, as far as every budget still has it."""
    most = [max(0, drawer.left + purse.free) for drawer, purse, _ in mine]
    done.exceeded.append((op, _promised(mine, min([op.nanos - op.held.nanos, *most]))))


async def _may_come_back(
    connection: AsyncConnection, op: Reserve, mine: Sequence[Cell], now: int
) -> bool:
    """Whether other workers have so much free that it is enough once they give it back."""
    op.asked += 1
    if op.asked >= ASKS or op.answer.done():
        return False
    for drawer, purse, _ in mine:
        lacking = op.nanos - drawer.left - purse.free
        if lacking > 0 and lacking > await leases.free_elsewhere(
            connection, drawer.id, purse.lease_id, now
        ):
            return False
    return True
