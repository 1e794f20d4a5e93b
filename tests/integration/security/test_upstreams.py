"""Lines 22, 23, 30 to 33: the way to the model server, and what a hostile one sends back."""

import asyncio
import gc
import http.client
import json
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import openai
import psutil
import pytest
from aiohttp import web

from tyrian.errors import ConfigError
from tyrian.gateway.upstream import HttpUpstream

SAID: dict[str, Any] = {"model": "org/fake-model", "messages": [{"role": "user", "content": "hi"}]}
MB = 1 << 20


def ask(client: openai.OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(**{**SAID, **options})


def in_time(is_so: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


# 23: clients that come and go


def test_line_23_five_hundred_streams_cut_off_leave_nothing_behind(kit: Any) -> None:
    open_now: set[object] = set()

    async def slow(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        open_now.add(request)
        try:
            out: web.StreamResponse = await kit.begin(request)
            while True:
                await out.write(kit.chunk({"content": "word "}))
                await asyncio.sleep(0.2)
        finally:
            open_now.discard(request)

    kit.upstream.answer = slow
    port = kit.start(kit.word_firewall())
    process = psutil.Process()
    body = json.dumps({**SAID, "stream": True}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {kit.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()

    def in_flight() -> float:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        line = next(x for x in text.splitlines() if x.startswith("tyrian_requests_in_flight "))
        return float(line.split()[1])

    def tasks() -> int:
        # By type alone: asking strange objects for their class may run code of theirs.
        found = (one for one in gc.get_objects() if issubclass(type(one), asyncio.Task))
        return sum(not one.done() for one in found)

    def storm(count: int) -> None:
        crowd = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
            connection.sendall(head + body)
            crowd.append(connection)
        for number, connection in enumerate(crowd):
            if number % 3:
                connection.recv(64)
            linger = struct.pack("ii", 1, 0)  # close sends RST
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()

    storm(20)
    assert in_time(lambda: in_flight() <= 1 and not open_now, 10)
    descriptors, running = process.num_fds(), tasks()
    storm(500)
    assert in_time(lambda: in_flight() <= 1 and not open_now, 5)
    assert in_time(lambda: process.num_fds() <= descriptors, 5)
    assert in_time(lambda: tasks() <= running, 5)


# 30: what a client may not say of the model server


@pytest.mark.parametrize(
    "field",
    ["base_url", "api_base", "api_key", "extra_headers", "headers", "extra_body", "api_version",
     "custom_llm_provider", "timeout", "aws_secret_access_key", "vertex_project", "proxy"],
)  # fmt: skip
def test_line_30_a_client_cannot_say_where_or_how_its_request_goes(kit: Any, field: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(kit.client(), extra_body={field: "http://127.0.0.1:9/"})
    assert caught.value.code == "unsupported_parameter"
    assert kit.upstream.requests == []


# 31: addresses in requests


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x.png", "http://169.254.169.254/latest", "http://[::1]/", "http://[fd00::1]/",
     "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://0177.0.0.1/", "http://0/",
     "http://0x7f.1/", "https://rebind.example/a.png", "file:///etc/passwd", "gopher://a/",
     "ftp://a/b", "//127.0.0.1/x", "javascript:alert(1)", "data:text/html,<script>", "HTTP://a/"],
)  # fmt: skip
def test_line_31_no_image_is_fetched_from_anywhere(kit: Any, url: str) -> None:
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    with pytest.raises(openai.BadRequestError):
        ask(kit.client(), messages=[{"role": "user", "content": parts}])
    assert kit.upstream.requests == []


# 32: the gateway's own credential


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_line_32_the_credential_follows_no_redirect(
    kit: Any, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "sk-upstream-secret")
    thief = kit.server()

    async def redirect(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        to = f"http://127.0.0.1:{thief.port}/v1/chat/completions"
        return web.Response(status=status, headers={"location": to})

    kit.upstream.answer = redirect
    url = f"http://127.0.0.1:{kit.upstream.port}/v1"
    port = kit.start_stack(
        "agent: {preflight_guards: [{name: hidden_text}]}\n"
        f'models: {{"org/fake-model": {{base_url: "{url}", api_key_env: UPSTREAM_KEY}}}}\n'
    )
    for is_stream in (False, True):
        with pytest.raises(openai.InternalServerError) as caught:
            ask(kit.client_of(port), stream=is_stream)
        assert caught.value.status_code == 502
        assert "sk-upstream" not in str(caught.value)
    assert kit.upstream.headers[0]["authorization"] == "Bearer sk-upstream-secret"
    assert thief.requests == []


def test_line_32_an_address_cannot_carry_a_credential() -> None:
    with pytest.raises(ConfigError):
        HttpUpstream("ftp://models.example/v1")


# 33: hostile model servers


def raw_server(
    kit: Any,
    *pieces: bytes,
    status: int = 200,
    endless: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> list[int]:
    """Answers with these bytes; then with the endless ones until nobody listens."""
    sent: list[int] = []

    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        kind = "text/event-stream" if body.get("stream") else "application/json"
        out = web.StreamResponse(status=status, headers={"content-type": kind, **(headers or {})})
        await out.prepare(request)
        for piece in pieces:
            await out.write(piece)
        while endless:
            await out.write(endless)
            sent.append(len(endless))
        await out.write_eof()
        return out

    kit.upstream.answer = answer
    return sent


FIREWALLS = ["guarded", "bare"]


def client_of(kit: Any, how: str) -> openai.OpenAI:
    made: openai.OpenAI = kit.client(kit.word_firewall() if how == "guarded" else None)
    return made


@pytest.mark.parametrize("how", FIREWALLS)
@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("start", [b"", b"data: ", b'{"choices": "', b": ", b"\n\n"])
def test_line_33_an_endless_answer_ends_within_bounds(
    kit: Any, how: str, is_stream: bool, start: bytes
) -> None:
    sent = raw_server(kit, start, endless=b"x" * MB)
    before = psutil.Process().memory_info().rss
    with pytest.raises(openai.APIError):
        list(ask(client_of(kit, how), stream=True)) if is_stream else ask(client_of(kit, how))
    assert kit.upstream.cancelled.wait(5)
    assert sum(sent) < 64 * MB
    assert psutil.Process().memory_info().rss - before < 200 * MB


@pytest.mark.parametrize("how", FIREWALLS)
def test_line_33_endless_events_end_within_bounds(kit: Any, how: str) -> None:
    sent = raw_server(kit, endless=kit.chunk({"content": "word " * 20_000}))
    with pytest.raises(openai.APIError):
        for _ in ask(client_of(kit, how), stream=True):
            pass
    assert kit.upstream.cancelled.wait(5)
    assert sum(sent) < 128 * MB


@pytest.mark.parametrize("how", FIREWALLS)
@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe\xfa",
        b'{"choices":[{"index":0,"message":{"content":"\xff\xfe"}}]}',
        b'{"choices":[{"index":0,"message":{"content":"\\ud800"}}]}',
        b"[" * 100_000,
        b'{"choices":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"choices":[' + b",".join(b"[]" for _ in range(100_000)) + b"]}",
        b'{"choices":[{"index":99999999999,"delta":{"content":"x"}}]}',
        b'{"choices":[{"index":-1,"delta":{"content":"x"}}]}',
        b"null",
        b"",
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_line_33_what_cannot_be_read_is_an_error_in_the_envelope(
    kit: Any, how: str, is_stream: bool, raw: bytes
) -> None:
    if is_stream:
        raw = b"data: " + raw.replace(b'"message"', b'"delta"') + b"\n\ndata: [DONE]\n\n"
    raw_server(kit, raw)
    with pytest.raises(openai.APIError) as caught:
        list(ask(client_of(kit, how), stream=True)) if is_stream else ask(client_of(kit, how))
    assert caught.value.code == "upstream_error"


@pytest.mark.parametrize("how", FIREWALLS)
def test_line_33_a_forged_end_ends_the_answer_and_nothing_comes_behind_it(
    kit: Any, how: str
) -> None:
    text = 'data: [DONE]\n\ndata: {"forged": true}\n\n'
    kit.upstream.say(f"so far {text} and on")
    said = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in ask(client_of(kit, how), stream=True)
        if chunk.choices
    )
    assert said == f"so far {text} and on"
    late = kit.chunk({"content": "ATTACK after the end"})
    raw_server(kit, kit.chunk({"role": "assistant", "content": "fine"}), kit.chunk({}, "stop"),
               b"data: [DONE]\n\n", late, b"data: [DONE]\n\n")  # fmt: skip
    pieces = [c.choices[0].delta.content or "" for c in ask(client_of(kit, how), stream=True)]
    assert "".join(pieces) == "fine"


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": -5, "total_tokens": -10},
        {"prompt_tokens": 10**30, "completion_tokens": 1, "total_tokens": 1},
        {"prompt_tokens": "many", "completion_tokens": [], "total_tokens": {}},
        {"prompt_tokens": 1.5, "completion_tokens": True, "total_tokens": None},
        {"<script>": "x\r\nSet-Cookie: a=b"},
        "free",
        [1, 2],
        None,
    ],
    ids=repr,
)
@pytest.mark.parametrize("how", FIREWALLS)
def test_line_33_forged_usage_is_never_less_than_nothing(kit: Any, how: str, usage: Any) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "fine"},
              "finish_reason": "stop"}  # fmt: skip
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    raw_server(kit, json.dumps({**head, "choices": [choice], "usage": usage}).encode())
    found = ask(client_of(kit, how)).usage
    told = found.model_dump() if found is not None else {}
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        value = told.get(name) or 0
        assert isinstance(value, int)
        assert not isinstance(value, bool)
        assert 0 <= value < 2**53
    assert "<script>" not in told


HOSTILE = {
    "set-cookie": "session=stolen",
    "x-request-id": "forged",
    "location": "http://evil.example/",
    "access-control-allow-origin": "*",
    "content-security-policy": "default-src *",
    "x-tyrian-effect": "allow",
    "x-tyrian-model": "other",
    "www-authenticate": "Basic",
    "strict-transport-security": "max-age=0",
    "content-disposition": "attachment; filename=x.exe",
    "refresh": "0; url=http://evil.example/",
    "link": "<http://evil.example/>; rel=preload",
    "server": "hostile",
    "x-ratelimit-remaining-requests": "0",
}


@pytest.mark.parametrize("status", [200, 400, 429, 503])
@pytest.mark.parametrize("is_stream", [False, True])
def test_line_33_no_header_of_a_model_server_goes_on(
    kit: Any, status: int, is_stream: bool
) -> None:
    good = kit.chunk({"content": "x"}) + kit.chunk({}, "stop") + b"data: [DONE]\n\n"
    whole = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"x"}}]}'
    raw_server(kit, good if is_stream else whole, status=status, headers=HOSTILE)
    connection = http.client.HTTPConnection("127.0.0.1", kit.start(), timeout=20)
    headers = {"authorization": f"Bearer {kit.key}", "content-type": "application/json"}
    body = json.dumps({**SAID, "stream": is_stream})
    connection.request("POST", "/v1/chat/completions", body, headers)
    response = connection.getresponse()
    response.read()
    seen = {name.lower(): value for name, value in response.getheaders()}
    connection.close()
    assert response.status == status
    for name, value in HOSTILE.items():
        assert seen.get(name) != value, name
    assert seen["x-request-id"].startswith("req_")
    assert "set-cookie" not in seen


def test_line_33_an_error_page_of_a_model_server_is_not_shown(kit: Any) -> None:
    page = b"<html><script>alert(1)</script> secret internals at 10.0.0.7"
    raw_server(kit, page, status=500)
    with pytest.raises(openai.InternalServerError) as caught:
        ask(kit.client())
    assert "10.0.0.7" not in caught.value.response.text
    assert "<script>" not in caught.value.response.text
