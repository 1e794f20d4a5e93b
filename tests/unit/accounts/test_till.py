"""Budgets: not a nano-dollar too much, however requests come, end, or die."""

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import select

from tyrian.errors import StoreError
from tyrian.gateway.accounts.books import Held
from tyrian.gateway.accounts.budgets import BudgetRecord, Budgets
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.purse import LEASE_S
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.till import Till
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.money import BudgetLease
from tyrian.gateway.store.models.organisations import DEFAULT_ORGANISATION, DEFAULT_PROJECT

DAY_S = 86_400


def ignored(_: int) -> None:
    """Nobody wants to know."""


async def bounded(keys: Keys, *limits: tuple[str, int]) -> KeyRecord:
    """A key as a request meets it, with budgets of these amounts for these periods."""
    record, token = await keys.create("first")
    for period, limit in limits:
        await Budgets(keys._store, clock=keys._clock).set(record.id, limit, period)
    found = await Keys(keys._store, clock=keys._clock).verify(token)
    assert found is not None
    return found


async def settled(till: Till, held: Held, nanos: int) -> int:
    """Settle, and wait until it is booked."""
    booked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    till.settle(held, nanos, booked.set_result)
    found = await asyncio.wait_for(booked, 10)
    await till.flush()
    return found


async def budget(keys: Keys, key: KeyRecord) -> BudgetRecord:
    return (await Budgets(keys._store, clock=keys._clock).of(key.id))[0]


async def test_64_requests_at_the_edge_get_exactly_what_is_left(
    keys: Keys, store: Store, other_store: Store, clock: Any
) -> None:
    key = await bounded(keys, ("month", 10_000_000))
    tills = [Till(store, clock=clock), Till(other_store, clock=clock)]
    found = await asyncio.gather(*(tills[n % 2].reserve(key, 300_000) for n in range(64)))
    held = [(n, h) for n, h in enumerate(found) if h is not None]
    assert len(held) == 33
    assert (await budget(keys, key)).reserved_nanos == 33 * 300_000
    for n, one in held:
        await settled(tills[n % 2], one, 300_000)
    after = await budget(keys, key)
    assert (after.spent_nanos, after.reserved_nanos) == (33 * 300_000, 0)
    assert await tills[0].reserve(key, 100_001) is None
    assert await tills[1].reserve(key, 100_000)
    for till in tills:
        await till.close()


