"""The egress proxy: the only way out of a sandbox.

It serves CONNECT and plain HTTP on a Unix socket. A target is judged by name and port, looked up
here alone, its addresses are judged, and the connection goes to a judged address. In a tunnel the
first bytes must be a ClientHello that asks for the same name. A redirect is an answer like any
other: the client's next request is judged anew.
"""

import asyncio
import socket
import time
from contextlib import suppress
from pathlib import Path

import h11

from tyrian.policy.refusal import Refusal
from tyrian.sandbox.egress.exchange import Peer, ServerFailedError, exchange
from tyrian.sandbox.egress.head import MAX_HEAD, Asked, BadRequestError, read_head
from tyrian.sandbox.egress.hello import MAX_HELLO, NotTlsError, read_hello
from tyrian.sandbox.egress.record import EgressLog, EgressRecord
from tyrian.sandbox.egress.relay import CHUNK, relay
from tyrian.sandbox.egress.resolve import Resolver, SystemResolver, checked_addresses
from tyrian.sandbox.egress.rules import EgressRules, Grant, Target, Way

HEAD_S = 15.0
"""Seconds in which a client must have sent its head, and then its ClientHello."""
CONNECT_S = 10.0
LINGER_S = 2.0
"""Seconds for which a refused client may go on sending."""
MAX_CONNECTIONS = 512
_READ = 1 << 16


class EgressProxy:
    """Serves one sandbox; its event loop is its owner's."""

    def __init__(
        self, rules: EgressRules, log: EgressLog | None = None, resolver: Resolver | None = None
    ) -> None:
        self.log = log or EgressLog()
        self._rules = rules
        self._resolver = resolver or SystemResolver()
        self._listener: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, path: Path) -> None:
        """Listen on a Unix socket at a path where nothing is yet."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        await self.serve(listener)

    async def serve(self, listener: socket.socket) -> None:
        """Serve a bound socket."""
        listener.listen(128)
        listener.setblocking(False)
        self._listener = listener
        self._serving = asyncio.create_task(self._accept(listener))

    async def close(self) -> None:
        """End every connection, and stop."""
        tasks = [*self._open, *([self._serving] if self._serving else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener:
            self._listener.close()
        self.log.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError:  # out of descriptors, or the client is gone again
                await asyncio.sleep(0.05)
                continue
            client.setblocking(False)
            if len(self._open) >= MAX_CONNECTIONS:
                client.close()
                continue
            task = asyncio.create_task(self._one(client))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _one(self, client: socket.socket) -> None:
        """A connection from its first byte to its record."""
        record, began = EgressRecord("?", "allowed"), time.monotonic()
        with client:
            try:
                await self._judged(client, record)
            except Refusal as refusal:
                record.outcome, record.rule, record.reason = "refused", refusal.rule, refusal.reason
                await _answer(client, 403, refusal.reason, "http_request_denied")
            except BadRequestError as error:
                record.outcome, record.rule, record.reason = "refused", "http", str(error)
                await _answer(client, 400, "not a proxy request", "http_request_error")
            except ServerFailedError as error:
                record.outcome, record.reason = "failed", str(error)
                await _answer(client, 502, str(error), "destination_unavailable")
            except (OSError, TimeoutError) as error:
                record.outcome, record.reason = "failed", type(error).__name__
            finally:
                record.elapsed_s = round(time.monotonic() - began, 6)
                self.log.add(record)

    async def _judged(self, client: socket.socket, record: EgressRecord) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        asked = await _head(client, connection)
        record.target, record.method = str(asked.target), asked.method
        grant = self._rules.grant(asked.target, is_tunnel=asked.is_tunnel)
        if asked.is_tunnel:
            await self._tunnel(client, connection, asked.target, grant, record)
        else:
            self._rules.check_url(asked.url, asked.target)
            record.way = Way.HTTP
            server = await self._connected(asked.target, grant, record)
            with server:
                await exchange(asked, Peer(client, connection), server, record)

    async def _tunnel(
        self,
        client: socket.socket,
        connection: h11.Connection,
        target: Target,
        grant: Grant,
        record: EgressRecord,
    ) -> None:
        loop = asyncio.get_running_loop()
        server = await self._connected(target, grant, record)
        with server:
            await loop.sock_sendall(client, b"HTTP/1.1 200 Connection established\r\n\r\n")
            first = connection.trailing_data[0]
            record.way = Way.TCP
            if Way.TCP not in grant.ways:
                record.way = Way.HTTPS
                first = await _checked_hello(client, first, target, record)
                if not first:
                    return
            await loop.sock_sendall(server, first)
            record.sent += len(first)
            await _relayed(client, server, record)

    async def _connected(self, target: Target, grant: Grant, record: EgressRecord) -> socket.socket:
        """A connection to one of the target's judged addresses, the first that answers."""
        loop = asyncio.get_running_loop()
        for address in await checked_addresses(target, grant, self._resolver):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            server = socket.socket(family, socket.SOCK_STREAM)
            server.setblocking(False)
            try:
                async with asyncio.timeout(CONNECT_S):
                    await loop.sock_connect(server, (address, target.port))
            except (OSError, TimeoutError):
                server.close()
                continue
            except BaseException:
                server.close()
                raise
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            record.address = address
            return server
        raise ServerFailedError("the server cannot be reached")


async def _head(client: socket.socket, connection: h11.Connection) -> Asked:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(HEAD_S):
        while True:
            data = await loop.sock_recv(client, _READ)
            if not data:
                raise BadRequestError("the client left before its request was whole")
            connection.receive_data(data)
            if asked := read_head(connection):
                return asked


async def _checked_hello(
    client: socket.socket, first: bytes, target: Target, record: EgressRecord
) -> bytes:
    """The first bytes of a tunnel, once they ask for the target; empty where they do not."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(HEAD_S):
            while (hello := read_hello(first)) is None:
                data = await loop.sock_recv(client, _READ)
                if not data or len(first) > 2 * MAX_HELLO:
                    raise NotTlsError("the client left before its ClientHello was whole")
                first += data
    except NotTlsError as error:
        fault = str(error)
    else:
        wanted = "" if target.is_address else target.host
        if hello.server_name == wanted:
            return first
        fault = "the ClientHello asks for another server than CONNECT did"
    record.outcome, record.rule, record.reason = "refused", "net.sni", fault
    return b""


async def _relayed(client: socket.socket, server: socket.socket, record: EgressRecord) -> None:
    def sent(size: int) -> None:
        record.sent += size

    def received(size: int) -> None:
        record.received += size

    with suppress(ConnectionError):
        await relay(client, server, sent, received)


_PHRASES = {400: "Bad Request", 403: "Forbidden", 502: "Bad Gateway"}


async def _answer(client: socket.socket, status: int, reason: str, error: str) -> None:
    """Tell the client why, where it still listens (RFC 9209 for `Proxy-Status`)."""
    body = f"tyrian egress: {reason}\n".encode()
    head = (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\n"
        f"Proxy-Status: tyrian; error={error}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(LINGER_S):
            await loop.sock_sendall(client, head.encode() + body)
            client.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(client, CHUNK):
                pass  # closing on unread bytes would take the answer back
