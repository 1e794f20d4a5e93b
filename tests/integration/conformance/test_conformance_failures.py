"""Lines 9 to 12 and 36 to 38: streams that break, clients that leave, many streams at once."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import llama_api_client
import openai
import pytest
from aiohttp import web
from tests.integration.conformance.conftest import MODEL, Stage

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.context import RequestContext
from tyrian.gateway.metering import Demand, Usage

ASKED: Any = {"model": MODEL, "messages": [{"role": "user", "content": "tell"}]}


def breaks_with(stage: Stage, *pieces: bytes, cut: bool = False) -> None:
    """Let the model server begin to answer, and then send only these bytes."""

    async def broken(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out = await stage.kit.begin(request)
        await out.write(stage.kit.chunk({"role": "assistant", "content": "The boats came home. "}))
        for piece in pieces:
            await out.write(piece)
        if cut and request.transport is not None:
            await asyncio.sleep(0.05)
            request.transport.abort()
        return out

    stage.kit.upstream.answer = broken


ERROR = b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'


def test_line_9_a_failure_in_mid_stream_is_an_error_with_a_code(stage: Stage) -> None:
    breaks_with(stage, ERROR)
    with pytest.raises(openai.APIError) as caught:
        stage.stream("tell")
    assert caught.value.code == "upstream_error"
    assert "out of memory" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["/v1", "/llama/v1"])
def test_line_10_the_llama_client_raises_the_same_failure(stage: Stage, prefix: str) -> None:
    breaks_with(stage, ERROR)
    with pytest.raises(llama_api_client.APIError) as caught:
        list(stage.llama(prefix).chat.completions.create(**ASKED, stream=True))
    body: Any = caught.value.body
    assert body["error"]["code"] == "upstream_error"


def test_line_10_no_error_comes_as_a_bare_event(stage: Stage) -> None:
    breaks_with(stage, ERROR)
    with stage.http.stream(
        "POST", "/llama/v1/chat/completions", json={**ASKED, "stream": True}
    ) as reply:
        lines = list(reply.iter_lines())
    at = next(i for i, line in enumerate(lines) if '"error"' in line)
    assert lines[at - 1] == "event: error"


@pytest.mark.parametrize("pieces", [(b'data: {"id": "chatc',), (b'data: {"id": 1}\n',)])
def test_line_11_an_upstream_that_is_cut_is_never_a_clean_end(
    stage: Stage, pieces: tuple[bytes, ...]
) -> None:
    for cut in (False, True):
        breaks_with(stage, *pieces, cut=cut)
        with pytest.raises(openai.APIError) as caught:
            stage.stream("tell")
        assert caught.value.code == "upstream_error"


def test_line_12_a_stream_without_its_end_is_an_error(stage: Stage) -> None:
    breaks_with(stage)
    with pytest.raises(openai.APIError) as caught:
        stage.stream("tell")
    assert caught.value.code == "upstream_error"
    breaks_with(stage, stage.kit.chunk({}, "stop"))
    with pytest.raises(openai.APIError):
        stage.stream("tell")


class Ledger:
    """A meter that remembers what was settled."""

    def __init__(self) -> None:
        self.reserved = 0
        self.settled: list[Usage] = []
        self._done = threading.Event()

    async def reserve(self, key: KeyRecord, demand: Demand, context: RequestContext) -> "Ledger":
        self.reserved += 1
        return self

    def settle(self, usage: Usage) -> None:
        self.settled.append(usage)
        self._done.set()

    def wait(self) -> Usage:
        assert self._done.wait(10), "nothing was settled"
        return self.settled[-1]


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_line_36_a_client_that_leaves_ends_the_work_and_pays_for_it(stage: Stage) -> None:
    ledger = Ledger()
    stage.start(meter=ledger)

    async def endless(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out = await stage.kit.begin(request)
        for _ in itertools.count():
            await out.write(stage.kit.chunk({"content": "and so the story went on and on. "}))
            await asyncio.sleep(0.01)
        return out

    stage.kit.upstream.answer = endless
    stream = stage.client.chat.completions.create(**ASKED, stream=True)
    for _ in itertools.islice(stream, 5):
        pass
    stream.close()
    assert stage.kit.upstream.cancelled.wait(5)
    usage = ledger.wait()
    assert usage.is_estimate
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens >= 5
    assert ledger.reserved == len(ledger.settled) == 1


@pytest.mark.parametrize("is_stream", [True, False])
def test_line_37_so_does_one_that_leaves_before_the_first_token(
    stage: Stage, is_stream: bool
) -> None:
    ledger = Ledger()
    stage.start(meter=ledger)

    async def thinks(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    stage.kit.upstream.answer = thinks
    with pytest.raises((openai.APITimeoutError, httpx.TimeoutException)):
        stage.client.with_options(timeout=0.7).chat.completions.create(**ASKED, stream=is_stream)
    assert stage.kit.upstream.cancelled.wait(5)
    usage = ledger.wait()
    assert usage.prompt_tokens > 0
    assert (usage.completion_tokens > 0) is (not is_stream)


def test_usage_that_the_server_told_is_what_is_settled(stage: Stage) -> None:
    ledger = Ledger()
    stage.start(meter=ledger)
    for is_stream in (False, True):
        answer = stage.client.chat.completions.create(**ASKED, stream=is_stream)
        if is_stream:
            list(answer)
        assert within(5, lambda: ledger.reserved == len(ledger.settled))
        usage = ledger.settled[-1]
        assert (usage.prompt_tokens, usage.completion_tokens, usage.is_estimate) == (5, 9, False)


async def test_line_38_many_streams_at_once_do_not_mix(stage: Stage) -> None:
    async def told(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        name = body["messages"][-1]["content"].split()[-1]
        out = await stage.kit.begin(request)
        for i in range(8):
            delta = {"content": f"{name} says {i}. "}
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            head = {"id": f"chatcmpl-{name}", "object": "chat.completion.chunk", "created": 1}
            event = {**head, "model": MODEL, "choices": [choice]}
            await out.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            await asyncio.sleep(0)
        await out.write(stage.kit.chunk({}, "stop") + b"data: [DONE]\n\n")
        return out

    stage.kit.upstream.answer = told
    stage.start(connect_s=60.0, read_s=60.0)
    async with stage.async_openai(timeout=60) as client:

        async def ask(number: int) -> None:
            name = f"n{number:03d}"
            stream = await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": f"I am {name}"}], stream=True
            )
            chunks = [chunk async for chunk in stream]
            assert {chunk.id for chunk in chunks} == {f"chatcmpl-{name}"}
            text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
            assert text == "".join(f"{name} says {i}. " for i in range(8))

        await asyncio.gather(*(ask(number) for number in range(200)))
