"""Reserves money before a request and settles it after, never a nano-dollar over a budget.

A worker takes a part of each budget in advance, by one write, and its requests reserve and settle
in memory; once a second it books what they spent. The part is small beside what is left, and near
the end of a budget there is none: each request is reserved by a write of its own then, shared with
those that come at the same time. A worker that dies has spent, as far as its budgets are
concerned, all that it held.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from tyrian.errors import StoreError
from tyrian.gateway.accounts.books import Books, Done, Exceed, Held, Reserve
from tyrian.gateway.accounts.purse import LEASE_S, Purse
from tyrian.gateway.accounts.record import BudgetRule, KeyRecord
from tyrian.gateway.store.engine import Store

TICK_S: Final = 1.0
"""How often what was spent is booked."""

MAX_BATCH: Final = 500
MAX_WAITING: Final = 10_000
RETRY_S: Final = 1.0
ASK_AGAIN_S: Final = 0.5
"""After so long a budget is looked at again that other workers may have given back to."""


_BROKEN: Final = StoreError("the till broke down", hint="look into the log")


def _nobody(_: int) -> None:
    """Nobody wants to know what was booked."""


class Till:
    """The budgets of a store, as one worker spends them."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._purses: dict[str, Purse] = {}
        self._books = Books(store, self._purses)
        self._waiting: list[Reserve | Exceed] = []
        self._working: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._is_closing = False

    async def reserve(self, key: KeyRecord, nanos: int) -> Held | None:
        """Hold an amount back in all budgets of a key, None where one has too little left."""
        held = self._from_memory(key.budgets, nanos)
        if held is not None:
            return held
        if len(self._waiting) >= MAX_WAITING:
            raise StoreError(
                "too many requests wait for the database", hint="look whether it is slow"
            )
        answer: asyncio.Future[Held | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(Reserve(key.budgets, nanos, answer))
        self._hurry()
        try:
            return await answer
        except asyncio.CancelledError:
            # The client has gone. What was reserved already goes back; what will be, does so when
            # the transaction finds that nobody waits for it.
            if not answer.cancelled() and answer.done() and (made := answer.result()) is not None:
                self.settle(made, 0, _nobody)
            raise

    def settle(self, held: Held, nanos: int, on_settled: Callable[[int], None]) -> None:
        """Spend what was used and free the rest; `on_settled` hears what was booked.

        What is more than was reserved is taken only as far as every budget still has it; it is
        asked for in the background, again and again while the database is gone.
        """
        more = nanos - held.nanos
        if more <= 0:
            self._end(held, nanos)
            on_settled(nanos)
        elif all(not purse.is_dead and purse.free >= more for purse in held.purses):
            for purse in held.purses:
                purse.take(more)
            self._end(Held(nanos, held.purses), nanos)
            on_settled(nanos)
        else:
            self._waiting.append(Exceed(held, nanos, on_settled))
            self._hurry()

    async def book(self) -> None:
        """Book what was spent, as is done once a second; StoreError where it fails."""
        await self._serve([])

    async def flush(self) -> None:
        """Book what was spent, and give back what no request holds; StoreError where it fails."""
        for purse in self._purses.values():
            purse.is_used = False
        await self._serve([], is_giving_back=True)

    async def close(self) -> None:
        """Do what is still to do, once."""
        self._is_closing = True
        self._wake.set()
        if self._working is not None:
            await asyncio.wait([self._working])
        if self._purses:
            with suppress(StoreError):
                await self.flush()

    def _from_memory(self, budgets: Sequence[BudgetRule], nanos: int) -> Held | None:
        purses = []
        for budget in budgets:
            purse = self._purses.get(budget.id)
            if purse is None or purse.free < nanos or purse.limit != budget.limit_nanos:
                return None
            purses.append(purse)
        for purse in purses:
            purse.take(nanos)
        return Held(nanos, tuple(purses))

    def _end(self, held: Held, used: int) -> None:
        is_tight = False
        for purse in held.purses:
            purse.settle(held.nanos, used)
            is_tight |= purse.is_tight
        if is_tight:
            # Somebody else may need what it leaves.
            self._hurry()
        else:
            self._work()

    def _hurry(self) -> None:
        self._wake.set()
        self._work()

    def _work(self) -> None:
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        try:
            while self._waiting or self._purses:
                if not self._waiting and not self._is_closing:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(TICK_S):
                            await self._wake.wait()
                self._wake.clear()
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._try(batch)
                if self._is_closing and not self._waiting:
                    return
        except BaseException:
            # A fault of ours, or the end of the process: nobody may wait for ever.
            waiting, self._waiting = self._waiting, []
            _fail(waiting, _BROKEN)
            raise
        finally:
            self._working = None

    async def _try(self, batch: Sequence[Reserve | Exceed]) -> None:
        try:
            await self._serve(batch)
        except StoreError as error:
            _fail(batch, error)
            kept = [op for op in batch if isinstance(op, Exceed)]
            if not self._is_closing:
                self._waiting = [*kept, *self._waiting]
                await asyncio.sleep(RETRY_S)
                return
            for op in kept:
                # There is no time to ask for more than it holds.
                self._end(op.held, op.held.nanos)
                op.on_settled(op.held.nanos)
        except BaseException:
            _fail(batch, _BROKEN)
            raise

    async def _serve(
        self, batch: Sequence[Reserve | Exceed], *, is_giving_back: bool = False
    ) -> None:
        async with self._busy:
            now = int(self._clock())
            due = [p for p in self._purses.values() if is_giving_back or p.is_due(now)]
            if not batch and not due and not self._books.is_sweep_due(now):
                self._forget(now)
                return
            done = await self._books.serve(batch, due, now)
        self._tell(done)

    def _tell(self, done: Done) -> None:
        for op, held in done.exceeded:
            self._end(op.held, op.held.nanos)
            self._end(held, held.nanos)
            op.on_settled(op.held.nanos + held.nanos)
        for wish, held in done.granted:
            if wish.answer.done():
                self.settle(held, 0, _nobody)
            else:
                wish.answer.set_result(held)
        for wish in done.refused:
            if not wish.answer.done():
                wish.answer.set_result(None)
        if done.delayed:
            asyncio.get_running_loop().call_later(ASK_AGAIN_S, self._ask_again, done.delayed)

    def _ask_again(self, wishes: Sequence[Reserve]) -> None:
        if self._is_closing:
            _fail(wishes, StoreError("the gateway is stopping", hint="ask another worker"))
            return
        self._waiting += wishes
        self._hurry()

    def _forget(self, now: int) -> None:
        """Let go of purses that are empty and long unused; their rows are swept in time."""
        for purse in list(self._purses.values()):
            is_empty = not (purse.free or purse.held or purse.spent or purse.unsure)
            if is_empty and abs(now - purse.written_at) >= LEASE_S // 2:
                del self._purses[purse.budget_id]


def _fail(batch: Sequence[Reserve | Exceed], error: StoreError) -> None:
    for op in batch:
        if isinstance(op, Reserve) and not op.answer.done():
            op.answer.set_exception(StoreError(error.message, hint=error.hint))
