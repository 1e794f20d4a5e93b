"""Reserves money before a request and settles it after, never a nano-dollar over a budget.

Requests that come at the same time share a transaction: their budgets are read and locked once,
the requests are served in their order, and one commit makes it all last. So a slow disk bounds
how long a reservation takes, not how many there are in a second.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tyrian.errors import StoreError
from tyrian.gateway.accounts.periods import begin_of
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.money import Budget, Reservation

RESERVED_S: Final = 7_200
"""After so long a reservation counts as spent: the worker that held it must have died."""

SWEEP_S: Final = 300.0
MAX_BATCH: Final = 500
MAX_WAITING: Final = 10_000
RETRY_S: Final = 1.0


@dataclass(slots=True)
class Held:
    """A reservation that was made."""

    id: str
    budget_ids: tuple[str, ...]
    nanos: int
    """Nano-dollars."""


@dataclass(slots=True)
class _Reserve:
    key: KeyRecord
    request_id: str
    model: str
    nanos: int
    answer: asyncio.Future[Held | None]


@dataclass(slots=True)
class _Settle:
    held: Held
    nanos: int
    on_settled: Callable[[int], None]


@dataclass(slots=True)
class _Drawer:
    """A budget as it stands within a transaction."""

    id: str
    period: str
    limit: int
    began_at: int
    spent: int
    reserved: int
    is_changed: bool = False

    @property
    def left(self) -> int:
        return self.limit - self.spent - self.reserved


@dataclass(slots=True)
class _Batch:
    """What one transaction writes."""

    made: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[asyncio.Future[Held | None], Held | None]] = field(default_factory=list)
    settled: list[tuple[Callable[[int], None], int]] = field(default_factory=list)


def _nobody(_: int) -> None:
    """Nobody wants to know what was booked."""


class Till:
    """The budgets of a store."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[_Reserve | _Settle] = []
        self._working: asyncio.Task[None] | None = None
        self._swept_at = float("-inf")
        self._is_closing = False

    async def reserve(self, key: KeyRecord, request_id: str, model: str, nanos: int) -> Held | None:
        """Hold an amount back in all budgets of a key, None where one has too little left."""
        if len(self._waiting) >= MAX_WAITING:
            raise StoreError(
                "too many requests wait for the database", hint="look whether it is slow"
            )
        answer: asyncio.Future[Held | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Reserve(key, request_id, model, nanos, answer))
        self._work()
        try:
            return await answer
        except asyncio.CancelledError:
            # The client has gone. What was reserved already goes back; what will be, does so when
            # the transaction finds that nobody waits for it.
            if not answer.cancelled() and answer.done() and (held := answer.result()) is not None:
                self.settle(held, 0, _nobody)
            raise

    def settle(self, held: Held, nanos: int, on_settled: Callable[[int], None]) -> None:
        """Book what was used and free the rest; `on_settled` hears what was booked.

        It is done in the background, again and again while the database is gone. Until then the
        whole reservation is held, so waiting for it would only make the client wait.
        """
        self._waiting.append(_Settle(held, nanos, on_settled))
        self._work()

    async def close(self) -> None:
        """Do what is still to do, once."""
        self._is_closing = True
        if self._working is not None:
            await asyncio.wait([self._working])

    def _work(self) -> None:
        if self._working is None:
            self._working = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._serve(batch)
        finally:
            self._working = None

    async def _serve(self, batch: Sequence[_Reserve | _Settle]) -> None:
        try:
            done = await self._transact(batch)
        except StoreError as error:
            _fail(batch, error)
            kept = [op for op in batch if isinstance(op, _Settle)]
            if kept and not self._is_closing:
                self._waiting = [*kept, *self._waiting]
                await asyncio.sleep(RETRY_S)
            return
        except BaseException:
            # A fault of ours, or the end of the process: nobody may wait for ever.
            _fail(batch, StoreError("the till broke down", hint="look into the log"))
            raise
        for answer, held in done.answers:
            if not answer.done():
                answer.set_result(held)
            elif held is not None:
                self.settle(held, 0, _nobody)
        for on_settled, nanos in done.settled:
            on_settled(nanos)

    async def _transact(self, batch: Sequence[_Reserve | _Settle]) -> _Batch:
        now = int(self._clock())
        done = _Batch()
        async with self._store.write() as session:
            connection = await session.connection()
            lapsed = await self._lapsed(connection, now)
            settles = [op for op in batch if isinstance(op, _Settle)] + lapsed
            ids = {b for op in batch if isinstance(op, _Reserve) for b in op.key.budget_ids}
            ids |= {b for op in settles for b in op.held.budget_ids}
            drawers = await _open(connection, ids, now)
            # Only what is still there is settled: another worker may have taken it for lapsed.
            there = await _delete_reservations(connection, [op.held.id for op in settles])
            for op in settles:
                nanos = _settle(op, drawers) if op.held.id in there else op.held.nanos
                there.discard(op.held.id)
                done.settled.append((op.on_settled, nanos))
            for wish in batch:
                if isinstance(wish, _Reserve):
                    done.answers.append((wish.answer, _reserve(wish, drawers, done.made, now)))
            await _write(connection, drawers, done.made, now)
        return done

    async def _lapsed(self, connection: AsyncConnection, now: int) -> list[_Settle]:
        """Reservations whose worker has died: all of each counts as spent."""
        if abs(now - self._swept_at) < SWEEP_S:
            return []
        self._swept_at = now
        rows = await connection.execute(
            select(Reservation.id, Reservation.budget_ids, Reservation.nanos)
            .where(Reservation.expires_at <= now)
            .limit(MAX_BATCH)
        )
        return [
            _Settle(Held(it, tuple(budgets), nanos), nanos, _nobody) for it, budgets, nanos in rows
        ]


