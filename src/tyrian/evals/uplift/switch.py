"""What connects the domains of a range: it looks every connection up, and notes it.

A domain may forge what it likes on its wire: it comes no further than the places that its layout
lets it reach.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from tyrian.evals.uplift.domain import Running
from tyrian.evals.uplift.inside.node import CLOSE, DATA, END, ERROR, EXIT, KILL, OPEN, frame

_CHUNK = 1 << 16
_MOST_STREAMS = 512
"""Streams of one domain at a time."""

Noted = Callable[..., None]
SshDoor = Callable[[str, socket.socket], None]
"""Takes the host and one end of a pair of sockets, for a new SSH connection."""


class _End(Protocol):
    """Where the frames of one stream go."""

    def take(self, kind: int, data: bytes) -> None: ...


class Switch:
    """Streams between domains, between domains and SSH servers, and commands."""

    def __init__(self, noted: Noted, ssh: SshDoor) -> None:
        self._noted = noted
        self._ssh = ssh
        self._domains: dict[str, Running] = {}
        self._ends: dict[tuple[str, int], _End] = {}
        self._next = 2
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, running: Running) -> None:
        """Connect a domain."""
        self._domains[running.domain.name] = running

    def take(self, source: Running, kind: int, stream: int, data: bytes) -> None:
        """A frame that came from a domain."""
        end = self._ends.get((source.domain.name, stream))
        if kind == OPEN and stream % 2 and end is None:
            self._open(source, stream, data)
        elif end is not None:
            end.take(kind, data)

    def _open(self, source: Running, stream: int, data: bytes) -> None:
        with suppress(ValueError, RecursionError):
            to = json.loads(data).get("host")
            name = source.domain.name
            crowd = sum(domain == name for domain, _ in self._ends)
            is_allowed = any(one.to == to for one in source.domain.reaches)
            if is_allowed and crowd < _MOST_STREAMS:
                self._noted("connected", **{"from": name, "to": to})
                host, _, port = str(to).partition(":")
                if port == "ssh":
                    self._to_ssh(source, stream, host)
                    return
                if host in self._domains:
                    self._to_domain(source, stream, self._domains[host], int(port))
                    return
            else:
                self._noted("not_connected", **{"from": name, "to": str(to)[:200]})
        source.send(frame(CLOSE, stream))

    def _to_domain(self, source: Running, stream: int, target: Running, port: int) -> None:
        number, self._next = self._next, self._next + 2
        here, there = (source.domain.name, stream), (target.domain.name, number)
        self._ends[here] = _Across(self._ends, here, there, target, number)
        self._ends[there] = _Across(self._ends, there, here, source, stream)
        target.send(frame(OPEN, number, json.dumps({"port": port}).encode()))

    def _to_ssh(self, source: Running, stream: int, host: str) -> None:
        ours, theirs = socket.socketpair()
        early: list[tuple[int, bytes]] = []
        self._ends[source.domain.name, stream] = _Early(early)
        self._spawn(self._carry(source, stream, ours, early))
        self._ssh(host, theirs)

    async def _carry(
        self, source: Running, stream: int, ours: socket.socket, early: list[tuple[int, bytes]]
    ) -> None:
        """Between a stream of a domain and a socket of this process."""
        reader, writer = await asyncio.open_connection(sock=ours)
        key = source.domain.name, stream
        self._ends[key] = end = _ToWriter(writer)
        for kind, data in early:
            end.take(kind, data)
        try:
            while data := await reader.read(_CHUNK):
                source.send(frame(DATA, stream, data))
            source.send(frame(END, stream))
        except OSError:
            source.send(frame(CLOSE, stream))
        finally:
            self._ends.pop(key, None)
            writer.close()

    def command(self, domain: str, text: str) -> "Command":
        """Start a command in a domain."""
        number, self._next = self._next, self._next + 2
        running = self._domains[domain]
        found = Command(running, number, lambda: self._ends.pop((domain, number), None))
        self._ends[domain, number] = found
        running.send(frame(OPEN, number, json.dumps({"command": text}).encode()))
        return found

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cut all streams."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Across:
    """One direction of a stream between two domains."""

    def __init__(
        self,
        ends: dict[tuple[str, int], _End],
        here: tuple[str, int],
        there: tuple[str, int],
        target: Running,
        stream: int,
    ) -> None:
        self._ends, self._here, self._there = ends, here, there
        self._target, self._stream = target, stream
        self._has_ended = False

    def take(self, kind: int, data: bytes) -> None:
        """Pass it on; both directions ended, or one cut, is the end of the stream."""
        if kind not in (DATA, END, CLOSE):
            return
        self._target.send(frame(kind, self._stream, data))
        self._has_ended = self._has_ended or kind == END
        other = self._ends.get(self._there)
        if kind == CLOSE or (self._has_ended and isinstance(other, _Across) and other._has_ended):
            self._ends.pop(self._here, None)
            self._ends.pop(self._there, None)


@dataclass(frozen=True, slots=True)
class _Early:
    """Keeps what comes before the socket is there."""

    frames: list[tuple[int, bytes]]

    def take(self, kind: int, data: bytes) -> None:
        """Keep it."""
        self.frames.append((kind, data))


class _ToWriter:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def take(self, kind: int, data: bytes) -> None:
        """Write it to the socket."""
        if kind == DATA:
            self._writer.write(data)
        elif kind == END:
            with suppress(OSError):
                self._writer.write_eof()
        elif kind == CLOSE:
            self._writer.transport.abort()


class Command:
    """A command that runs in a domain: what it says comes as (is_error, bytes)."""

    def __init__(self, running: Running, stream: int, forget: Callable[[], object]) -> None:
        self._running, self._stream, self._forget = running, stream, forget
        self.said: asyncio.Queue[tuple[bool, bytes] | None] = asyncio.Queue()
        """None at the end."""
        self.code = 255

    def take(self, kind: int, data: bytes) -> None:
        """A frame of this command."""
        if kind in (DATA, ERROR):
            self.said.put_nowait((kind == ERROR, data))
        elif kind in (EXIT, CLOSE):
            with suppress(ValueError):
                self.code = int(data) if kind == EXIT else 255
            self._forget()
            self.said.put_nowait(None)

    def write(self, data: bytes) -> None:
        """To its standard input."""
        self._running.send(frame(DATA, self._stream, data))

    def end_input(self) -> None:
        """Nothing more comes."""
        self._running.send(frame(END, self._stream))

    def kill(self) -> None:
        """End it and what it started."""
        self._running.send(frame(KILL, self._stream))
