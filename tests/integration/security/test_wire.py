"""Lines 21 to 29: what reaches the gateway before any route does."""

import http.client
import json
import socket
import time
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from tests.integration.gateway.conftest import InMemoryKeys

import tyrian.gateway.protocol as protocol
from tyrian.gateway.protocol import MAX_HEADERS
from tyrian.gateway.settings import Limits

CHAT = b"POST /v1/chat/completions HTTP/1.1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
SAID: dict[str, Any] = {"model": "org/fake-model", "messages": [{"role": "user", "content": "hi"}]}


def healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status == 200


def is_closed(connection: socket.socket, within_s: float) -> bool:
    connection.settimeout(within_s)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


# 21: slow senders


def test_line_21_a_partial_head_is_closed(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert protocol.HEADER_DEADLINE_S <= 10
    monkeypatch.setattr(protocol, "HEADER_DEADLINE_S", 0.4)
    port = kit.start()
    for start in (b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: lo", HEALTH, HEALTH + b"\r\nGET /"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(start)
            # Bytes that trickle in win no time.
            for _ in range(3):
                time.sleep(0.1)
                connection.send(b"x") if start else None
            assert is_closed(connection, 5), start


@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/healthz", b"/no/such/path", b"/"])
def test_line_21_a_body_that_trickles_is_closed_whatever_it_is_for(
    kit: Any, monkeypatch: pytest.MonkeyPatch, path: bytes
) -> None:
    assert 2 * protocol.BODY_STEP_S <= 30
    monkeypatch.setattr(protocol, "BODY_STEP_S", 0.3)
    port = kit.start()
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n" % (
        path, kit.key.encode()
    )  # fmt: skip
    head += b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head + b"{")
        started = time.monotonic()
        while time.monotonic() - started < 5:
            time.sleep(0.05)
            try:
                connection.send(b" ")
            except ConnectionError:
                break
        assert is_closed(connection, 5)
        assert time.monotonic() - started < 5


def test_line_21_a_slow_but_steady_body_arrives(
    kit: Any, monkeypatch: pytest.MonkeyPatch, wire: Any
) -> None:
    monkeypatch.setattr(protocol, "BODY_STEP_S", 0.2)
    raw = wire.chat(kit.key, json.dumps({**SAID, "user": "x" * 4000}).encode())
    with socket.create_connection(("127.0.0.1", kit.start()), timeout=10) as connection:
        for at in range(0, len(raw), 500):
            connection.sendall(raw[at : at + 500])
            time.sleep(0.06)
        assert wire.status(connection.recv(65_536)) == 200


def test_line_21_a_thousand_slow_sockets_do_not_stop_the_others(kit: Any, wire: Any) -> None:
    port = kit.start()
    crowd = []
    try:
        for number in range(1000):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            body = b"\r\nContent-Length: 9999\r\n\r\n{" if number % 2 else b""
            connection.sendall(CHAT + wire.host.rstrip() + body)
            crowd.append(connection)
        for _ in range(3):
            assert healthy(port)
        assert kit.client_of(port).chat.completions.create(**SAID).choices
    finally:
        for connection in crowd:
            connection.close()


# 22: slow readers


def endless(kit: Any, *, written: list[int]) -> Any:
    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        out: web.StreamResponse = await kit.begin(request)
        piece = kit.chunk({"content": "word " * 10_000})
        while True:
            await out.write(piece)
            written.append(len(piece))

    return answer


def test_line_22_a_reader_that_takes_nothing_is_cut_and_the_upstream_released(kit: Any) -> None:
    written: list[int] = []
    kit.upstream.answer = endless(kit, written=written)
    port = kit.start(limits=Limits(write_s=0.5))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"authorization": f"Bearer {kit.key}", "content-type": "application/json"}
    connection.request(
        "POST", "/v1/chat/completions", json.dumps({**SAID, "stream": True}), headers
    )
    assert kit.upstream.cancelled.wait(15)
    # Buffers of the sockets on both ways aside, nothing is kept for a client that does not read.
    assert sum(written) < 32 << 20
    connection.close()
    assert healthy(port)


