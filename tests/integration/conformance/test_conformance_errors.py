"""Lines 25 to 35: errors, limits, and requests that are sent again."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from aiohttp import web
from tests.integration.conformance.conftest import MODEL, STORY, Stage, obedient
from tests.integration.gateway.conftest import KEY

from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.prices import Price, PriceList
from tyrian.gateway.accounts.record import BudgetRule, KeyRecord, RateRule
from tyrian.gateway.accounts.scopes import MODEL_SCOPES
from tyrian.gateway.idempotency import IdempotentAnswers
from tyrian.gateway.settings import Limits
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.money import Budget
from tyrian.gateway.tokens import KeyKind

ASKED: Any = {"model": MODEL, "messages": [{"role": "user", "content": "tell"}]}


def failing(client: openai.OpenAI, **options: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**{**ASKED, **options})
    return caught.value


def test_line_25_an_unknown_model_is_not_found(stage: Stage) -> None:
    error = failing(stage.client, model="nobody")
    assert type(error) is openai.NotFoundError
    assert (error.code, error.param) == ("model_not_found", "model")


def test_line_26_a_bad_key_is_refused_and_not_shown(stage: Stage) -> None:
    secret = "tyr_live_" + "a" * 40 + "ZZZZZZZZZ"
    error = failing(stage.kit.client_of(stage.port, secret))
    assert type(error) is openai.AuthenticationError
    assert error.code == "invalid_api_key"
    assert "a" * 10 not in str(error)
    for headers in ({}, {"authorization": "Basic dXNlcg=="}, {"authorization": "Bearer"}):
        reply = httpx.post(f"{stage.url()}/chat/completions", json=ASKED, headers=headers)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.json()["error"]["message"]


def test_line_27_a_key_without_the_scope_is_forbidden(stage: Stage) -> None:
    error = failing(stage.kit.client_of(stage.port, stage.kit.read_only_key))
    assert type(error) is openai.PermissionDeniedError
    assert error.code == "insufficient_scope"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": "secret-text"}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]},
         "messages[0].content[0].text"),
        ({"messages": [{"role": "secret-text", "content": "x"}]}, "messages[0].role"),
        ({"n": "secret-text"}, "n"),
        ({"stream": "secret-text"}, "stream"),
        ({"tools": [{"type": "function", "function": {"name": 3}}]}, "tools[0].function.name"),
        ({"response_format": {"type": "secret-text"}}, "response_format.type"),
        ({"model": 7}, "model"),
    ],
)  # fmt: skip
def test_line_28_what_is_malformed_is_named_and_not_repeated(
    stage: Stage, body: dict[str, Any], param: str
) -> None:
    reply = stage.http.post("/v1/chat/completions", json={**ASKED, **body})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["param"] == param
    assert set(error) == {"message", "type", "param", "code"}
    assert "secret-text" not in reply.text


class Bounded:
    """One key with a limit of requests and a budget."""

    def __init__(self, *, requests: int | None = None, budget: str = "") -> None:
        rates = [RateRule("org_default", "*", requests, None)] if requests else []
        self._record = KeyRecord(
            "key_1", "x", KeyKind.TEST, frozenset(MODEL_SCOPES), 0, rates=tuple(rates),
            budgets=(BudgetRule(budget, 0),) if budget else (),
        )  # fmt: skip

    async def verify(self, token: str) -> KeyRecord | None:
        return self._record if token == KEY else None


@pytest.fixture
def store(tmp_path: Path, new_file: Callable[[Path], Path]) -> Store:
    # Each gateway closes it on its own event loop.
    return Store.open(new_file(tmp_path / "errors.db"))


def test_line_29_a_reached_limit_tells_when_to_come_back_and_the_client_does(
    stage: Stage, store: Store
) -> None:
    stage.start(keys=Bounded(requests=1), meter=AccountMeter(store), closing=store)
    assert stage.client.chat.completions.create(**ASKED)
    error = failing(stage.client)
    assert type(error) is openai.RateLimitError
    assert error.code == "rate_limit_exceeded"
    headers = error.response.headers
    assert 0 < float(headers["retry-after"]) <= 61
    assert headers["x-ratelimit-limit-requests"] == "1"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert len(stage.kit.upstream.requests) == 1


def test_line_29_the_client_waits_as_long_as_it_is_told(stage: Stage) -> None:
    told: list[float] = []

    async def busy_once(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        told.append(time.monotonic())
        if len(told) > 1:
            return await obedient(body, request)
        # Longer than the gateway itself would wait for a model server.
        error = {"message": "slow down", "code": "rate_limit_exceeded"}
        return web.json_response(
            {"error": error}, status=429, headers={"retry-after": "6", "retry-after-ms": "1000"}
        )

    stage.kit.upstream.answer = busy_once
    client = stage.client.with_options(max_retries=1)
    assert client.chat.completions.create(**ASKED).choices[0].message.content == STORY
    assert told[1] - told[0] >= 0.9


async def _with_budget(store: Store) -> None:
    async with store.write() as session:
        session.add(
            Budget(
                id="budget_1",
                organisation_id="org_default",
                subject_kind="organisation",
                subject_id="org_default",
                period="total",
                limit_nanos=1,
                period_started_at=0,
                spent_nanos=0,
                reserved_nanos=0,
                created_at=0,
                updated_at=0,
            )
        )
    await store.close()


def test_line_31_an_upstream_that_is_down_is_told_as_json(stage: Stage) -> None:
    stage.start(upstream_url="http://127.0.0.1:9/v1")
    for is_stream in (False, True):
        error = failing(stage.client, stream=is_stream)
        assert error.status_code in (502, 503, 504)
        assert error.code == "upstream_error"
        assert error.response.headers["content-type"] == "application/json"

    async def html(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Bad Gateway</html>", status=502, content_type="text/html")

    stage.kit.upstream.answer = html
    stage.start()
    error = failing(stage.client)
    assert error.code == "upstream_error"
    assert "<html>" not in error.response.text


def test_line_32_a_body_that_is_too_large_is_not_sent_again(stage: Stage) -> None:
    stage.start(limits=Limits(max_body_bytes=100_000))
    client = stage.client.with_options(max_retries=2)
    error = failing(client, messages=[{"role": "user", "content": "x" * 200_000}])
    assert (error.status_code, error.code) == (413, "request_too_large")
    page = httpx.get(f"http://127.0.0.1:{stage.port}/metrics").text
    assert 'tyrian_requests_total{route="chat",status="413"} 1.0' in page


NESTED = b'{"model": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"tell", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (json.dumps(ASKED).encode(), "text/plain", 415),
        (b'{"model": "m", "temperature": NaN, "messages": []}', "application/json", 400),
        (b'{"model": "a", "model": "b", "messages": []}', "application/json", 400),
        (NESTED, "application/json", 400),
        (b'{"model": "\xff"}', "application/json", 400),
    ],
    ids=["text", "empty", "array", "type", "nan", "twice", "deep", "bytes"],
)
@pytest.mark.parametrize("path", ["chat/completions", "responses", "moderations"])
def test_line_33_what_is_not_plain_json_is_refused(
    stage: Stage, body: bytes, kind: str, status: int, path: str
) -> None:
    headers = {"content-type": kind}
    reply = stage.http.post(f"/v1/{path}", content=body, headers=headers)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


def test_line_34_limits_are_shown_on_answers_streams_and_refusals(
    stage: Stage, store: Store
) -> None:
    stage.start(keys=Bounded(requests=2), meter=AccountMeter(store), closing=store)
    raw = stage.client.chat.completions.with_raw_response
    whole = raw.create(**ASKED).headers
    with stage.client.chat.completions.with_streaming_response.create(
        **ASKED, stream=True
    ) as streamed:
        stream = streamed.headers
        streamed.read()
    refused = failing(stage.client).response.headers
    for headers, left in ((whole, "1"), (stream, "0"), (refused, "0")):
        assert headers["x-ratelimit-limit-requests"] == "2"
        assert headers["x-ratelimit-remaining-requests"] == left
        assert headers["x-ratelimit-reset-requests"].endswith("s")


def again(stage: Stage, name: str, **options: Any) -> httpx.Response:
    headers = {"idempotency-key": name, **options.pop("headers", {})}
    return stage.http.post("/v1/chat/completions", json={**ASKED, **options}, headers=headers)


@pytest.fixture
def replaying(stage: Stage, store: Store) -> Stage:
    stage.start(idempotency=IdempotentAnswers(store, wait_s=5), closing=store)
    return stage


def test_line_35_a_request_that_is_sent_again_is_answered_once(replaying: Stage) -> None:
    first, second = again(replaying, "a"), again(replaying, "a")
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len(replaying.kit.upstream.requests) == 1
    again(replaying, "b")
    assert len(replaying.kit.upstream.requests) == 2
    assert again(replaying, "x" * 300).status_code == 400


def test_line_35_another_request_of_that_name_is_a_conflict(replaying: Stage) -> None:
    again(replaying, "a")
    client = replaying.client.with_options(max_retries=2)
    with pytest.raises(openai.ConflictError) as caught:
        client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "else"}],
            extra_headers={"idempotency-key": "a"},
        )  # fmt: skip
    assert caught.value.code == "idempotency_key_reused"
    assert len(replaying.kit.upstream.requests) == 1


def test_line_35_a_storm_of_retries_reaches_the_model_once(replaying: Stage) -> None:
    async def slow(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        return await obedient(body, request)

    replaying.kit.upstream.answer = slow
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(again(replaying, "storm"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(replaying.kit.upstream.requests) == 1


def test_line_35_what_failed_may_be_tried_again(replaying: Stage) -> None:
    replaying.kit.upstream.answer = None  # type: ignore[assignment]
    assert again(replaying, "a").status_code == 502
    replaying.kit.upstream.answer = obedient
    assert again(replaying, "a").status_code == 200
    with pytest.raises(httpx.TimeoutException):
        _leave(replaying)
    replaying.kit.upstream.answer = obedient
    assert again(replaying, "left").status_code == 200


def _leave(stage: Stage) -> None:
    async def thinks(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    stage.kit.upstream.answer = thinks
    stage.http.post(
        "/v1/chat/completions", json=ASKED, headers={"idempotency-key": "left"}, timeout=0.7
    )


def test_line_35_kept_answers_cannot_be_read_from_the_database(
    replaying: Stage, tmp_path: Path
) -> None:
    again(replaying, "a")
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("errors.db*"))
    assert STORY.encode() not in raw
    assert b"harbour" not in raw


def test_line_30_a_spent_budget_is_asked_once(stage: Stage, store: Store) -> None:
    asyncio.run(_with_budget(store))
    prices = PriceList({MODEL: Price(1_000_000, 1_000_000)})
    stage.start(
        keys=Bounded(budget="budget_1"), meter=AccountMeter(store, prices=prices), closing=store
    )
    error = failing(stage.client.with_options(max_retries=3))
    assert type(error) is openai.RateLimitError
    assert error.code == "insufficient_quota"
    assert error.response.headers["x-should-retry"] == "false"
    page = httpx.get(f"http://127.0.0.1:{stage.port}/metrics").text
    assert 'tyrian_requests_total{route="chat",status="429"} 1.0' in page
    assert not stage.kit.upstream.requests
