"""The chat client against a real server that speaks the OpenAI dialect, well and badly."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.errors import ConfigError, UpstreamError
from tyrian.models.chat.client import ChatClient, ChatLimits
from tyrian.models.chat.completion import read_completion

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ANSWER = {
    "model": "m",
    "choices": [
        {
            "message": {"role": "assistant", "content": "safe"},
            "finish_reason": "stop",
            "logprobs": {
                "content": [
                    {
                        "token": "safe",
                        "logprob": -0.1,
                        "top_logprobs": [
                            {"token": "unsafe", "logprob": -3.0},
                            {"token": "safe", "logprob": -0.1},
                        ],
                    }
                ]
            },
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 1},
}
QUICK = ChatLimits(total_s=0.3, backoff_s=0.001)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(url: str, limits: ChatLimits = QUICK) -> AsyncIterator[ChatClient]:
    client = ChatClient(url, model="m", limits=limits)
    try:
        yield client
    finally:
        await client.close()


async def test_an_answer_comes_with_the_probabilities_of_its_tokens() -> None:
    asked: list[dict[str, object]] = []

    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/v1/chat/completions"
        asked.append(await request.json())
        return web.json_response(ANSWER)

    async with serving(handler) as url, client_of(url) as client:
        found = await client.complete(
            [{"role": "user", "content": "hi"}],
            max_tokens=3,
            logprobs=True,
            top_logprobs=5,
            stop=["x"],
            seed=1,
            extra={"chat_template_kwargs": {"a": 1}},
        )
    assert found.text == "safe"
    assert (found.prompt_tokens, found.completion_tokens, found.finish_reason) == (7, 1, "stop")
    assert [choice.text for choice in found.tokens[0].alternatives] == ["safe", "unsafe"]
    assert asked[0]["top_logprobs"] == 5
    assert asked[0]["temperature"] == 0.0
    assert asked[0]["chat_template_kwargs"] == {"a": 1}
    assert asked[0]["stop"] == ["x"]


async def test_a_raw_continuation_reads_the_older_shape_of_probabilities() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/v1/completions"
        logprobs = {
            "tokens": ["safe"],
            "token_logprobs": [-0.5],
            "top_logprobs": [{"safe": -0.5, "unsafe": None}],
        }
        return web.json_response({"choices": [{"text": "safe", "logprobs": logprobs}]})

    async with serving(handler) as url, client_of(url) as client:
        found = await client.complete_text("<|begin_of_text|>...", max_tokens=1, top_logprobs=2)
    assert [c.text for c in found.tokens[0].alternatives] == ["safe", "unsafe"]
    assert found.tokens[0].alternatives[1].probability == 0.0


@pytest.mark.parametrize("status", [400, 401, 404, 500, 301])
async def test_another_status_is_an_error_that_says_nothing_of_the_texts(status: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, text="you sent: my secret", headers={"location": "/x"})

    async with serving(handler) as url, client_of(url) as client:
        with pytest.raises(UpstreamError) as caught:
            await client.complete([{"role": "user", "content": "my secret"}], max_tokens=1)
    assert caught.value.status == status
    assert "secret" not in str(caught.value)


async def test_an_overloaded_server_is_asked_again_but_not_for_ever() -> None:
    asked = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=503) if asked < 3 else web.json_response(ANSWER)

    async with serving(handler) as url, client_of(url) as client:
        assert (await client.complete([], max_tokens=1)).text == "safe"
        assert asked == 3
        asked = -10
        with pytest.raises(UpstreamError, match="overloaded"):
            await client.complete([], max_tokens=1)
        assert asked == -7


async def test_a_server_that_hangs_or_floods_is_given_up() -> None:
    async def hanging(request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response()

    async def flooding(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * 100_000)
        return response

    async with serving(hanging) as url, client_of(url) as client:
        with pytest.raises(UpstreamError, match="in time"):
            await client.complete([], max_tokens=1)
    async with serving(flooding) as url, client_of(url, ChatLimits(retries=0)) as client:
        with pytest.raises(UpstreamError, match="size limit"):
            await client.complete([], max_tokens=1)


async def test_a_server_that_is_not_there_is_an_error() -> None:
    async with client_of("http://127.0.0.1:9/v1") as client:
        with pytest.raises(UpstreamError, match="cannot be reached"):
            await client.complete([], max_tokens=1)


async def test_the_key_comes_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("authorization"))
        return web.json_response(ANSWER)

    monkeypatch.delenv("GUARD_KEY", raising=False)
    with pytest.raises(ConfigError, match="GUARD_KEY"):
        ChatClient("http://127.0.0.1/v1", model="m", api_key_env="GUARD_KEY")
    monkeypatch.setenv("GUARD_KEY", "k-123")
    async with serving(handler) as url:
        client = ChatClient(url, model="m", api_key_env="GUARD_KEY")
        await client.complete([], max_tokens=1)
        await client.close()
    assert seen == ["Bearer k-123"]


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "htp://x/v1", ""])
def test_an_address_without_http_is_refused_at_start(url: str) -> None:
    with pytest.raises(ConfigError, match="not an http or https URL") as refused:
        ChatClient(url, model="m")
    assert "/v1" in refused.value.hint


def test_one_client_serves_several_event_loops() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(ANSWER)

    client = ChatClient("http://127.0.0.1:9/v1", model="m", limits=QUICK)

    async def once() -> str:
        async with serving(handler) as url:
            client.base_url = url
            text = (await client.complete([], max_tokens=1)).text
            await client.close()
            return text

    assert [asyncio.run(once()) for _ in range(2)] == ["safe", "safe"]


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=200)
def test_any_body_is_an_answer_or_our_error(body: bytes) -> None:
    try:
        read_completion(body)
    except UpstreamError:
        return


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}', b"[" * 100_000]
)
def test_a_body_without_an_answer_is_our_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        read_completion(body)
