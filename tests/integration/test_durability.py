"""`kill -9` in the middle of traffic loses nothing that was acknowledged."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

CLIENTS = 8
ROUNDS = 2
TRAFFIC_S = 2.5

_TOKEN = re.compile(r"\btyr_[a-z]+_[0-9A-Za-z]{49}\b")
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3})")
_REQUEST_ID = re.compile(rb"\r\nx-request-id: ([^\r]+)\r\n", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


async def _chat(port: int, token: str, number: int) -> tuple[int, str]:
    """Status and request id of one chat whose answer arrived whole."""
    content = f"How do the boats find the harbour at night? Question {number}."
    body = json.dumps({"model": "slow", "messages": [{"role": "user", "content": content}]})
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
            f"authorization: Bearer {token}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length, status, request_id = (
            pattern.search(head) for pattern in (_LENGTH, _STATUS, _REQUEST_ID)
        )
        assert length, head
        assert status, head
        assert request_id, head
        await reader.readexactly(int(length[1]))
        return int(status[1]), request_id[1].decode()
    finally:
        writer.close()


class Traffic:
    """Clients that note the id of every request that was answered, until the server is gone."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway
        self.answered: list[str] = []
        self.other: list[int] = []

    async def client(self, seat: int) -> None:
        """One chat after another; every text is a new one."""
        number = seat
        while True:
            number += CLIENTS
            try:
                status, request_id = await _chat(self._gateway.port, self._gateway.token, number)
            except (ConnectionError, asyncio.IncompleteReadError):
                return
            if status == 200:
                self.answered.append(request_id)
            else:
                self.other.append(status)


class KeyMaker:
    """Makes one key after another until it is told to stop."""

    def __init__(self, gateway: Any, tokens: list[str]) -> None:
        self._gateway = gateway
        self._tokens = tokens
        self.is_done = False
        self.has_made_one = asyncio.Event()

    async def run(self) -> None:
        """Note every value that the command line acknowledges."""
        while not self.is_done:
            name = f"key-{len(self._tokens)}"
            said = await asyncio.to_thread(self._gateway.keys, "create", name)
            found = _TOKEN.search(said)
            assert found, "the command acknowledges a key without showing it"
            self._tokens.append(found.group())
            self.has_made_one.set()


async def _until_killed(gateway: Any, tokens: list[str]) -> Traffic:
    traffic, maker = Traffic(gateway), KeyMaker(gateway, tokens)
    async with asyncio.TaskGroup() as group:
        group.create_task(maker.run())
        for seat in range(CLIENTS):
            group.create_task(traffic.client(seat))
        await asyncio.sleep(TRAFFIC_S)
        await maker.has_made_one.wait()
        maker.is_done = True
        await asyncio.to_thread(gateway.kill)
    return traffic


@pytest.mark.soak
async def test_killed_in_traffic_it_keeps_every_key_and_every_audit_record(
    slow_model: Any, start_gateway: Callable[[int], Any]
) -> None:
    gateway = await asyncio.to_thread(start_gateway, slow_model.port)
    tokens = [gateway.token]
    answered: list[str] = []
    for _ in range(ROUNDS):
        traffic = await _until_killed(gateway, tokens)
        assert traffic.other == []
        assert len(traffic.answered) > CLIENTS
        answered += traffic.answered
        await asyncio.to_thread(gateway.start)

    raw = gateway.audit.read_bytes()
    assert raw.endswith(b"\n"), "the last audit record is torn"
    records = [json.loads(line) for line in raw.splitlines()]
    assert set(answered) <= {record["trace"] for record in records}
    assert len(tokens) > ROUNDS
    for number, token in enumerate(tokens):
        status, _ = await _chat(gateway.port, token, number)
        assert status == 200, "a key that was acknowledged is gone"
