"""What is counted of requests beside chats, and what a model server tells of its cache."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web
from sqlalchemy import select
from tests.integration.conformance.conftest import MODEL, Stage

from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.prices import Price, PriceList
from tyrian.gateway.accounts.record import RateRule
from tyrian.gateway.idempotency import IdempotentAnswers
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.money import LedgerEntry

PRICES = PriceList({MODEL: Price(10, 100)}, [("*", [MODEL])])


@pytest.fixture
def store(tmp_path: Path, new_file: Callable[[Path], Path]) -> Store:
    # Each gateway closes it on its own event loop.
    return Store.open(new_file(tmp_path / "metering.db"))


class Both:
    """Closes one after the other."""

    def __init__(self, meter: AccountMeter, store: Store) -> None:
        self._meter, self._store = meter, store

    async def close(self) -> None:
        await self._meter.close()
        await self._store.close()


class Books:
    """A gateway with keys, limits and a ledger; and what stands in the ledger after it ended."""

    def __init__(self, stage: Stage, store: Store, path: Path) -> None:
        self.stage = stage
        self._path = path
        self._store = store

    def start(self, *, requests: int | None = None, models: list[str] | None = None) -> None:
        stage, meter = self.stage, AccountMeter(self._store, prices=PRICES)

        async def make() -> str:
            keys = Keys(self._store)
            record, token = await keys.create("first", models=models)
            if requests is not None:
                await Budgets(self._store).set_rate(RateRule(record.id, "*", requests, None))
            await self._store.close()
            return token

        stage.kit.key = asyncio.run(make())
        stage.start(
            keys=Keys(self._store), meter=meter, closing=Both(meter, self._store),
            idempotency=IdempotentAnswers(self._store),
        )  # fmt: skip

    @property
    def client(self) -> openai.OpenAI:
        return self.stage.kit.client_of(self.stage.port, self.stage.kit.key)

    def entries(self) -> list[LedgerEntry]:
        self.stage.kit.stop()

        async def read() -> list[LedgerEntry]:
            again = Store.open(self._path)
            async with again.read() as session:
                found = list(await session.scalars(select(LedgerEntry).order_by(LedgerEntry.id)))
            await again.close()
            return found

        return asyncio.run(read())


@pytest.fixture
def books(guarded: Stage, store: Store, tmp_path: Path) -> Books:
    return Books(guarded, store, tmp_path / "metering.db")


def test_a_moderation_counts_against_limits_costs_nothing_and_is_in_the_ledger(
    books: Books,
) -> None:
    books.start(requests=2, models=["none-of-them"])
    client = books.client
    raw = client.moderations.with_raw_response.create(input=["good day", "good night"])
    assert raw.headers["x-ratelimit-remaining-requests"] == "1"
    assert len(raw.parse().results) == 2
    client.moderations.create(input="good day")
    with pytest.raises(openai.RateLimitError):
        client.moderations.create(input="good day")
    found = books.entries()
    assert [(e.route, e.status, e.cost_nanos, e.is_estimate) for e in found] == [
        ("moderations", 200, 0, True)
    ] * 2
    assert all(e.input_tokens > 0 and e.output_tokens == 0 for e in found)


async def cached(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
    usage = {"prompt_tokens": 50, "completion_tokens": 2, "total_tokens": 52,
             "prompt_tokens_details": {"cached_tokens": 48}}  # fmt: skip
    message = {"role": "assistant", "content": "Good day."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return web.json_response({"id": "c", "object": "chat.completion", "created": 1,
                              "model": MODEL, "choices": [choice], "usage": usage})  # fmt: skip


def test_what_the_model_server_had_in_its_cache_is_in_the_ledger(books: Books) -> None:
    books.stage.kit.upstream.answer = cached
    books.start()
    answer = books.client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hello"}]
    )
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 48
    (entry,) = books.entries()
    assert (entry.input_tokens, entry.cached_tokens, entry.output_tokens) == (50, 48, 2)


def test_an_answer_in_one_dialect_is_no_answer_in_the_other(books: Books) -> None:
    books.start()
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
    answers = [
        books.stage.http.post(
            "/v1/chat/completions", json=body, headers={"idempotency-key": "one", **dialect}
        ).json()
        for dialect in ({}, {"x-api-dialect": "llama"}, {})
    ]
    assert "choices" in answers[0]
    assert "completion_message" in answers[1]
    assert answers[2] == answers[0]
