"""Bytes from one socket to the other, both ways, counted."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

CHUNK = 1 << 18
IDLE_S = 600.0
"""Seconds without a byte either way after which a connection is ended."""

Count = Callable[[int], None]


async def pump(source: socket.socket, target: socket.socket, count: Count) -> None:
    """Until the source ends; then the target is told that nothing more comes."""
    loop = asyncio.get_running_loop()
    buffer = memoryview(bytearray(CHUNK))
    while received := await loop.sock_recv_into(source, buffer):
        await loop.sock_sendall(target, buffer[:received])
        count(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


async def relay(client: socket.socket, server: socket.socket, sent: Count, received: Count) -> None:
    """Both ways at once, until both have ended, one breaks off, or nothing moves for IDLE_S."""
    loop = asyncio.get_running_loop()
    last = loop.time()

    def counted(count: Count) -> Count:
        def note(size: int) -> None:
            nonlocal last
            last = loop.time()
            count(size)

        return note

    ways = [
        asyncio.create_task(pump(client, server, counted(sent))),
        asyncio.create_task(pump(server, client, counted(received))),
    ]
    try:
        pending = set(ways)
        while pending:
            left = last + IDLE_S - loop.time()
            if left <= 0:
                return
            done, pending = await asyncio.wait(
                pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            for way in done:
                way.result()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
