"""Gateways to attack. A test names the line of the security bar that it holds: `test_line_24_`."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.gateway.conftest import Kit

HOST = b"Host: localhost\r\n"


class Wire:
    """Speaks to a gateway byte by byte."""

    host = HOST

    @staticmethod
    def exchange(port: int, raw: bytes, *, limit_s: float = 20.0) -> bytes:
        """What comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as connection:
            answer = b""
            try:
                connection.sendall(raw)
                while piece := connection.recv(65_536):
                    answer += piece
            except ConnectionError:
                pass
            return answer

    @staticmethod
    def status(answer: bytes) -> int:
        """The status of the first answer in these bytes."""
        return int(answer.split(b" ", 2)[1])

    @staticmethod
    def error(answer: bytes) -> dict[str, Any]:
        """The envelope of the last answer in these bytes."""
        found: dict[str, Any] = json.loads(answer.rsplit(b"\r\n\r\n", 1)[1])["error"]
        return found

    @staticmethod
    def chat(key: str, body: bytes, *headers: bytes) -> bytes:
        """A whole request for a chat, and the connection's end."""
        head = [
            b"POST /v1/chat/completions HTTP/1.1",
            b"Host: localhost",
            b"Authorization: Bearer " + key.encode(),
            b"Content-Type: application/json",
            b"Content-Length: %d" % len(body),
            b"Connection: close",
            *headers,
        ]
        return b"\r\n".join([*head, b"", body])


@pytest.fixture
def wire() -> Wire:
    """Requests and answers as bytes."""
    return Wire()


@pytest.fixture
def kit() -> Iterator[Kit]:
    """Gateways, clients and model servers."""
    made = Kit()
    yield made
    made.close()
