"""The proxy over standard streams: starts the server, and speaks with the client."""

import asyncio
import os
import stat
import sys
from collections.abc import Sequence
from typing import IO

from tyrian.adapters.mcp.frame import UNREADABLE, BadFrameError, Frame, error
from tyrian.adapters.mcp.lane import Lane
from tyrian.adapters.mcp.process import GRACE_S, MAX_BYTES, Server, next_frame
from tyrian.adapters.mcp.wire import Wire
from tyrian.errors import ConfigError, UpstreamError


class _Client:
    """The client at the other end of our own standard streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._sending = asyncio.Lock()

    @classmethod
    async def connect(cls, source: IO[bytes], sink: IO[bytes], max_bytes: int) -> "_Client":
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=max_bytes)
        try:
            for stream in (source, sink):
                _check_pipe(stream)
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
            transport, protocol = await loop.connect_write_pipe(
                asyncio.streams.FlowControlMixin, sink
            )
        except ValueError:
            raise ConfigError(
                "standard input and output are no pipes",
                hint="an MCP client starts this command and speaks with it; see docs/howto/mcp.md",
            ) from None
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def send(self, frame: Frame) -> None:
        """Write one message; ConnectionError where the client is gone."""
        async with self._sending:
            self._writer.write(frame.encode() + b"\n")
            await self._writer.drain()

    async def receive(self) -> Frame | None:
        """The next message; None at the end."""
        return await next_frame(self._reader, "the client")


def _check_pipe(stream: IO[bytes]) -> None:
    """ValueError for a device that nobody can wait for; asyncio finds the other streams itself."""
    if stat.S_ISCHR(os.fstat(stream.fileno()).st_mode) and not stream.isatty():
        raise ValueError(stream.name)


async def serve_stdio(
    wire: Wire,
    command: Sequence[str],
    *,
    max_bytes: int = MAX_BYTES,
    source: IO[bytes] | None = None,
    sink: IO[bytes] | None = None,
) -> None:
    """Pass messages on until the client ends; UpstreamError or BadFrameError where one breaks off.

    Whatever happens, the server is ended, and the client gets an answer to all that it asked.
    """
    client = await _Client.connect(source or sys.stdin.buffer, sink or sys.stdout.buffer, max_bytes)
    server = await Server.start(command, max_bytes=max_bytes)
    up = Lane(wire.from_client, server.send, client.send)
    down = Lane(wire.from_server, client.send, server.send)
    pumps = (
        asyncio.create_task(_pump(client, up)),
        asyncio.create_task(_pump(server, down)),
    )
    reason = "the proxy has ended"
    try:
        ends = (*pumps, up.fault, down.fault)
        ended, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ended:
            end.result()
        if pumps[1] in ended:
            code = await server.stop()
            raise UpstreamError(
                f"the server ended with exit code {code}", hint="its own messages stand above"
            )
        server.hang_up()
        await asyncio.wait(pumps, timeout=GRACE_S)
    except ConnectionError:
        return  # the client is gone, and with it whoever could be told
    except (UpstreamError, BadFrameError) as fault:
        reason = fault.message
        if isinstance(fault, BadFrameError) and pumps[0].done():
            await _told(client, [error(None, UNREADABLE, f"[Tyrian: {reason}]")])
        raise
    finally:
        for pump in pumps:
            pump.cancel()
        up.cancel()
        down.cancel()
        await _told(client, wire.give_up(reason))
        await server.stop()


async def _pump(side: _Client | Server, lane: Lane) -> None:
    """Hand on all that one side sends, until it ends; a fault in one message ends the session."""
    while True:
        frame = await side.receive()
        if frame is None:
            return await lane.drain()
        await lane.take(frame)


async def _told(client: _Client, frames: list[Frame]) -> None:
    for frame in frames:
        try:
            await client.send(frame)
        except ConnectionError:
            return
