"""Requests that are not quite HTTP, byte by byte."""

import json
import socket
from typing import Any

import pytest

import tyrian.gateway.protocol as protocol
from tyrian.gateway.protocol import MAX_HEADERS


def exchange(port: int, raw: bytes) -> bytes:
    """What comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(raw)
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except ConnectionError:
            pass
        return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


HOST = b"Host: localhost\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n" + HOST, 400),
        (b"Content-Length: 2\r\nContent-Length: 2\r\n" + HOST, 400),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n" + HOST, 400),
        (b"Transfer-Encoding: xchunked\r\n" + HOST, 400),
        (b"Transfer-Encoding: gzip, chunked\r\n" + HOST, 400),
        (HOST + HOST, 400),
        (b"", 400),
        (HOST + b"X-A: b\r\n folded\r\n", 400),
        (HOST + b"X-A : b\r\n", 400),
        (HOST + b"X-A: b\x00c\r\n", 400),
        (HOST + b"X-A: " + b"a" * 40_000 + b"\r\n", 431),
        (HOST + b"X-A: " + b"a" * 1_000_000 + b"\r\n", 431),
        (HOST + b"X-A: b\r\n" * (MAX_HEADERS + 1), 431),
    ],
)
def test_a_head_that_could_be_read_in_two_ways_is_refused(
    kit: Any, head: bytes, status: int
) -> None:
    answer = exchange(kit.start(), b"POST /v1/chat/completions HTTP/1.1\r\n" + head + b"\r\n{}")
    assert not answer or status_of(answer) == status
    if answer:
        body = answer.split(b"\r\n\r\n", 1)[1]
        assert json.loads(body)["error"]["message"]


def test_a_head_that_never_ends_is_refused(kit: Any) -> None:
    answer = exchange(kit.start(), b"GET /" + b"a" * 100_000)
    assert not answer or status_of(answer) == 431


def test_a_target_that_is_not_a_path_is_refused(kit: Any) -> None:
    raw = b"GET http://other.example/healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    assert status_of(exchange(kit.start(), raw)) == 400


def test_what_is_not_http_is_refused_in_the_envelope(kit: Any) -> None:
    answer = exchange(kit.start(), b"\x16\x03\x01\x02\x00\r\n\r\n")
    assert status_of(answer) == 400
    assert b'{"error":' in answer


def test_a_head_that_trickles_is_cut_off(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_DEADLINE_S", 0.3)
    port = kit.start()
    assert status_of(exchange(port, b"GET /healthz HTT")) == 408
    ok = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    assert exchange(port, ok + b"GET /he").count(b"HTTP/1.1 ") == 2


def test_requests_one_after_another_share_a_connection(kit: Any) -> None:
    one = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    last = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    answer = exchange(kit.start(), one * 3 + last)
    assert answer.count(b"HTTP/1.1 200") == 4