def _fail(batch: Sequence[_Reserve | _Settle], error: StoreError) -> None:
    for op in batch:
        if isinstance(op, _Reserve) and not op.answer.done():
            op.answer.set_exception(StoreError(error.message, hint=error.hint))


async def _open(connection: AsyncConnection, ids: set[str], now: int) -> Mapping[str, _Drawer]:
    if not ids:
        return {}
    rows = await connection.execute(
        select(
            Budget.id,
            Budget.period,
            Budget.limit_nanos,
            Budget.period_started_at,
            Budget.spent_nanos,
            Budget.reserved_nanos,
        )
        .where(Budget.id.in_(ids))
        # In one order, so that two workers never wait for each other.
        .order_by(Budget.id)
        .with_for_update()
    )
    drawers = {
        row.id: _Drawer(
            row.id,
            row.period,
            row.limit_nanos,
            row.period_started_at,
            row.spent_nanos,
            row.reserved_nanos,
        )
        for row in rows
    }
    for drawer in drawers.values():
        began_at = begin_of(drawer.period, now)
        # A clock that was set back does not bring an old period back.
        if began_at > drawer.began_at:
            drawer.began_at, drawer.spent, drawer.is_changed = began_at, 0, True
    return drawers


async def _delete_reservations(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    if not ids:
        return set()
    found = await connection.execute(
        select(Reservation.id).where(Reservation.id.in_(ids)).with_for_update()
    )
    there = set(found.scalars())
    if there:
        await connection.execute(delete(Reservation).where(Reservation.id.in_(there)))
    return there


def _settle(op: _Settle, drawers: Mapping[str, _Drawer]) -> int:
    """Book one request; what was booked, which no budget has less than."""
    mine = [drawers[b] for b in op.held.budget_ids if b in drawers]
    for drawer in mine:
        drawer.reserved = max(0, drawer.reserved - op.held.nanos)
        drawer.is_changed = True
    # More than was reserved is taken only as far as every budget still has it.
    most = min((max(drawer.left, op.held.nanos) for drawer in mine), default=op.nanos)
    booked = min(op.nanos, most)
    for drawer in mine:
        drawer.spent += booked
    return booked


def _reserve(
    op: _Reserve, drawers: Mapping[str, _Drawer], made: list[dict[str, Any]], now: int
) -> Held | None:
    key = op.key
    mine = [drawers[b] for b in key.budget_ids if b in drawers]
    if any(drawer.left < op.nanos for drawer in mine):
        return None
    for drawer in mine:
        drawer.reserved += op.nanos
        drawer.is_changed = True
    held = Held(new_id("rsv"), tuple(drawer.id for drawer in mine), op.nanos)
    made.append(
        {
            "id": held.id,
            "budget_ids": list(held.budget_ids),
            "organisation_id": key.organisation_id,
            "project_id": key.project_id,
            "key_id": key.id,
            "request_id": op.request_id,
            "model": op.model[:200],
            "nanos": op.nanos,
            "created_at": now,
            "expires_at": now + RESERVED_S,
        }
    )
    return held


async def _write(
    connection: AsyncConnection,
    drawers: Mapping[str, _Drawer],
    made: Sequence[Mapping[str, Any]],
    now: int,
) -> None:
    changed = [
        {
            "it": drawer.id,
            "began": drawer.began_at,
            "spent": drawer.spent,
            "reserved": drawer.reserved,
            "at": now,
        }
        for drawer in drawers.values()
        if drawer.is_changed
    ]
    if changed:
        await connection.execute(
            update(Budget)
            .where(Budget.id == bindparam("it"))
            .values(
                period_started_at=bindparam("began"),
                spent_nanos=bindparam("spent"),
                reserved_nanos=bindparam("reserved"),
                updated_at=bindparam("at"),
            ),
            changed,
        )
    if made:
        await connection.execute(insert(Reservation), list(made))
