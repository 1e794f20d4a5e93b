"""Bad requests and bad upstreams: always the envelope, never an unguarded answer."""

import asyncio
import http.client
import json
import time
from typing import Any

import openai
import pytest
from aiohttp import web

from tyrian.gateway.settings import Limits

BODY: dict[str, Any] = {"model": "org/fake-model", "messages": [{"role": "user", "content": "hi"}]}


def post(
    port: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    path: str = "/v1/chat/completions",
) -> tuple[int, dict[str, str], dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    base = {
        "authorization": "Bearer tyr_test_of-the-gateway",
        "content-type": "application/json",
    }
    connection.request("POST", path, body, {**base, **(headers or {})})
    response = connection.getresponse()
    raw = response.read()
    connection.close()
    found = {key.lower(): value for key, value in response.getheaders()}
    return response.status, found, json.loads(raw)


def ask(client: openai.OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(**{**BODY, **options})


def test_a_missing_key_is_refused_with_a_challenge(kit: Any) -> None:
    port = kit.start()
    for header in ("", "Bearer", "Bearer  ", "Basic dXNlcjpwYXNz", "tyr_test_of-the-gateway"):
        status, headers, body = post(port, b"{}", {"authorization": header})
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert body["error"]["code"] == "invalid_api_key"
    assert kit.upstream.requests == []


@pytest.mark.parametrize(
    "token", ["wrong", "tyr_live_" + "x" * 49, "' OR 1=1 --", "x" * 100_000, "\u00ff\u00fe"]
)
def test_a_bad_key_is_refused_and_not_repeated(kit: Any, token: str) -> None:
    port = kit.start()
    if len(token) > 32_768:
        token = token[:30_000]
    status, _, body = post(port, b"{}", {"authorization": f"Bearer {token}"})
    assert status == 401
    assert token not in json.dumps(body)


def test_two_authorization_headers_are_refused(kit: Any) -> None:
    port = kit.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("GET", "/v1/models")
    connection.putheader("Authorization", f"Bearer {kit.key}")
    connection.putheader("Authorization", "Bearer other")
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()


def test_the_client_raises_its_typed_errors(kit: Any) -> None:
    port = kit.start()
    with pytest.raises(openai.AuthenticationError) as denied:
        ask(kit.client_of(port, "wrong"))
    assert denied.value.request_id
    with pytest.raises(openai.PermissionDeniedError) as forbidden:
        ask(kit.client_of(port, kit.read_only_key))
    assert forbidden.value.code == "insufficient_scope"
    client = kit.client_of(port)
    with pytest.raises(openai.NotFoundError) as unknown:
        ask(client, model="no/such-model")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as bad:
        ask(client, messages=[{"role": "user", "content": [{"type": "input_audio"}]}])
    assert bad.value.param == "messages[0].content[0].type"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no/such-model")
    assert kit.upstream.requests == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[1]",
        b'{"model":NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"model":"a","model":"b"}',
        b'{"model":"\\ud800"}',
        b'{"model":' + b"1" * 1_000_000 + b"}",
        b'{"model":"m"}',
        b'{"model":"m","messages":"x"}',
        b'{"model":{"a":1},"messages":[]}',
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"n":1e400}',
        b"\xff\xfe",
        b"{" + b",".join(b'"k%d":1' % i for i in range(100_000)) + b"}",
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/moderations"])
def test_a_body_that_cannot_be_read_is_a_400(kit: Any, body: bytes, path: str) -> None:
    port = kit.start(kit.word_firewall())
    status, _, answer = post(port, body, path=path)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"


def test_other_media_types_and_encodings_are_a_415(kit: Any) -> None:
    port = kit.start()
    for headers in ({"content-type": "text/plain"}, {"content-encoding": "gzip"}):
        assert post(port, json.dumps(BODY).encode(), headers)[0] == 415


def test_a_body_over_the_limit_is_a_413(kit: Any) -> None:
    client = kit.client()
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, user="x" * (11 << 20))
    assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")


