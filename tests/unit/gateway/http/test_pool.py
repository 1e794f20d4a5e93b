"""The client of model servers: one answer for one request, whatever the server sends."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tyrian.errors import ConfigError
from tyrian.gateway.http.connection import (
    HIGH_WATER,
    MAX_HEAD_BYTES,
    BrokenAnswerError,
    ConnectFailedError,
    Connection,
)
from tyrian.gateway.http.pool import Pool, PoolLimits

LIMITS = PoolLimits(connect_s=5, silence_s=5, total_s=None, connections=10)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

Script = Callable[["Peer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """A server that does what a script says, once for every connection."""

    script: Script
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """The client closed a connection."""

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.script(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
        finally:
            writer.close()

    async def asked(self, reader: asyncio.StreamReader) -> bytes:
        """The body of the next request."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        self.was_asked.set()
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length: "):
                return await reader.readexactly(int(line[16:]))
        return b""


def answering(*answers: bytes, ends: bool = False) -> Script:
    """Gives these answers one after another, and closes then if asked to."""

    async def script(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for answer in answers:
            await peer.asked(reader)
            writer.write(answer)
            await writer.drain()
        if not ends:
            await peer.asked(reader)

    return script


@asynccontextmanager
async def served(
    script: Script, limits: PoolLimits = LIMITS, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Peer, Pool]]:
    peer = Peer(script)
    server = await asyncio.start_server(peer.meet, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    scheme = "http" if tls is None else "https"
    pool = Pool(f"{scheme}://127.0.0.1:{peer.port}", {"user-agent": "test"}, limits)
    try:
        yield peer, pool
    finally:
        await pool.close()
        server.close()
        await server.wait_closed()


async def body_of(connection: Connection) -> bytes:
    return b"".join([chunk async for chunk in connection.chunks()])


async def ask(pool: Pool, body: bytes = b"{}") -> tuple[int, bytes]:
    connection = await pool.request("POST", "/v1/chat", body)
    try:
        return connection.status, await body_of(connection)
    finally:
        pool.release(connection)


async def test_a_request_is_whole_and_its_connection_is_used_again() -> None:
    async with served(answering(OK, OK)) as (peer, pool):
        assert await ask(pool, b"first") == (200, b"ok")
        assert await ask(pool, b"second") == (200, b"ok")
        assert peer.connections == 1
    head = peer.heads[0].decode()
    assert head.startswith("POST /v1/chat HTTP/1.1\r\n")
    assert f"\r\nhost: 127.0.0.1:{peer.port}\r\n" in head
    assert "\r\nuser-agent: test\r\n" in head
    assert "\r\ncontent-length: 5\r\n" in head


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (CHUNKED + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc"),
        (CHUNKED.upper() + b"1\r\na\r\n0\r\nx: y\r\n\r\n", b"a"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: a\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)  # fmt: skip
async def test_every_form_of_an_answer_is_read_and_leaves_the_connection_usable(
    answer: bytes, body: bytes
) -> None:
    async with served(answering(answer, OK)) as (peer, pool):
        assert (await ask(pool))[1] == body
        assert await ask(pool) == (200, b"ok")
        assert peer.connections == 1


async def test_an_early_answer_leaves_no_header_in_the_real_one() -> None:
    early = b"HTTP/1.1 103 Early\r\ncontent-encoding: gzip\r\n\r\n" + OK
    async with served(answering(early)) as (_, pool):
        connection = await pool.request("GET", "/", None)
        assert connection.headers == {"content-length": "2"}
        pool.release(connection)


async def test_headers_of_one_name_are_one_list() -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-A: b\r\nx-a: c\r\ncontent-length: 0\r\n\r\n"
    async with served(answering(answer)) as (_, pool):
        connection = await pool.request("GET", "/", None)
        assert connection.headers["x-a"] == "b, c"
        pool.release(connection)


async def test_a_body_may_end_with_its_connection() -> None:
    async with served(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it", ends=True)) as (peer, pool):
        assert await ask(pool) == (200, b"all of it")
        assert await ask(pool) == (200, b"all of it")
        assert peer.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_that_is_to_be_closed_is_not_used_again(answer: bytes) -> None:
    async with served(answering(answer)) as (peer, pool):
        await ask(pool)
        await ask(pool)
        assert peer.connections == 2


@pytest.mark.parametrize(
    "more", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"x", b"\r\n\r\n{}"]
)
async def test_what_follows_an_answer_is_never_the_answer_to_the_next_request(more: bytes) -> None:
    async with served(answering(OK + more, OK)) as (peer, pool):
        for _ in range(3):
            assert await ask(pool) == (200, b"ok")
        assert peer.connections == 3


async def test_what_comes_while_nothing_is_asked_ends_the_connection() -> None:
    async def script(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await peer.asked(reader)
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await peer.asked(reader)

    async with served(script) as (peer, pool):
        await ask(pool)
        await asyncio.wait_for(peer.ended.wait(), 5)
        assert await ask(pool) == (200, b"ok")
        assert peer.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * (MAX_HEAD_BYTES + 1),
        b"HTTP/1.1 103 Early\r\n\r\n" * (MAX_HEAD_BYTES // 20),
        b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
    ],
)  # fmt: skip
async def test_an_answer_that_makes_no_sense_is_told_and_its_connection_closed(
    answer: bytes,
) -> None:
    async with served(answering(answer)) as (peer, pool):
        with pytest.raises(BrokenAnswerError):
            await ask(pool)
        await asyncio.wait_for(peer.ended.wait(), 5)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_a_body_that_breaks_off_is_no_whole_one(answer: bytes) -> None:
    async with served(answering(answer, ends=True)) as (_, pool):
        with pytest.raises(BrokenAnswerError):
            await ask(pool)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-le"])
async def test_a_connection_that_ends_before_the_head_answered_nothing(answer: bytes) -> None:
    async with served(answering(answer, ends=True)) as (_, pool):
        with pytest.raises(ConnectFailedError):
            await ask(pool)


async def test_a_server_that_is_not_there_is_told(unused_tcp_port: int) -> None:
    pool = Pool(f"http://localhost:{unused_tcp_port}", {}, LIMITS)
    with pytest.raises(ConnectFailedError):
        await ask(pool)
    await pool.close()


async def test_a_name_with_several_addresses_is_reached_by_the_one_that_answers() -> None:
    async with served(answering(OK)) as (peer, _):
        pool = Pool(f"http://localhost:{peer.port}", {}, LIMITS)
        assert await ask(pool) == (200, b"ok")
        await pool.close()


@pytest.mark.parametrize(
    "limits",
    [
        PoolLimits(connect_s=5, silence_s=0.2, total_s=None, connections=1),
        PoolLimits(connect_s=5, silence_s=60, total_s=0.2, connections=1),
    ],
)
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
async def test_an_answer_that_takes_too_long_is_given_up(limits: PoolLimits, answer: bytes) -> None:
    async with served(answering(answer), limits) as (peer, pool):
        with pytest.raises(TimeoutError):
            await ask(pool)
        await asyncio.wait_for(peer.ended.wait(), 5)


async def test_a_bound_on_silence_holds_for_each_request_of_a_connection() -> None:
    limits = PoolLimits(connect_s=5, silence_s=0.3, total_s=None, connections=1)
    async with served(answering(OK, OK, b""), limits) as (peer, pool):
        for _ in range(2):
            assert await ask(pool) == (200, b"ok")
            await asyncio.sleep(0.2)
        with pytest.raises(TimeoutError):
            await ask(pool)
        assert peer.connections == 1


async def test_a_reader_that_stops_lets_the_server_wait_and_not_the_memory_grow() -> None:
    total = 64 * HIGH_WATER
    written = 0

    async def script(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal written
        await peer.asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        for _ in range(64):
            writer.write(b"x" * HIGH_WATER)
            await writer.drain()
            written += HIGH_WATER
        await peer.asked(reader)

    async with served(script) as (_, pool):
        connection = await pool.request("GET", "/", None)
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.2)
        assert written < total
        assert len(await body_of(connection)) == total
        pool.release(connection)


async def test_no_more_connections_are_open_than_allowed() -> None:
    limits = PoolLimits(connect_s=5, silence_s=5, total_s=None, connections=1)
    async with served(answering(OK, OK), limits) as (peer, pool):
        connection = await pool.request("GET", "/", None)
        second = asyncio.create_task(ask(pool))
        await asyncio.sleep(0.1)
        assert not second.done()
        await body_of(connection)
        pool.release(connection)
        assert await second == (200, b"ok")
        assert peer.connections == 1


async def test_who_is_cancelled_leaves_a_closed_connection_and_a_free_place() -> None:
    limits = PoolLimits(connect_s=5, silence_s=5, total_s=None, connections=1)
    async with served(answering(b""), limits) as (peer, pool):
        for _ in range(2):
            task = asyncio.create_task(ask(pool))
            await peer.was_asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(peer.ended.wait(), 5)
            peer.was_asked.clear()
            peer.ended.clear()
        assert peer.connections == 2


async def test_an_answer_that_is_not_read_to_its_end_costs_its_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"
    async with served(answering(answer)) as (peer, pool):
        pool.release(await pool.request("GET", "/", None))
        await asyncio.wait_for(peer.ended.wait(), 5)


@pytest.mark.parametrize(
    "base_url", ["http://", "http://a:port/v1", "ftp://a/v1", "http://" + "a" * 70 + ".example/v1"]
)
def test_an_address_that_names_no_server_is_refused(base_url: str) -> None:
    with pytest.raises(ConfigError):
        Pool(base_url, {}, LIMITS)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\0", "sch\u00f6n"])
def test_a_header_that_would_hold_more_than_its_value_is_refused(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Pool("http://127.0.0.1", {"authorization": value}, LIMITS)
    assert value not in str(caught.value)


async def test_a_path_never_ends_the_line_it_stands_in() -> None:
    async with served(answering(OK)) as (peer, pool):
        pool.release(await pool.request("GET", "/a b\r\nx: y?q=1", None))
    assert peer.heads[0].startswith(b"GET /a%20b%0D%0Ax:%20y?q=1 HTTP/1.1\r\n")


async def test_a_name_and_password_in_the_address_become_a_header() -> None:
    async with served(answering(OK)) as (peer, _):
        pool = Pool(f"http://user:p%40ss@127.0.0.1:{peer.port}", {}, LIMITS)
        await ask(pool)
        await pool.close()
    assert b"\r\nauthorization: Basic dXNlcjpwQHNz\r\n" in peer.heads[0]
    assert b"\r\nhost: 127.0.0.1:" in peer.heads[0]


def _certificate(folder: Path, address: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS with a certificate for an address, and the file to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))]), False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


@pytest.mark.parametrize(
    ("address", "is_trusted", "is_taken"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("127.0.0.2", True, False)],
)
async def test_only_a_trusted_certificate_of_that_very_server_is_taken(
    address: str,
    is_trusted: bool,
    is_taken: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, public = _certificate(tmp_path, address)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
    async with served(answering(OK, OK), tls=context) as (peer, pool):
        if is_taken:
            assert await ask(pool) == (200, b"ok")
            assert await ask(pool) == (200, b"ok")
        else:
            with pytest.raises(ConnectFailedError):
                await ask(pool)
            assert peer.heads == []
