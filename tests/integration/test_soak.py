"""Two hundred streams at once, clients leaving at random: everything returns to its start."""

import asyncio
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from tyrian.firewall.run import BOUNDED_LANE_WIDTH

STREAMS = 200
SOAK_S = float(os.environ.get("TYRIAN_SOAK_S", "8"))
"""Set TYRIAN_SOAK_S=60 for the whole minute."""

MEAN_STAYS_S = (0.8, 1.6, 3.2, 6.4)
"""On a slow machine clients leave before their stream begins: a storm more, of patient ones."""

SETTLE_S = 20.0
STORE_CONNECTIONS = 5
"""What SQLAlchemy's pool keeps open."""
MEMORY_MARGIN = 40 << 20
"""Bytes: what an allocator may keep after a storm; a leak of streams is far more."""

_CONTENT = re.compile(rb"stream <(\d+)>")

pytestmark = pytest.mark.soak


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    memory: int
    sockets: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, gateway: Any) -> "Footprint":
        process = gateway.process
        return cls(
            process.memory_info().rss,
            len(process.net_connections(kind="all")),
            process.num_fds(),
            process.num_threads(),
        )


@dataclass
class Storm:
    """Clients that come, listen for a while, and leave in one of four ways."""

    port: int
    token: str
    dice: random.Random
    mean_stay_s: float = MEAN_STAYS_S[0]
    asked: int = 0
    finished: int = 0
    strangers: int = 0
    refused: list[bytes] = field(default_factory=list)

    async def client(self, until: float) -> None:
        """One client after another in the same seat."""
        while time.monotonic() < until:
            stay_s = self.dice.expovariate(1 / self.mean_stay_s)
            await self._visit(min(stay_s, until - time.monotonic() + 0.2))

    async def _visit(self, stay_s: float) -> None:
        self.asked += 1
        number = self.asked
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(_request(self.port, self.token, number))
        try:
            async with asyncio.timeout(max(stay_s, 0.0)):
                if self.dice.random() < 0.05:
                    await asyncio.sleep(stay_s / 2)
                    return  # leaves without reading a byte
                await self._listen(reader, number)
                self.finished += 1
        except (TimeoutError, ConnectionError):
            pass
        finally:
            await _leave(writer, is_rude=self.dice.random() < 0.5)

    async def _listen(self, reader: asyncio.StreamReader, number: int) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            self.refused.append(head)
            return
        while chunk := await reader.read(65536):
            self.strangers += any(int(n) != number for n in _CONTENT.findall(chunk))
            if b"[DONE]" in chunk:
                return


def _request(port: int, token: str, number: int) -> bytes:
    prompt = f"Tell me about the boats in the harbour, please. My number is {number}"
    asked = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    body = json.dumps(asked).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"authorization: Bearer {token}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _leave(writer: asyncio.StreamWriter, *, is_rude: bool) -> None:
    if is_rude:
        writer.transport.abort()
        return
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def _in_flight(gateway: Any) -> float:
    found = re.search(r"^tyrian_requests_in_flight (\S+)$", gateway.get("/metrics"), re.MULTILINE)
    assert found, "no gauge of requests in flight"
    return float(found[1])


@contextmanager
def _within(limit_s: float) -> Iterator[Callable[[], bool]]:
    deadline = time.monotonic() + limit_s
    yield lambda: time.monotonic() < deadline


async def _quiet(gateway: Any, slow_model: Any, sockets: int | None = None) -> Footprint:
    """The footprint once no request is left, waiting for it as long as may be."""
    with _within(SETTLE_S) as is_time_left:
        while is_time_left():
            now = await asyncio.to_thread(Footprint.of, gateway)
            # The scrape itself is a request in flight.
            is_idle = await asyncio.to_thread(_in_flight, gateway) <= 1 and not slow_model.open_now
            if is_idle and (sockets is None or now.sockets <= sockets):
                break
            await asyncio.sleep(0.2)
    await asyncio.sleep(0.5)
    return await asyncio.to_thread(Footprint.of, gateway)


async def _storm(storm: Storm, seconds: float) -> None:
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as seats:
        for _ in range(STREAMS):
            seats.create_task(storm.client(until))


async def test_two_hundred_streams_leave_nothing_behind(
    slow_model: Any, start_gateway: Callable[[int], Any]
) -> None:
    gateway = await asyncio.to_thread(start_gateway, slow_model.port)
    storm = Storm(gateway.port, gateway.token, random.Random(20))
    await _storm(storm, 2.0)  # threads, pools and arenas exist after this
    start = await _quiet(gateway, slow_model)

    for storm.mean_stay_s in MEAN_STAYS_S:
        await _storm(storm, SOAK_S)
        end = await _quiet(gateway, slow_model, start.sockets)
        if slow_model.served > STREAMS:
            break

    assert storm.refused == []
    assert storm.strangers == 0, "a client saw a line of another one's stream"
    assert slow_model.served > STREAMS
    assert slow_model.open_now == 0, "a stream to the model outlived its client"
    assert await asyncio.to_thread(_in_flight, gateway) <= 1
    assert end.sockets <= start.sockets
    # Pools grow when they first need to, to a bound: a connection to the store is a thread and up
    # to three files, the lane for long texts has threads of its own.
    assert end.descriptors <= start.descriptors + 3 * STORE_CONNECTIONS
    assert end.threads <= start.threads + STORE_CONNECTIONS + BOUNDED_LANE_WIDTH
    assert end.memory <= start.memory + MEMORY_MARGIN
    assert await asyncio.to_thread(gateway.get, "/readyz")
