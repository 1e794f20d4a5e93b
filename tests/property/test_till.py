"""Budgets over several workers: whatever comes in between, no more is spent than there is."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tyrian.errors import StoreError
from tyrian.gateway.accounts import till as till_module
from tyrian.gateway.accounts.books import Held, Reserve
from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.purse import LEASE_S
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.till import Till
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.money import Budget, BudgetLease
from tyrian.gateway.store.models.organisations import DEFAULT_ORGANISATION

WORKERS = 3
KEY_LIMIT = 10_000
ALL_LIMIT = 14_000


@dataclass(frozen=True)
class Step:
    """One thing that happens to one worker."""

    what: str
    worker: int
    amount: int


STEPS = st.lists(
    st.builds(
        Step,
        # Most is what happens all day; the rest is what must not matter.
        st.sampled_from(
            ["reserve"] * 8
            + ["settle"] * 6
            + ["book"] * 2
            + ["flush", "crash", "lose", "lose-answer", "wait", "leave"]
        ),
        st.integers(0, WORKERS - 1),
        st.integers(0, 1_500),
    ),
    min_size=4,
    max_size=40,
)


class Unsteady:
    """A store that loses the next write, or only the word that it was made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.fault = ""

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        fault, self.fault = self.fault, ""
        async with self._store.write() as session:
            yield session
            if fault == "lose":
                raise StoreError("lost")
        if fault == "lose-answer":
            raise StoreError("nobody knows")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a key that has a budget, in an organisation that has one."""
    path = tmp_path_factory.mktemp("till") / "empty.db"

    async def fill() -> None:
        store = Store.open(path)
        record, _ = await Keys(store).create("first")
        await Budgets(store).set(record.id, KEY_LIMIT, "total")
        await Budgets(store).set(DEFAULT_ORGANISATION, ALL_LIMIT, "total")
        await store.close()

    asyncio.run(fill())
    return path


@pytest.fixture(scope="module", autouse=True)
def hurried() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(till_module, "ASK_AGAIN_S", 0.001)
        patch.setattr(till_module, "RETRY_S", 0.001)
        yield


class World:
    """Workers at one database."""

    def __init__(self, store: Store, key: KeyRecord) -> None:
        self.now = 1_800_000_000.0
        self.key = key
        self.store = store
        self.stores = [Unsteady(store) for _ in range(WORKERS)]
        self.tills = [self._till(n) for n in range(WORKERS)]
        self.held: list[list[Held]] = [[] for _ in range(WORKERS)]
        self.booked: list[int] = []
        self.has_dead = False

    def _till(self, number: int) -> Till:
        return Till(self.stores[number], clock=lambda: self.now)  # type: ignore[arg-type]

    async def take(self, step: Step) -> None:
        """Let it happen, as far as the database lets it."""
        till, held = self.tills[step.worker], self.held[step.worker]
        if step.what in ("lose", "lose-answer"):
            self.stores[step.worker].fault = step.what
        elif step.what == "wait":
            self.now += LEASE_S + 1
            self.has_dead = True
        elif step.what == "settle" and held:
            one = held.pop(step.amount % len(held))
            # Servers may tell any usage, also more than was reserved.
            till.settle(one, step.amount * 2, self.booked.append)
        elif step.what == "crash":
            await stopped(till)
            held.clear()
            self.tills[step.worker] = self._till(step.worker)
            self.has_dead = True
        else:
            try:
                await self._ask(step, till, held)
            except StoreError:
                return

    async def _ask(self, step: Step, till: Till, held: list[Held]) -> None:
        if step.what == "reserve":
            found = await till.reserve(self.key, step.amount)
            if found is not None:
                held.append(found)
        elif step.what == "leave":
            leaving = asyncio.create_task(till.reserve(self.key, step.amount))
            for _ in range(step.amount % 5):
                await asyncio.sleep(0)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            if not leaving.cancelled() and (result := leaving.result()) is not None:
                held.append(result)
        elif step.what == "book":
            await till.book()
        elif step.what == "flush":
            await till.flush()

    async def check(self) -> None:
        """What holds at any time."""
        async with self.store.read() as session:
            for budget in await session.scalars(select(Budget)):
                leased = await session.scalar(
                    select(func.sum(BudgetLease.nanos)).where(BudgetLease.budget_id == budget.id)
                )
                assert budget.reserved_nanos == (leased or 0)
                assert 0 <= budget.spent_nanos + budget.reserved_nanos <= budget.limit_nanos
        held = sum(one.nanos for mine in self.held for one in mine)
        assert sum(self.booked) + held <= KEY_LIMIT

    async def end(self) -> None:
        """Every worker stops as it should; then the dead are found."""
        for mine, till, store in zip(self.held, self.tills, self.stores, strict=True):
            store.fault = ""
            for one in mine:
                till.settle(one, one.nanos, self.booked.append)
            mine.clear()
            await till.close()
        await self.check()
        self.now += LEASE_S + 1
        last = Till(self.store, clock=lambda: self.now)
        await last.reserve(self.key, 0)
        await last.close()
        async with self.store.read() as session:
            budgets = (await session.scalars(select(Budget))).all()
        assert [budget.reserved_nanos for budget in budgets] == [0, 0]
        for budget in budgets:
            assert sum(self.booked) <= budget.spent_nanos <= budget.limit_nanos
            # Only of the dead it is not known what they used; a lost word loses no money.
            assert self.has_dead or sum(self.booked) == budget.spent_nanos


async def stopped(till: Till) -> None:
    """As by a kill: nothing more is written."""
    while (working := till._working) is not None and not working.done():
        working.cancel()
        await asyncio.wait([working], timeout=0.1)
    for op in till._waiting:
        if isinstance(op, Reserve) and not op.answer.done():
            op.answer.set_exception(StoreError("dead"))
    till._waiting.clear()


def played(empty: Path, play: Callable[[World], Any]) -> None:
    async def run(path: Path) -> None:
        store = Store.open(path)
        try:
            (record,) = await Keys(store).list()
            await play(World(store, record))
        finally:
            await store.close()

    with tempfile.TemporaryDirectory(prefix="till-") as home:
        path = Path(home) / "till.db"
        shutil.copy(empty, path)
        asyncio.run(run(path))


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_no_order_of_workers_crashes_and_lost_words_spends_too_much(
    empty: Path, steps: Sequence[Step]
) -> None:
    async def play(world: World) -> None:
        for step in steps:
            await world.take(step)
            await world.check()
        await world.end()

    played(empty, play)


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_at_the_same_time_it_is_no_other(empty: Path, steps: Sequence[Step]) -> None:
    async def play(world: World) -> None:
        for start in range(0, len(steps), 8):
            await asyncio.gather(*(world.take(step) for step in steps[start : start + 8]))
        await world.end()

    played(empty, play)
