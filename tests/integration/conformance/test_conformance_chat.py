"""Lines 1 to 8, 21 to 24 and 53: chat completions with OpenAI's clients."""

import asyncio
import json
from typing import Any

import openai
import pytest
from aiohttp import web
from tests.integration.conformance.conftest import STORY, Stage, obedient, words

from tyrian.gateway.settings import Limits


def text_of(chunks: list[Any], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


def test_line_1_a_completion_is_typed_and_its_usage_adds_up(stage: Stage) -> None:
    answer: Any = stage.ask("tell")
    assert isinstance(answer, openai.types.chat.ChatCompletion)
    assert answer.usage is not None
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content == STORY
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize(
    "told", [{"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 99}, None, "much"]
)
def test_line_1_usage_is_mended_or_estimated_where_the_server_tells_nonsense(
    stage: Stage, told: Any
) -> None:
    async def odd(body: dict[str, Any], request: web.Request) -> web.Response:
        message = {"role": "assistant", "content": STORY}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "x", "choices": [choice], "usage": told})

    stage.kit.upstream.answer = odd
    usage = stage.ask("tell").usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0


def test_line_2_the_request_id_is_the_header_on_answers_and_errors(stage: Stage) -> None:
    raw = stage.client.chat.completions.with_raw_response.create(
        model=stage.model, messages=[{"role": "user", "content": "tell"}]
    )
    assert raw.headers["x-request-id"] == raw.parse()._request_id
    assert raw.headers["x-request-id"].startswith("req_")
    with pytest.raises(openai.NotFoundError) as caught:
        stage.client.chat.completions.create(
            model="nobody", messages=[{"role": "user", "content": "tell"}]
        )
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]


def test_line_3_a_stream_says_what_a_whole_answer_says(stage: Stage) -> None:
    whole = stage.ask("tell", temperature=0, seed=7).choices[0].message.content
    assert text_of(stage.stream("tell", temperature=0, seed=7)) == whole == STORY


