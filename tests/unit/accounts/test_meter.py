"""The meter: limits and budgets together, and what is written down of each request."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from tyrian.errors import StoreError
from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.prices import Price, PriceList
from tyrian.gateway.accounts.record import KeyRecord, RateRule
from tyrian.gateway.accounts.windows import MemoryWindows
from tyrian.gateway.context import RequestContext
from tyrian.gateway.errors import ApiError
from tyrian.gateway.metering import Demand, Usage, metered
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.money import LedgerEntry

DEAR = PriceList({"dear": Price(10, 100)}, [("any-*", ["dear", "cheap"])])


async def key_with(
    keys: Keys, store: Store, *, limit: int | None = None, tpm: int | None = None, **options: Any
) -> KeyRecord:
    record, token = await keys.create("first", **options)
    budgets = Budgets(store)
    if limit is not None:
        await budgets.set(record.id, limit)
    if tpm is not None:
        await budgets.set_rate(RateRule(record.id, "*", 10, tpm))
    found = await Keys(store).verify(token)
    assert found is not None
    return found


async def entries(store: Store) -> list[LedgerEntry]:
    async with store.read() as session:
        return list(await session.scalars(select(LedgerEntry).order_by(LedgerEntry.id)))


async def test_every_request_is_in_the_ledger_with_how_it_ended(keys: Keys, store: Store) -> None:
    meter = AccountMeter(store, prices=DEAR)
    key = await key_with(keys, store, limit=1_000_000)
    for status, model in ((200, "dear"), (0, "free")):
        context = RequestContext()
        context.route = "chat"
        async with metered(meter, key, Demand(model, 5, 10), context) as usage:
            usage.prompt_tokens, usage.completion_tokens, usage.is_estimate = 7, 3, False
        context.status = status
    await meter.close()
    found = sorted(await entries(store), key=lambda e: e.model)
    assert [(e.model, e.status, e.cost_nanos) for e in found] == [
        ("dear", 200, 7 * 10 + 3 * 100), ("free", 499, 0),
    ]  # fmt: skip
    assert {(e.input_tokens, e.output_tokens, e.is_estimate) for e in found} == {(7, 3, False)}
    (budget,) = await Budgets(store).of(key.id)
    assert (budget.spent_nanos, budget.reserved_nanos) == (370, 0)


async def test_a_request_that_is_cancelled_is_booked_and_frees_the_rest(
    keys: Keys, store: Store
) -> None:
    meter = AccountMeter(store, prices=DEAR)
    key = await key_with(keys, store, limit=1_000_000)

    async def request() -> None:
        async with metered(meter, key, Demand("dear", 5, 10), RequestContext()) as usage:
            usage.prompt_tokens, usage.completion_tokens = 5, 2
            await asyncio.sleep(60)

    running = asyncio.create_task(request())
    await asyncio.sleep(0.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await meter.close()
    (budget,) = await Budgets(store).of(key.id)
    assert (budget.spent_nanos, budget.reserved_nanos) == (5 * 10 + 2 * 100, 0)
    assert [e.is_estimate for e in await entries(store)] == [True]


async def test_what_a_budget_refuses_takes_no_tokens_from_a_limit(keys: Keys, store: Store) -> None:
    meter = AccountMeter(store, prices=DEAR)
    key = await key_with(keys, store, limit=100, tpm=1_000)
    for _ in range(3):
        with pytest.raises(ApiError) as caught:
            await meter.reserve(key, Demand("dear", 100, 800), RequestContext())
        assert caught.value.code == "insufficient_quota"
    context = RequestContext()
    charge = await meter.reserve(key, Demand("free", 100, 800), context)
    assert (b"x-ratelimit-remaining-tokens", b"100") in context.headers
    assert (b"x-ratelimit-remaining-requests", b"6") in context.headers
    charge.settle(Usage(10, 20))
    await meter.close()


async def test_a_name_of_a_route_costs_what_its_dearest_model_does(
    keys: Keys, store: Store
) -> None:
    meter = AccountMeter(store, prices=DEAR)
    key = await key_with(keys, store, limit=999)
    with pytest.raises(ApiError):
        await meter.reserve(key, Demand("any-model", 0, 10), RequestContext())
    await meter.close()


async def test_a_model_that_the_key_may_not_use_is_refused(keys: Keys, store: Store) -> None:
    meter = AccountMeter(store)
    key = await key_with(keys, store, models=["small-*"])
    with pytest.raises(ApiError) as caught:
        await meter.reserve(key, Demand("large", 1, 1), RequestContext())
    assert (caught.value.status, caught.value.code) == (403, "model_not_allowed")
    assert await meter.reserve(key, Demand("small-1", 1, 1), RequestContext())
    await meter.close()


async def test_where_nothing_can_be_counted_nothing_is_served(keys: Keys, store: Store) -> None:
    class Gone(MemoryWindows):
        async def take(self, takes: Any) -> Any:
            raise StoreError("the Redis server cannot count")

    meter = AccountMeter(store, windows=Gone())
    key = await key_with(keys, store, tpm=1_000)
    with pytest.raises(ApiError) as caught:
        await meter.reserve(key, Demand("m", 1, 1), RequestContext())
    assert (caught.value.status, caught.value.code) == (503, "store_unavailable")
    await meter.close()