def test_line_22_a_whole_answer_that_nobody_takes_is_dropped(
    kit: Any, monkeypatch: pytest.MonkeyPatch, wire: Any
) -> None:
    monkeypatch.setattr(protocol, "STALL_S", 0.3)
    kit.upstream.say("word " * 4_000_000)
    port = kit.start()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(wire.chat(kit.key, json.dumps(SAID).encode()))
        assert kit.upstream.entered.wait(10)
        time.sleep(3)
        received, whole = 0, 20_000_000
        connection.settimeout(10)
        try:
            while piece := connection.recv(1 << 20):
                received += len(piece)
        except ConnectionError:
            pass
        assert received < whole


# 24 to 26: heads that could be read in two ways, or are too large


@pytest.mark.parametrize(
    "raw",
    [
        CHAT + b"Host: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        CHAT + b"Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        CHAT + b"Host: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        CHAT + b"Host: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        CHAT + b"Host: a\r\nContent-Length: 2, 2\r\n\r\n{}",
        CHAT + b"Host: a\r\nContent-Length: +2\r\n\r\n{}",
        CHAT + b"Host: a\r\nContent-Length: 0x2\r\n\r\n{}",
        CHAT + b"Host: a\r\nContent-Length: -1\r\n\r\n{}",
        CHAT + b"Host: a\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        CHAT + b"Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        CHAT + b"Host: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        CHAT + b"Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        CHAT + b"Host: a\r\n" + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
        CHAT + b"Host: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
        CHAT + b"Host: a\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        CHAT + b"Host: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.0\r\nHost: a\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
        CHAT + b"Host: a\r\nX-A: b\r\n folded\r\nContent-Length: 0\r\n\r\n",
        CHAT + b"Host: a\r\nX-A : b\r\n\r\n",
        CHAT + b"Host: a\r\n X-A: b\r\n\r\n",
        CHAT + b"Host: a\r\nX A: b\r\n\r\n",
        CHAT + b"Host: a\r\n: b\r\n\r\n",
        CHAT + b"Host: a\r\nX-A\r\n\r\n",
        CHAT + b"Host: a\r\nX-A: b\x00c\r\n\r\n",
        CHAT + b"Host: a\r\nX-A: b\rc\r\n\r\n",
        CHAT + b"Host: a\nX-A: b\n\n",
        CHAT + b"Host: a\r\nX-A: b\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\nHost: a\r\n\r\n",
        b"POST /v1/chat/completions HTTP/9.9\r\nHost: a\r\n\r\n",
        b"post /v1/chat/completions HTTP/1.1\r\nHost: a\r\n\r\n",
        b"NOTAMETHOD / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)  # fmt: skip
def test_line_24_what_two_parsers_could_read_differently_is_refused_and_closed(
    kit: Any, wire: Any, raw: bytes
) -> None:
    answer = wire.exchange(kit.start(), raw + HEALTH + b"\r\n")
    assert wire.status(answer) == 400
    assert b"connection: close" in answer
    assert wire.error(answer)["message"]
    assert answer.count(b"HTTP/1.1 ") == 1, "what stood behind it was read as a request"


def test_line_24_trailers_do_not_become_headers(kit: Any) -> None:
    body = json.dumps(SAID).encode()
    raw = CHAT + b"Host: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw += b"%x\r\n%b\r\n0\r\nAuthorization: Bearer %b\r\n\r\n" % (
        len(body), body, kit.key.encode()
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", kit.start()), timeout=10) as connection:
        connection.sendall(raw)
        assert b" 401 " in connection.recv(65_536).split(b"\r\n")[0]
    assert kit.upstream.requests == []


def test_line_24_a_bad_request_behind_a_running_answer_writes_nothing_into_it(kit: Any) -> None:
    written: list[int] = []
    kit.upstream.answer = endless(kit, written=written)
    body = json.dumps({**SAID, "stream": True}).encode()
    head = CHAT + b"Host: a\r\nContent-Type: application/json\r\nAuthorization: Bearer "
    raw = head + kit.key.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection(("127.0.0.1", kit.start()), timeout=10) as connection:
        connection.sendall(raw)
        seen = connection.recv(65_536)
        connection.sendall(b"GARBAGE\r\n\r\n")
        try:
            while piece := connection.recv(1 << 20):
                seen += piece
        except ConnectionError:
            pass
    assert seen.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 400" not in seen
    assert kit.upstream.cancelled.wait(5)


def test_line_24_a_flood_of_pipelined_requests_is_bounded(kit: Any, wire: Any) -> None:
    answer = wire.exchange(kit.start(), (HEALTH + b"\r\n") * 5000 + HEALTH + b"\r\n")
    assert answer.count(b"HTTP/1.1 200") < 5000


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
        b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://other.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://user:pw@localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_line_25_host_and_target_must_be_one_and_plain(kit: Any, wire: Any, raw: bytes) -> None:
    answer = wire.exchange(kit.start(), raw)
    assert wire.status(answer) == 400
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"gateway.example", 401), (b"GATEWAY.example.:8080", 401), (b"[::1]:8080", 401),
        (b"localhost", 400), (b"evil.example", 400), (b"gateway.example.evil.example", 400),
        (b"evil.example#gateway.example", 400), (b"", 400), (b"gateway.example@evil", 400),
    ],
)  # fmt: skip
def test_line_25_a_foreign_host_is_refused(kit: Any, wire: Any, host: bytes, status: int) -> None:
    port = kit.start(allowed_hosts=frozenset({"gateway.example", "::1"}))
    request = b"GET /v1/models HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % host
    answer = wire.exchange(port, request)
    assert wire.status(answer) == status
    if status == 400:
        assert wire.error(answer)["code"] == "unknown_host"