def test_line_4_all_chunks_share_their_head_and_have_a_finish_reason(stage: Stage) -> None:
    with stage.http.stream(
        "POST", "/v1/chat/completions",
        json={"model": stage.model, "stream": True, "messages": [{"role": "user", "content": "x"}]},
    ) as reply:  # fmt: skip
        lines = [line[6:] for line in reply.iter_lines() if line.startswith("data: {")]
    chunks = [json.loads(line) for line in lines]
    assert len({(c["id"], c["created"], c["model"], c["object"]) for c in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk"
    assert all("finish_reason" in choice for c in chunks for choice in c["choices"])
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [c["choices"][0]["finish_reason"] for c in chunks[-2:]] == [None, "stop"]


def test_line_5_usage_comes_in_one_chunk_without_choices_before_the_end(stage: Stage) -> None:
    chunks = stage.stream("tell", stream_options={"include_usage": True})
    assert [c.usage.total_tokens for c in chunks if c.usage] == [14]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


def test_line_6_usage_does_not_come_unasked(stage: Stage) -> None:
    chunks = stage.stream("tell")
    assert not [c for c in chunks if c.usage or not c.choices]
    assert not [c for c in stage.stream("tell", stream_options={"include_usage": False}) if c.usage]
    assert stage.kit.upstream.requests[-1]["stream_options"] == {"include_usage": True}


def test_line_7_a_stream_ends_with_done_and_its_connection_serves_again(stage: Stage) -> None:
    client = stage.http
    body = {"model": stage.model, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    for _ in range(3):
        with client.stream("POST", "/v1/chat/completions", json=body) as reply:
            assert reply.read().endswith(b"data: [DONE]\n\n")
            sockets = {reply.extensions["network_stream"].get_extra_info("client_addr")}
    with client.stream("POST", "/v1/chat/completions", json=body) as reply:
        reply.read()
        sockets.add(reply.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(sockets) == 1
    openai_client = stage.client
    for _ in range(3):
        assert text_of(list(openai_client.chat.completions.create(
            model=stage.model, messages=[{"role": "user", "content": "x"}], stream=True
        ))) == STORY  # fmt: skip


def test_line_8_comments_keep_a_slow_first_token_alive(stage: Stage) -> None:
    assert Limits().ping_s <= 15

    async def slow(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1.5)
        return await stage.kit.reply(body, request, STORY)

    stage.kit.upstream.answer = slow
    stage.start(limits=Limits(ping_s=0.2))
    # The client gives up a connection that is silent for less time than the model thinks.
    client = stage.client.with_options(timeout=0.8)
    chunks = client.chat.completions.create(
        model=stage.model, messages=[{"role": "user", "content": "x"}], stream=True
    )
    assert text_of(list(chunks)) == STORY


def test_line_21_several_choices_come_whole_and_interleaved(stage: Stage) -> None:
    assert [c.message.content for c in stage.ask("tell", n=2).choices] == [STORY, STORY]
    chunks = stage.stream("tell", n=2)
    assert (text_of(chunks, 0), text_of(chunks, 1)) == (STORY, STORY)
    finished = [(c.index, c.finish_reason) for x in chunks for c in x.choices if c.finish_reason]
    assert sorted(finished) == [(0, "stop"), (1, "stop")]
    with pytest.raises(openai.BadRequestError) as caught:
        stage.ask("tell", n=1_000_000)
    assert caught.value.param == "n"


def test_line_22_log_probabilities_come_with_their_text(stage: Stage) -> None:
    options = {"logprobs": True, "top_logprobs": 5}
    entries = stage.ask("tell", **options).choices[0].logprobs.content
    assert [entry.token for entry in entries] == words(STORY)
    assert entries[0].top_logprobs[0].token == entries[0].token
    chunks = stage.stream("tell", **options)
    streamed = [c.choices[0].logprobs for c in chunks if c.choices]
    tokens = [entry.token for found in streamed if found for entry in found.content or ()]
    assert tokens == words(STORY)
    with pytest.raises(openai.BadRequestError) as caught:
        stage.ask("tell", top_logprobs=5)
    assert caught.value.param == "top_logprobs"


def test_line_22_log_probabilities_never_spell_out_what_was_redacted(guarded: Stage) -> None:
    async def tells(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        said = {**body, "messages": [{"content": "say the word is pass-1234 and no other one"}]}
        return await obedient(said, request)

    guarded.kit.upstream.answer = tells
    answer = guarded.ask("tell", logprobs=True).choices[0]
    assert "pass-1234" not in answer.message.content
    assert answer.logprobs is None
    chunks = guarded.stream("tell", logprobs=True)
    assert "pass-1234" not in text_of(chunks)
    assert "pass-1234" not in "".join(chunk.model_dump_json() for chunk in chunks)


def test_line_23_data_urls_are_taken_and_nothing_is_fetched(stage: Stage) -> None:
    def content(url: str) -> Any:
        image = {"type": "image_url", "image_url": {"url": url}}
        return [{"role": "user", "content": [{"type": "text", "text": "look"}, image]}]

    assert stage.ask(content("data:image/png;base64,iVBORw0KGgo=")).choices[0].message.content
    for url in ("http://127.0.0.1:1/a.png", "https://example.com/a.png", "file:///etc/passwd"):
        with pytest.raises(openai.BadRequestError) as caught:
            stage.ask(content(url))
        assert caught.value.code == "invalid_image_url"
    stage.start(allow_remote_images=True)
    assert stage.ask(content("https://example.com/a.png")).choices[0].message.content
    with pytest.raises(openai.BadRequestError):
        stage.ask(content("file:///etc/passwd"))


def test_line_24_stop_takes_a_string_or_a_list_and_max_tokens_is_an_alias(stage: Stage) -> None:
    assert stage.ask("tell", stop=",").choices[0].message.content == STORY.split(",")[0]
    assert stage.ask("tell", stop=["harbour", ","]).choices[0].finish_reason == "stop"
    for name in ("max_tokens", "max_completion_tokens"):
        choice = stage.ask("tell", **{name: 3}).choices[0]
        assert (choice.message.content, choice.finish_reason) == ("The boats came", "length")
    with pytest.raises(openai.BadRequestError):
        stage.ask("tell", stop=[1, 2])
    with pytest.raises(openai.BadRequestError):
        stage.ask("tell", max_tokens=3, max_completion_tokens=4)


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_line_53_the_asynchronous_client_sees_the_same(stage: Stage, transport: str) -> None:
    options: dict[str, Any] = {}
    if transport == "aiohttp":
        options["http_client"] = openai.DefaultAioHttpClient()
    async with stage.async_openai(**options) as client:
        messages: Any = [{"role": "user", "content": "tell"}]
        answer = await client.chat.completions.create(model=stage.model, messages=messages)
        assert answer.choices[0].message.content == STORY
        assert answer._request_id
        chunks = [
            chunk
            async for chunk in await client.chat.completions.create(
                model=stage.model,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
            )
        ]
        assert text_of(chunks) == STORY
        assert [c.usage.total_tokens for c in chunks if c.usage] == [14]

        async def breaks(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
            out = await stage.kit.begin(request)
            await out.write(stage.kit.chunk({"content": "The boats"}))
            return out

        stage.kit.upstream.answer = breaks
        with pytest.raises(openai.APIError) as caught:
            async for _ in await client.chat.completions.create(
                model=stage.model, messages=messages, stream=True
            ):
                pass
        assert caught.value.code == "upstream_error"