def test_a_body_of_unknown_length_over_the_limit_is_a_413(kit: Any) -> None:
    port = kit.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"authorization": f"Bearer {kit.key}", "content-type": "application/json"}
    pieces = (b" " * (1 << 20) for _ in range(12))
    connection.request("POST", "/v1/chat/completions", pieces, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_unknown_routes_and_methods_are_answered_in_the_envelope(kit: Any) -> None:
    port = kit.start()
    for method, path, wanted in [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/chat/completions/", 404),
        ("POST", "//v1/chat/completions", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models", 405),
        ("TRACE", "/v1/models", 405),
        ("OPTIONS", "/v1/chat/completions", 405),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(method, path, headers={"origin": "https://example.com"})
        response = connection.getresponse()
        assert response.status == wanted, (method, path)
        assert json.loads(response.read())["error"]["message"]
        assert response.getheader("access-control-allow-origin") is None
        assert wanted != 405 or response.getheader("allow")
        connection.close()


def test_the_clients_headers_do_not_reach_the_model_server(kit: Any) -> None:
    client = kit.client()
    ask(client, extra_headers={"x-secret": "1", "cookie": "a=b", "x-forwarded-for": "1.2.3.4"})
    sent = kit.upstream.headers[-1]
    assert not {"authorization", "x-secret", "cookie", "x-forwarded-for"} & set(sent)
    assert not [name for name in sent if name.startswith("x-stainless")]


def test_headers_of_the_model_server_do_not_reach_the_client(kit: Any) -> None:
    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        response: web.Response = await kit.reply(body, request, "fine")
        response.headers["set-cookie"] = "a=b"
        response.headers["x-request-id"] = "forged"
        return response

    kit.upstream.answer = answer
    raw = kit.client().chat.completions.with_raw_response.create(**BODY)
    assert "set-cookie" not in raw.headers
    assert raw.headers["x-request-id"].startswith("req_")


def refusing(status: int, **headers: str) -> Any:
    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        error = {"message": "no, thanks", "type": "x", "param": "seed", "code": "its_code"}
        return web.json_response({"error": error}, status=status, headers=headers)

    return answer


@pytest.mark.parametrize(
    ("status", "seen", "code"),
    [
        (400, 400, "its_code"),
        (404, 404, "its_code"),
        (422, 422, "its_code"),
        (429, 429, "its_code"),
        (401, 502, "upstream_error"),
        (403, 502, "upstream_error"),
        (500, 502, "upstream_error"),
        (302, 502, "upstream_error"),
        (503, 503, "upstream_unavailable"),
        (504, 504, "upstream_timeout"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_failures_of_the_model_server_are_told(
    kit: Any, status: int, seen: int, code: str, is_stream: bool
) -> None:
    kit.upstream.answer = refusing(status, Location="http://127.0.0.1:9/")
    with pytest.raises(openai.APIStatusError) as caught:
        ask(kit.client(), stream=is_stream)
    assert (caught.value.status_code, caught.value.code) == (seen, code)
    assert len(kit.upstream.requests) == 1


def test_a_refusal_with_a_short_retry_after_is_tried_again(kit: Any) -> None:
    refuse = refusing(503, **{"retry-after": "0"})

    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        if len(kit.upstream.requests) == 1:
            return await refuse(body, request)  # type: ignore[no-any-return]
        return await kit.reply(body, request, "now")  # type: ignore[no-any-return]

    kit.upstream.answer = answer
    assert ask(kit.client()).choices[0].message.content == "now"


def test_a_long_retry_after_is_left_to_the_client(kit: Any) -> None:
    kit.upstream.answer = refusing(429, **{"retry-after": "60"})
    with pytest.raises(openai.RateLimitError) as caught:
        ask(kit.client())
    assert caught.value.response.headers["retry-after"] == "60"
    assert len(kit.upstream.requests) == 1


def test_a_model_server_that_is_down_is_a_502(kit: Any) -> None:
    client = kit.client(upstream_url="http://127.0.0.1:9/v1")
    for is_stream in (False, True):
        with pytest.raises(openai.InternalServerError) as caught:
            ask(client, stream=is_stream)
        assert caught.value.status_code == 502


def test_a_silent_model_server_is_a_504(kit: Any) -> None:
    async def silent(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError

    kit.upstream.answer = silent
    with pytest.raises(openai.InternalServerError) as caught:
        ask(kit.client(read_s=0.3))
    assert (caught.value.status_code, caught.value.code) == (504, "upstream_timeout")


@pytest.mark.parametrize(
    "raw",
    [b"not json", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[1]}', b'{"choices":[{"index":0}]}',
     b'{"choices":[{"message":{"content":5}}]}', b'{"choices":[{"message":{"tool_calls":[5]}}]}'],
)  # fmt: skip
def test_an_answer_that_cannot_be_judged_is_a_502(kit: Any, raw: bytes) -> None:
    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        return web.Response(body=raw, content_type="application/json")

    kit.upstream.answer = answer
    with pytest.raises(openai.InternalServerError) as caught:
        ask(kit.client(kit.word_firewall()))
    assert caught.value.status_code == 502


def test_a_page_in_place_of_an_answer_is_a_502(kit: Any) -> None:
    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>", content_type="text/html")

    kit.upstream.answer = answer
    for is_stream in (False, True):
        with pytest.raises(openai.InternalServerError) as caught:
            ask(kit.client(), stream=is_stream)
        assert caught.value.status_code == 502


def breaking(kit: Any, how: str) -> Any:
    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out: web.StreamResponse = await kit.begin(request)
        await out.write(kit.chunk({"role": "assistant", "content": "so far "}) * 3)
        if how == "cut":
            await out.write(b'data: {"id": "chat')
        if how == "garbage":
            await out.write(b"data: {nonsense\n\ndata: [DONE]\n\n")
        if how == "error":
            await out.write(b'data: {"error": {"message": "out of memory"}}\n\ndata: [DONE]\n\n')
        if how == "reset":
            assert request.transport is not None
            request.transport.abort()
            return out
        await out.write_eof()
        return out

    return answer


@pytest.mark.parametrize("how", ["cut", "end", "error", "reset", "garbage"])
def test_a_stream_that_breaks_off_never_ends_cleanly(kit: Any, how: str) -> None:
    kit.upstream.answer = breaking(kit, how)
    for firewall in (None, kit.word_firewall()):
        if how == "garbage" and firewall is None:
            continue  # untouched bytes are the client's to read
        with pytest.raises(openai.APIError) as caught:
            list(ask(kit.client(firewall), stream=True))
        assert caught.value.code == "upstream_error"


@pytest.mark.parametrize("before", ["first token", "end"])
@pytest.mark.parametrize("is_guarded", [True, False])
def test_the_model_server_is_released_when_the_client_goes(
    kit: Any, before: str, is_guarded: bool
) -> None:
    async def slow(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        if before == "first token":
            await asyncio.sleep(30)
        out: web.StreamResponse = await kit.begin(request)
        while True:
            await out.write(kit.chunk({"content": "word " * 50}))
            await asyncio.sleep(0.02)

    kit.upstream.answer = slow
    port = kit.start(kit.word_firewall() if is_guarded else None)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"authorization": f"Bearer {kit.key}", "content-type": "application/json"}
    connection.request(
        "POST", "/v1/chat/completions", json.dumps({**BODY, "stream": True}), headers
    )
    assert kit.upstream.entered.wait(10)
    if before == "end":
        connection.getresponse().read(10)
    assert connection.sock is not None or before == "end"
    left = time.monotonic()
    connection.close()
    if connection.sock is not None:
        connection.sock.close()
    assert kit.upstream.cancelled.wait(5)
    assert time.monotonic() - left < 2


def test_a_client_that_reads_nothing_is_given_up(kit: Any) -> None:
    async def endless(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out: web.StreamResponse = await kit.begin(request)
        while True:
            await out.write(kit.chunk({"content": "word " * 10_000}))

    kit.upstream.answer = endless
    port = kit.start(limits=Limits(write_s=0.3))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"authorization": f"Bearer {kit.key}", "content-type": "application/json"}
    connection.request(
        "POST", "/v1/chat/completions", json.dumps({**BODY, "stream": True}), headers
    )
    assert kit.upstream.cancelled.wait(15)
    connection.close()


def test_a_slow_first_token_is_bridged_by_comments(kit: Any) -> None:
    async def slow(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.6)
        return await kit.reply(body, request, "at last")  # type: ignore[no-any-return]

    kit.upstream.answer = slow
    port = kit.start(kit.word_firewall(), limits=Limits(ping_s=0.1))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"authorization": f"Bearer {kit.key}", "content-type": "application/json"}
    connection.request(
        "POST", "/v1/chat/completions", json.dumps({**BODY, "stream": True}), headers
    )
    raw = connection.getresponse().read()
    connection.close()
    assert raw.count(b": ping\n\n") >= 3
    assert raw.endswith(b"data: [DONE]\n\n")
    assert raw.startswith(b": ping\n\n")


def test_more_requests_than_the_cap_are_turned_away_at_once(kit: Any) -> None:
    client = kit.client(limits=Limits(max_concurrency=0))
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client)
    assert caught.value.code == "overloaded"
    assert caught.value.response.headers["retry-after"] == "1"


def test_a_key_store_that_fails_is_a_500_without_details(kit: Any) -> None:
    class Broken:
        async def verify(self, token: str) -> None:
            raise RuntimeError("database password is hunter2")

    with pytest.raises(openai.InternalServerError) as caught:
        ask(kit.client(keys=Broken()))
    assert caught.value.code == "internal_error"
    assert "hunter2" not in str(caught.value)


def test_connections_to_the_model_server_are_used_again(kit: Any) -> None:
    client = kit.client(kit.word_firewall())
    for _ in range(5):
        list(ask(client, stream=True))
        ask(client)
    assert len(kit.upstream.connections) == 1
