"""Models behind HTTP: what real servers answer, and what becomes of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tyrian.errors import ConfigError
from tyrian.evals.exchange import Image, Reply, ReplyStatus, Request, ToolCall, Turn, ask
from tyrian.evals.models.http import ANTHROPIC, OPENAI, HttpLimits, HttpModel
from tyrian.evals.models.limiter import Limiter

Answer = Callable[[int, dict[str, object]], web.Response]
QUICK = HttpLimits(deadline_s=60.0, try_s=30.0, first_pause_s=0.01, longest_pause_s=0.05)


def completion(text: str | None, finish: str = "stop") -> web.Response:
    return web.json_response(
        {
            "choices": [{"message": {"content": text}, "finish_reason": finish}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2},
        }
    )


@asynccontextmanager
async def served(answer: Answer, path: str = "/v1/chat/completions") -> AsyncIterator[str]:
    count = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        body = await request.json()
        return answer(count, {**body, "_headers": dict(request.headers)})

    app = web.Application()
    app.router.add_post(path, handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def asked(answer: Answer, request: Request | None = None) -> Reply:
    async with served(answer) as url:
        model = HttpModel("m", url, limits=QUICK)
        try:
            return await model.reply(request or ask("hello"))
        finally:
            await model.close()


async def test_an_answer_comes_with_its_tokens() -> None:
    reply = await asked(lambda n, body: completion("hi"))
    assert (reply.text, reply.status) == ("hi", ReplyStatus.OK)
    assert (reply.usage.prompt, reply.usage.completion) == (7, 2)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    reply = await asked(
        lambda n, body: web.Response(status=status) if n < 3 else completion("late")
    )
    assert reply.text == "late"


async def test_a_server_is_left_alone_for_as_long_as_it_asks() -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []

    def answer(n: int, body: dict[str, object]) -> web.Response:
        times.append(loop.time())
        if n == 1:
            return web.Response(status=429, headers={"retry-after": "0.4"})
        return completion("ok")

    assert (await asked(answer)).text == "ok"
    assert times[1] - times[0] >= 0.4


@pytest.mark.parametrize("status", [400, 401, 404, 422])
async def test_what_cannot_pass_is_not_tried_again(status: int) -> None:
    seen = 0

    def answer(n: int, body: dict[str, object]) -> web.Response:
        nonlocal seen
        seen = n
        return web.Response(status=status, text="no")

    reply = await asked(answer)
    assert (reply.status, reply.reason, seen) == (ReplyStatus.FAILED, f"http_{status}", 1)


@pytest.mark.parametrize(
    "response",
    [
        lambda: completion(None, "content_filter"),
        lambda: web.json_response({"error": {"code": "content_filter"}}, status=400),
        lambda: web.json_response({"error": {"type": "content_policy_violation"}}, status=403),
    ],
)
async def test_a_content_filter_is_a_result(response: Callable[[], web.Response]) -> None:
    reply = await asked(lambda n, body: response())
    assert reply.status is ReplyStatus.FILTERED


async def test_html_in_place_of_an_answer_is_a_failure() -> None:
    reply = await asked(lambda n, body: web.Response(text="<html>", content_type="text/html"))
    assert (reply.status, reply.reason) == (ReplyStatus.FAILED, "not_a_completion")


@pytest.mark.parametrize("text", ["", "   ", None])
async def test_an_empty_answer_is_not_an_answer(text: str | None) -> None:
    assert (await asked(lambda n, body: completion(text))).status is ReplyStatus.EMPTY


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    model = HttpModel("m", "http://127.0.0.1:9/v1", limits=HttpLimits(deadline_s=2))
    reply = await model.reply(ask("hello"))
    await model.close()
    assert (reply.status, reply.reason) == (ReplyStatus.FAILED, "connection")


async def test_anthropic_is_spoken_to_in_its_own_form() -> None:
    seen: dict[str, object] = {}

    def answer(n: int, body: dict[str, object]) -> web.Response:
        seen.update(body)
        return web.json_response(
            {
                "content": [
                    {"type": "text", "text": "hi"},
                    {"type": "tool_use", "id": "c2", "name": "f", "input": {"a": 1}},
                ],
                "stop_reason": "tool_use",
                "usage": {"input_tokens": 5, "output_tokens": 1},
            }
        )

    call = ToolCall("c1", "f", '{"a": 0}')
    request = Request(
        ask("").part,
        (
            Turn("system", "rule"),
            Turn("user", "look", images=(Image("image/png", b"x"),)),
            Turn("assistant", "", calls=(call,)),
            Turn("tool", "done", call_id="c1"),
        ),
    )
    async with served(answer, "/v1/messages") as url:
        model = HttpModel("claude", url, dialect=ANTHROPIC, limits=QUICK)
        reply = await model.reply(request)
        await model.close()
    assert reply.text == "hi"
    assert json.loads(reply.calls[0].arguments) == {"a": 1}
    assert seen["system"] == "rule"
    messages = seen["messages"]
    assert isinstance(messages, list)
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert messages[2]["content"][0]["tool_use_id"] == "c1"


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(ConfigError, match="NOT_THERE"):
        HttpModel("m", "http://127.0.0.1:1/v1", dialect=OPENAI, key_env="NOT_THERE")


async def test_the_limit_falls_once_for_refusals_of_one_episode() -> None:
    limiter = Limiter(10, 64)
    for _ in range(8):
        limiter.refused(0.0)
    assert limiter.limit == 8


async def test_the_limit_holds_and_grows() -> None:
    limiter = Limiter(2, 3)
    running = most = 0

    async def one() -> None:
        nonlocal running, most
        await limiter.enter()
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        limiter.answered()
        running -= 1
        limiter.leave()

    await asyncio.gather(*(one() for _ in range(50)))
    assert most == 3