@pytest.mark.parametrize(
    "lines",
    [
        b"X-A: " + b"a" * 1_000_000 + b"\r\n",
        b"X-A: " + b"a" * 40_000 + b"\r\n",
        b"".join(b"X-%d: b\r\n" % i for i in range(1000)),
        b"X-A: b\r\n" * (MAX_HEADERS + 1),
        b"Cookie: " + b"a=b; " * 20_000 + b"\r\n",
    ],
)
def test_line_26_heads_that_are_too_large_are_a_431_that_arrives(
    kit: Any, wire: Any, lines: bytes
) -> None:
    answer = wire.exchange(kit.start(), HEALTH + lines + b"\r\n")
    assert wire.status(answer) == 431
    assert wire.error(answer)["code"] == "headers_too_large"


def test_line_26_a_target_that_is_too_long_is_refused(kit: Any, wire: Any) -> None:
    answer = wire.exchange(kit.start(), b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n")
    assert wire.status(answer) == 431


# 27 to 29: headers and paths that promise more than they may

FORGED = [
    b"X-Forwarded-For: 203.0.113.9",
    b"X-Real-IP: 203.0.113.9",
    b"Forwarded: for=203.0.113.9",
    b"CF-Connecting-IP: 203.0.113.9",
    b"True-Client-IP: 203.0.113.9",
]


class KeysOfOnePlace:
    """A key that is good from one network alone."""

    def __init__(self, kit: Any, network: str) -> None:
        self._kit, self._network = kit, network

    async def verify(self, token: str) -> Any:
        record = await InMemoryKeys().verify(token)
        return replace(record, networks=(self._network,)) if record else None


@pytest.mark.parametrize("header", FORGED)
def test_line_27_what_a_client_says_of_its_address_is_not_believed(
    kit: Any, wire: Any, header: bytes
) -> None:
    port = kit.start(keys=KeysOfOnePlace(kit, "203.0.113.0/24"))
    answer = wire.exchange(port, wire.chat(kit.key, json.dumps(SAID).encode(), header))
    assert wire.status(answer) in (401, 403)
    assert kit.upstream.requests == []


@pytest.mark.parametrize(
    ("forwarded", "is_let_in"),
    [
        (b"203.0.113.9", True),
        (b"198.51.100.1, 203.0.113.9", True),
        (b"203.0.113.9, 10.1.2.3", True),
        (b"203.0.113.9, 198.51.100.1", False),
        (b"203.0.113.9, nonsense", False),
        (b"203.0.113.9, ", True),
        (b"", False),
        (b"::ffff:203.0.113.9", True),
    ],
)
def test_line_27_a_trusted_proxy_is_believed_for_its_own_hop(
    kit: Any, wire: Any, forwarded: bytes, is_let_in: bool
) -> None:
    port = kit.start(
        keys=KeysOfOnePlace(kit, "203.0.113.0/24"), trusted_proxies=("127.0.0.1", "10.0.0.0/8")
    )
    header = b"X-Forwarded-For: " + forwarded
    answer = wire.exchange(port, wire.chat(kit.key, json.dumps(SAID).encode(), header))
    assert (wire.status(answer) == 200) is is_let_in


@pytest.mark.parametrize("field", ["model", "user", "metadata", "tool", "stop"])
def test_line_28_line_breaks_in_fields_reach_no_response_header(
    kit: Any, wire: Any, field: str
) -> None:
    bad = "x\r\nSet-Cookie: a=b\r\n\r\n<script>"
    body = dict(SAID)
    if field == "model":
        body["model"] = bad
    elif field == "metadata":
        body["metadata"] = {bad: bad}
    elif field == "tool":
        body["tools"] = [{"type": "function", "function": {"name": bad, "parameters": {}}}]
    else:
        body[field] = bad
    answer = wire.exchange(kit.start(), wire.chat(kit.key, json.dumps(body).encode()))
    head = answer.split(b"\r\n\r\n", 1)[0].lower()
    assert b"set-cookie" not in head
    assert answer.count(b"HTTP/1.1 ") == 1


def test_line_28_nor_do_those_of_the_query_or_a_models_path(kit: Any, wire: Any) -> None:
    port = kit.start()
    for path in (b"/v1/models/x%0d%0aSet-Cookie:%20a=b", b"/x%0d%0aSet-Cookie:a=b?q=%0d%0aB:c"):
        raw = b"GET %b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n" % (
            path, kit.key.encode()
        )  # fmt: skip
        answer = wire.exchange(port, raw + b"Connection: close\r\n\r\n")
        assert b"set-cookie" not in answer.split(b"\r\n\r\n", 1)[0].lower()
        assert wire.status(answer) == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/..;/models"), ("GET", "/v1/..;/v1/models"), ("GET", "//v1/models"),
        ("GET", "/v1/%2e%2e/v1/models"), ("GET", "/v1/models/%2e%2e/models"),
        ("GET", "/./v1/models"),
        ("GET", "/V1/models"), ("GET", "/v1/models/"), ("GET", "/v1/models%00"),
        ("GET", "/healthz/../v1/models"), ("GET", "/healthz/%2e%2e/v1/models"),
        ("GET", "/v1/models?x=/healthz"), ("GET", "/v1/models;/healthz"), ("GET", "/v1%2fmodels"),
        ("POST", "/v1/chat/completions/"), ("POST", "/v1//chat/completions"),
        ("POST", "/v1/chat/completions%2f"), ("POST", "/static/../v1/chat/completions"),
        ("TRACE", "/v1/models"), ("TRACE", "/"), ("OPTIONS", "/v1/models"), ("PUT", "/v1/models"),
        ("HEAD", "/v1/models"), ("DELETE", "/v1/models/org/fake-model"), ("PROPFIND", "/v1/models"),
    ],
)  # fmt: skip
def test_line_29_no_spelling_of_a_path_or_method_skips_the_key(
    kit: Any, method: str, path: str
) -> None:
    port = kit.start()
    for override in ({}, {"x-http-method-override": "GET", "x-method-override": "GET",
                          "x-original-url": "/healthz", "x-rewrite-url": "/healthz"}):  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        body = json.dumps(SAID) if method == "POST" else None
        headers = {"content-type": "application/json", "x-probe": "leak-me", **override}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        said = response.read()
        assert response.status in (400, 401, 404, 405), (method, path, response.status)
        assert b"fake-model" not in said
        assert b"leak-me" not in said, "TRACE gives headers back"
        connection.close()
    assert kit.upstream.requests == []