async def test_whatever_happens_the_sum_stays_within_the_budget(
    keys: Keys, store: Store, other_store: Store, clock: Any
) -> None:
    limit = 1_000_000
    key = await bounded(keys, ("total", limit), ("day", limit * 2))
    tills = [Till(store, clock=clock), Till(other_store, clock=clock)]
    seed = random.Random(7)
    booked: list[int] = []

    async def request(number: int) -> None:
        till = tills[number % 2]
        held = await till.reserve(key, seed.randrange(1, 90_000))
        if held is None:
            return
        await asyncio.sleep(seed.random() / 50)
        # Servers may tell any usage, also far more than was reserved.
        booked.append(await settled(till, held, seed.choice([0, held.nanos // 2, 10**9])))

    await asyncio.gather(*(request(number) for number in range(120)))
    totals = [b for b in await Budgets(store, clock=clock).of(key.id) if b.period == "total"]
    assert totals[0].spent_nanos == sum(booked) <= limit
    assert totals[0].reserved_nanos == 0
    for till in tills:
        await till.close()


async def test_every_budget_of_a_request_must_cover_it_or_none_is_touched(
    keys: Keys, store: Store, clock: Any
) -> None:
    budgets = Budgets(store, clock=clock)
    await budgets.set(DEFAULT_ORGANISATION, 1_000)
    await budgets.set(DEFAULT_PROJECT, 500)
    key = await bounded(keys, ("month", 400))
    till = Till(store, clock=clock)
    assert await till.reserve(key, 401) is None
    held = await till.reserve(key, 400)
    assert held is not None
    assert len(held.purses) == 3
    await settled(till, held, 100)
    for subject in (DEFAULT_ORGANISATION, DEFAULT_PROJECT, key.id):
        found = (await budgets.of(subject))[0]
        assert (found.spent_nanos, found.reserved_nanos) == (100, 0)
    await till.close()


async def test_more_than_was_reserved_is_booked_as_far_as_the_budget_has_it(
    keys: Keys, store: Store, clock: Any
) -> None:
    key = await bounded(keys, ("total", 1_000))
    till = Till(store, clock=clock)
    first, second = await till.reserve(key, 100), await till.reserve(key, 300)
    assert first is not None
    assert second is not None
    assert await settled(till, first, 500) == 500
    assert await settled(till, second, 10**9) == 500
    assert (await budget(keys, key)).spent_nanos == 1_000
    await till.close()


async def test_a_new_period_begins_with_nothing_spent_and_keeps_what_is_held(
    keys: Keys, store: Store, clock: Any
) -> None:
    key = await bounded(keys, ("day", 1_000))
    till = Till(store, clock=clock)
    spent, held = await till.reserve(key, 600), await till.reserve(key, 400)
    assert spent is not None
    assert held is not None
    await settled(till, spent, 600)
    clock.now += DAY_S
    assert await till.reserve(key, 601) is None
    assert await till.reserve(key, 600)
    await till.close()


async def test_a_clock_that_is_set_back_gives_no_second_budget(
    keys: Keys, store: Store, clock: Any
) -> None:
    clock.now += DAY_S
    key = await bounded(keys, ("day", 1_000))
    till = Till(store, clock=clock)
    held = await till.reserve(key, 1_000)
    assert held is not None
    await settled(till, held, 1_000)
    clock.now -= DAY_S
    assert await till.reserve(key, 1) is None
    clock.now += DAY_S
    assert await till.reserve(key, 1) is None
    await till.close()


async def test_rotating_a_key_or_setting_its_budget_anew_frees_nothing(
    keys: Keys, store: Store, clock: Any
) -> None:
    key = await bounded(keys, ("month", 1_000))
    till = Till(store, clock=clock)
    held = await till.reserve(key, 1_000)
    assert held is not None
    await settled(till, held, 1_000)
    _, token = await keys.rotate(key.id)
    rotated = await keys.verify(token)
    assert rotated is not None
    await Budgets(store, clock=clock).set(key.id, 1_000)
    assert await till.reserve(rotated, 1) is None
    await till.close()


async def test_what_a_dead_worker_held_counts_as_spent_in_the_end(
    keys: Keys, store: Store, other_store: Store, clock: Any
) -> None:
    key = await bounded(keys, ("total", 1_000))
    dead = Till(store, clock=clock)
    held = await dead.reserve(key, 700)
    assert held is not None
    clock.now += LEASE_S + 1
    alive = Till(other_store, clock=clock)
    assert await alive.reserve(key, 301) is None
    after = await budget(keys, key)
    assert (after.spent_nanos, after.reserved_nanos) == (700, 0)
    # It was only slow: what it settles now was booked already, and is not booked again.
    await settled(dead, held, 10)
    assert (await budget(keys, key)).spent_nanos == 700
    await dead.close()
    await alive.close()


async def test_a_client_that_leaves_while_it_waits_holds_nothing(
    keys: Keys, store: Store, clock: Any
) -> None:
    key = await bounded(keys, ("total", 1_000))
    till = Till(store, clock=clock)
    leaving = [asyncio.create_task(till.reserve(key, 10)) for n in range(20)]
    for rounds, task in enumerate(leaving):
        for _ in range(rounds % 7):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    given = [t.result() for t in leaving if not t.cancelled()]
    for held in given:
        assert held is not None
        await settled(till, held, 0)
    await till.close()
    assert (await budget(keys, key)).reserved_nanos == 0
    async with store.read() as session:
        assert set(await session.scalars(select(BudgetLease.nanos))) <= {0}


async def test_without_its_database_nothing_is_reserved_and_what_is_settled_waits(
    keys: Keys, store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await bounded(keys, ("total", 1_000))

    class Flaky:
        is_gone = False

        def write(self) -> Any:
            if self.is_gone:
                raise StoreError("the disk is full")
            return store.write()

    flaky = Flaky()
    till = Till(flaky, clock=clock)  # type: ignore[arg-type]
    monkeypatch.setattr("tyrian.gateway.accounts.till.RETRY_S", 0.05)
    held = await till.reserve(key, 700)
    assert held is not None
    flaky.is_gone = True
    with pytest.raises(StoreError, match="disk is full"):
        await till.reserve(key, 10)
    with pytest.raises(StoreError, match="disk is full"):
        await settled(till, held, 500)
    assert (await budget(keys, key)).reserved_nanos == 700
    flaky.is_gone = False
    await till.close()
    after = await budget(keys, key)
    assert (after.spent_nanos, after.reserved_nanos) == (500, 0)
