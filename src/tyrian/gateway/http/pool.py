"""Connections to one server, opened when they are needed and used again."""

import asyncio
import socket
import ssl
from asyncio import staggered
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import starmap, zip_longest
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from tyrian.errors import ConfigError
from tyrian.gateway.http.connection import ConnectFailedError, Connection

KEPT_S: Final = 30.0
"""How long an idle connection is kept."""

NEXT_ADDRESS_S: Final = 0.25
"""After so long the next address of a server is tried beside the one before."""

_PORTS: Final = {"http": 80, "https": 443}
_PLAIN: Final = "/%:@!$&'()*+,;=~-._?"


Address = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
"""What `getaddrinfo` gives."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Seconds, and connections at once."""

    connect_s: float
    """Until a connection is open, TLS included."""
    silence_s: float
    """Longest silence of the server while it owes an answer."""
    total_s: float | None
    """Until the end of an answer."""
    connections: int


class Pool:
    """Sends requests to one server; reads no proxy variable and keeps no cookie."""

    def __init__(self, base_url: str, headers: Mapping[str, str], limits: PoolLimits) -> None:
        """`headers` go out with every request. ConfigError for what cannot be sent."""
        url, self._port = _parsed(base_url)
        try:
            host = url.netloc.rpartition("@")[2].encode("idna").decode()
            self._host = (url.hostname or "").encode("idna").decode()
        except UnicodeError:
            raise _no_host() from None
        self._limits = limits
        self._is_secure = url.scheme == "https"
        self._tls: ssl.SSLContext | None = None
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._free = asyncio.Semaphore(limits.connections)
        self._sweeping: asyncio.TimerHandle | None = None
        fields = {"host": host, "accept": "*/*"}
        if url.username is not None:
            pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
            fields["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        self._fields = b"".join(starmap(_field, (fields | dict(headers)).items()))

    async def request(self, method: str, path: str, body: bytes | None) -> Connection:
        """The connection on which the head of an answer has come; `release` it in the end.

        ConnectFailedError, BrokenAnswerError, or TimeoutError.
        """
        head = b"%b %b HTTP/1.1\r\n%b" % (
            method.encode(),
            quote(path, safe=_PLAIN).encode(),
            self._fields,
        )
        length = b"\r\n" if body is None else b"content-length: %d\r\n\r\n" % len(body)
        await self._free.acquire()
        connection = None
        try:
            connection = self._kept() or await self._opened()
            connection.send(head + length, body, self._limits.total_s)
            await connection.head()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Connection | None) -> None:
        """Take a connection back, to be used again where its answer was read to the end."""
        self._free.release()
        if connection is not None and connection.finish():
            now = asyncio.get_running_loop().time()
            connection.idle_until = now + KEPT_S
            self._idle.append(connection)
            self._sweep_later()

    async def close(self) -> None:
        """Close all connections, and wait a moment for them to be gone."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self._idle.clear()
        for connection in tuple(self._open):
            connection.abort()
        await asyncio.sleep(0)

    def _kept(self) -> Connection | None:
        """The idle connection that was used last."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.idle_until > now:
                return connection
            connection.abort()
        return None

    async def _opened(self) -> Connection:
        loop = asyncio.get_running_loop()
        if self._is_secure and self._tls is None:
            self._tls = _tls()
        try:
            async with asyncio.timeout(self._limits.connect_s):
                sock = await _connected(self._host, self._port)
                try:
                    _, connection = await loop.create_connection(
                        lambda: Connection(self._limits.silence_s),
                        sock=sock,
                        ssl=self._tls,
                        server_hostname=self._host if self._tls is not None else None,
                    )
                except BaseException:
                    sock.close()
                    raise
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise ConnectFailedError from error
        self._open.add(connection)
        connection.on_close(lambda: self._open.discard(connection))
        return connection

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(KEPT_S, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long."""
        self._sweeping = None
        now = asyncio.get_running_loop().time()
        old = [one for one in self._idle if one.idle_until <= now or not one.is_open]
        self._idle = [one for one in self._idle if one not in old]
        for connection in old:
            connection.abort()
        if self._idle:
            self._sweep_later()


async def _connected(host: str, port: int) -> socket.socket:
    """A socket to the first address that answers; OSError where none does.

    An address that keeps silent delays the next one by a moment only.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    async def one(info: Address) -> socket.socket:
        family, kind, proto, _, address = info
        sock = socket.socket(family, kind, proto)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    if len(found) == 1:
        return await one(found[0])
    tries = [partial(one, info) for info in _interleaved(found)]
    winner: socket.socket | None
    winner, _, failures = await staggered.staggered_race(tries, NEXT_ADDRESS_S)
    if winner is None:
        raise next((e for e in failures if e is not None), OSError("no address"))
    return winner


def _interleaved(found: Sequence[Address]) -> list[Address]:
    """The addresses in their order, but the kinds of them taking turns."""
    first = [info for info in found if info[0] == found[0][0]]
    others = [info for info in found if info[0] != found[0][0]]
    pairs = zip_longest(first, others)
    return [info for pair in pairs for info in pair if info is not None]


def _parsed(base_url: str) -> tuple[SplitResult, int]:
    try:
        url = urlsplit(base_url)
        port = url.port or _PORTS[url.scheme]
        if not url.hostname:
            raise ValueError("no host")
        return url, port
    except (ValueError, KeyError):
        raise _no_host() from None


def _no_host() -> ConfigError:
    return ConfigError(
        "the base URL of a model server cannot be read",
        hint="write it with its path, for example http://127.0.0.1:8000/v1",
    )


def _field(name: str, value: str) -> bytes:
    if not value.isascii() or not value.isprintable():
        raise ConfigError(
            f"the header {name} of a model server holds what no header may",
            hint="look for line breaks and other than plain letters in it",
        )
    return f"{name}: {value}\r\n".encode()


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
