"""The first program of a host of the range: it starts services and carries what goes in and out.

    python3 -I -S node.py

A host has no network but its own loopback. What it may reach stands at addresses of that loopback,
and each connection to one goes as frames through standard output to the switch outside, which
decides. Standard input brings the plan, connections from other hosts, and commands of people who
are logged in. It imports the standard library alone, since nothing else is there.
"""

import asyncio
import json
import os
import signal
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

READY, OPEN, DATA, END, CLOSE, ERROR, EXIT, NOTE, KILL = range(9)
"""Kinds of frames. OPEN holds JSON, EXIT a code in decimal, NOTE a line of a service's log."""
HEAD = struct.Struct(">BII")
"""Kind, number of the stream, length of what follows."""
LARGEST = 1 << 20
_CHUNK = 1 << 16
_DRAIN_S = 0.2
"""Seconds that are waited for output which a command's children may still hold open."""


def frame(kind: int, stream: int = 0, data: bytes = b"") -> bytes:
    """One frame, as it goes over the wire."""
    return HEAD.pack(kind, stream, len(data)) + data


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, int, bytes] | None:
    """The next frame; None at the end. ValueError for what is no frame."""
    try:
        kind, stream, length = HEAD.unpack(await reader.readexactly(HEAD.size))
        if length > LARGEST:
            raise ValueError(f"a frame of {length} bytes")
        return kind, stream, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


class Node:
    """One host as it is seen from inside."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[bytes], None]) -> None:
        self._reader = reader
        self._write = write
        self._streams: dict[int, Callable[[int, bytes], None]] = {}
        self._next = 1
        self._tasks: set[asyncio.Task[None]] = set()
        self._env: dict[str, str] = {}
        self._home = "/"
        self._servers: list[asyncio.Server] = []

    async def run(self) -> None:
        """Serve until standard input ends."""
        first = await read_frame(self._reader)
        if first is None:
            return
        plan: dict[str, Any] = json.loads(first[2])
        self._env, self._home = plan["env"], plan["home"]
        for address, port, host in plan["reaches"]:
            server = await asyncio.start_server(self._going_to(host, port), address, port)
            self._servers.append(server)
        for argv in plan["services"]:
            self._spawn(self._service(argv))
        for port in plan["serves"]:
            await _listening(port)
        self._write(frame(READY))
        while (got := await read_frame(self._reader)) is not None:
            self._take(*got)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self, kind: int, stream: int, data: bytes) -> None:
        if kind == OPEN:
            wish = json.loads(data)
            early: list[tuple[int, bytes]] = []
            self._streams[stream] = lambda kind, data: early.append((kind, data))
            if "port" in wish:
                self._spawn(self._connect(stream, wish["port"], early))
            else:
                self._spawn(self._execute(stream, wish["command"], early))
        elif handler := self._streams.get(stream):
            handler(kind, data)

    async def _service(self, argv: list[str]) -> None:
        """A service of this host; its lines are the host's log."""
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, env=self._env
        )
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self._write(frame(NOTE, 0, line[: LARGEST - 1]))

    # Connections.

    def _going_to(
        self, host: str, port: int
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream, self._next = self._next, self._next + 2
            self._write(frame(OPEN, stream, json.dumps({"host": host, "port": port}).encode()))
            await self._carry(stream, reader, writer, [])

        return connected

    async def _connect(self, stream: int, port: int, early: list[tuple[int, bytes]]) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            del self._streams[stream]
            self._write(frame(CLOSE, stream))
            return
        await self._carry(stream, reader, writer, early)

    async def _carry(
        self,
        stream: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        early: list[tuple[int, bytes]],
    ) -> None:
        """Both directions of a connection, until both have ended or one was cut.

        `early` is what came before the connection was there.
        """
        is_over = asyncio.Event()

        def take(kind: int, data: bytes) -> None:
            if kind == DATA:
                writer.write(data)
            elif kind == END and writer.can_write_eof():
                with suppress(OSError):
                    writer.write_eof()
            if kind in (END, CLOSE):
                is_over.set()
            if kind == CLOSE:
                writer.transport.abort()

        self._take_over(stream, take, early)
        try:
            while data := await reader.read(_CHUNK):
                self._write(frame(DATA, stream, data))
            self._write(frame(END, stream))
            await is_over.wait()
            await writer.drain()
        except OSError:
            self._write(frame(CLOSE, stream))
        finally:
            self._streams.pop(stream, None)
            writer.close()

    def _take_over(
        self, stream: int, take: Callable[[int, bytes], None], early: list[tuple[int, bytes]]
    ) -> None:
        for kind, data in early:
            take(kind, data)
        self._streams[stream] = take

    # Commands.

    async def _execute(self, stream: int, command: str, early: list[tuple[int, bytes]]) -> None:
        """A command of somebody who is logged in; without one, a shell that reads its input."""
        argv = ["/bin/bash", "-c", command] if command else ["/bin/bash", "-s"]
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._env,
                cwd=self._home,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            del self._streams[stream]
            self._write(frame(ERROR, stream, f"{error}\n".encode()))
            self._write(frame(EXIT, stream, b"126"))
            return
        stdin = process.stdin
        assert stdin is not None

        def take(kind: int, data: bytes) -> None:
            if kind == DATA and not stdin.is_closing():
                stdin.write(data)
            elif kind == END:
                stdin.close()
            elif kind in (KILL, CLOSE):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

        self._take_over(stream, take, early)
        pumps = [
            asyncio.ensure_future(self._pump(stream, DATA, process.stdout)),
            asyncio.ensure_future(self._pump(stream, ERROR, process.stderr)),
        ]
        code = await process.wait()
        _, late = await asyncio.wait(pumps, timeout=_DRAIN_S)
        for pump in late:  # a child in the background holds the output open
            pump.cancel()
        self._streams.pop(stream, None)
        stdin.close()
        self._write(frame(EXIT, stream, str(code if code >= 0 else 128 - code).encode()))

    async def _pump(self, stream: int, kind: int, source: asyncio.StreamReader | None) -> None:
        assert source is not None
        while data := await source.read(_CHUNK):
            self._write(frame(kind, stream, data))


async def _listening(port: int) -> None:
    """Wait until a service of this host answers."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 21)
    wire_in, wire_out = os.fdopen(0, "rb", buffering=0), os.fdopen(1, "wb", buffering=0)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), wire_in)
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, wire_out)
    await Node(reader, transport.write).run()


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    asyncio.run(_main())
    sys.exit(0)
