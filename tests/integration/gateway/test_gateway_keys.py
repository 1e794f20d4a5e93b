"""Keys at the gateway: ended ones are cut, bounded ones refused, and nobody passes unverified."""

import asyncio
import contextlib
import itertools
import json
import threading
import time
import urllib.request
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.error import HTTPError

import openai
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from tyrian.gateway.accounts.keys import Change, Keys
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import KeyKind

HELLO: Any = [{"role": "user", "content": "hello"}]


class Door:
    """A way to a database server that can be shut and opened again."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.port = 0
        self._connections: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        started.set()
        self._loop.run_forever()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._connections |= {writer, far_writer}
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    async def _shut(self) -> None:
        self._server.close()
        for writer in self._connections:
            writer.transport.abort()
        self._connections.clear()

    def _do(self, act: Callable[[], Awaitable[None]]) -> None:
        async def done() -> None:
            await act()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)

    def shut(self) -> None:
        """Cut all connections, and let no new one through."""
        self._do(self._shut)

    def open(self) -> None:
        """Let connections through again."""
        self._do(self._open)

    def close(self) -> None:
        """Stop for good."""
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest_asyncio.fixture
async def keys(database_url: str) -> AsyncIterator[Keys]:
    """The keys as an administrator beside the gateway sees them."""
    store = Store.open(database_url)
    yield Keys(store)
    await store.close()


@pytest.fixture
def worker(kit: Any, keys: Keys, database_url: str) -> int:
    """A gateway on the same database; its port."""
    return start(kit, database_url)


def start(kit: Any, url: str) -> int:
    store = Store.open(url)
    port: int = kit.start(keys=Keys(store), closing=store)
    return port


def status_of(port: int, path: str, token: str = "") -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


async def ask(kit: Any, port: int, token: str) -> Any:
    client = kit.client_of(port, token)
    return await asyncio.to_thread(client.chat.completions.create, model=kit.model, messages=HELLO)


async def test_a_key_that_is_revoked_elsewhere_is_refused_within_a_second(
    kit: Any, keys: Keys, worker: int
) -> None:
    record, token = await keys.create("first")
    assert (await ask(kit, worker, token)).choices
    await keys.revoke(record.id)
    await asyncio.sleep(1)
    with pytest.raises(openai.AuthenticationError):
        await ask(kit, worker, token)


async def test_a_running_stream_ends_with_an_error_once_its_key_is_revoked(
    kit: Any, keys: Keys, worker: int
) -> None:
    record, token = await keys.create("first")

    async def endless(body: dict[str, Any], request: Any) -> Any:
        out = await kit.begin(request)
        while True:
            await out.write(kit.chunk({"content": "word "}))
            await asyncio.sleep(0.05)

    kit.upstream.answer = endless

    def read() -> float:
        stream = kit.client_of(worker, token).chat.completions.create(
            model=kit.model, messages=HELLO, stream=True
        )
        for _ in itertools.islice(stream, 5):
            pass
        has_begun.set()
        with pytest.raises(openai.APIError, match="key ended"):
            deque(stream, 0)
        return time.monotonic()

    has_begun = threading.Event()
    reading = asyncio.create_task(asyncio.to_thread(read))
    assert await asyncio.to_thread(has_begun.wait, 20)
    await keys.revoke(record.id)
    revoked_at = time.monotonic()
    assert await asyncio.wait_for(reading, 20) - revoked_at < 1.0
    assert await asyncio.to_thread(kit.upstream.cancelled.wait, 5)


async def test_a_request_without_an_answer_yet_gets_401_once_its_key_is_revoked(
    kit: Any, keys: Keys, worker: int
) -> None:
    record, token = await keys.create("first")

    async def silent(body: dict[str, Any], request: Any) -> Any:
        await asyncio.sleep(30)

    kit.upstream.answer = silent
    asking = asyncio.create_task(ask(kit, worker, token))
    assert await asyncio.to_thread(kit.upstream.entered.wait, 20)
    await keys.revoke(record.id)
    with pytest.raises(openai.AuthenticationError):
        await asyncio.wait_for(asking, 5)


@pytest.mark.parametrize("way", ["rotated", "switched off", "expired"])
async def test_every_end_of_a_key_cuts_its_streams(
    kit: Any, keys: Keys, worker: int, way: str
) -> None:
    record, token = await keys.create("first", expires_in_s=4 if way == "expired" else None)

    async def silent(body: dict[str, Any], request: Any) -> Any:
        out = await kit.begin(request)
        await out.write(kit.chunk({"content": "word "}))
        await asyncio.sleep(30)

    kit.upstream.answer = silent

    def read() -> None:
        stream = kit.client_of(worker, token).chat.completions.create(
            model=kit.model, messages=HELLO, stream=True
        )
        with pytest.raises(openai.APIError, match="key ended"):
            deque(stream, 0)

    reading = asyncio.create_task(asyncio.to_thread(read))
    assert await asyncio.to_thread(kit.upstream.entered.wait, 20)
    if way == "rotated":
        await keys.rotate(record.id)
    elif way == "switched off":
        await keys.change(record.id, Change(is_disabled=True))
    await asyncio.wait_for(reading, 6)


async def test_streams_of_other_keys_go_on(kit: Any, keys: Keys, worker: int) -> None:
    _, mine = await keys.create("mine")
    other, _ = await keys.create("other")

    async def slow(body: dict[str, Any], request: Any) -> Any:
        await asyncio.sleep(1.5)
        return await kit.reply(body, request, "done")

    kit.upstream.answer = slow
    asking = asyncio.create_task(ask(kit, worker, mine))
    assert await asyncio.to_thread(kit.upstream.entered.wait, 20)
    await keys.revoke(other.id)
    assert (await asking).choices[0].message.content == "done"


async def test_an_overlapping_rotation_cuts_nothing(kit: Any, keys: Keys, worker: int) -> None:
    record, old = await keys.create("first")
    _, new = await keys.rotate(record.id, overlap_s=60)
    for token in (old, new):
        assert (await ask(kit, worker, token)).choices


async def test_kinds_and_scopes_and_networks_bound_what_a_key_may_do(
    kit: Any, keys: Keys, worker: int
) -> None:
    _, admin = await keys.create("boss", kind=KeyKind.ADMIN)
    _, narrow = await keys.create("lists models", scopes=["models.read"])
    _, far = await keys.create("elsewhere", networks=["10.0.0.0/8"])
    _, near = await keys.create("here", networks=["127.0.0.0/8"])
    for token, code in ((admin, "insufficient_scope"), (narrow, "insufficient_scope")):
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await ask(kit, worker, token)
        assert caught.value.code == code
    assert status_of(worker, "/v1/models", narrow)[0] == 200
    assert status_of(worker, "/v1/models", near)[0] == 200
    status, body = status_of(worker, "/v1/models", far)
    assert (status, body["error"]["code"]) == (403, "address_not_allowed")


@pytest.fixture
def door(database_url: str) -> Iterator[tuple[Door, str]]:
    """A door before a database server, and the URL behind it."""
    url = make_url(database_url)
    made = Door(url.host or "127.0.0.1", url.port or 5432)
    through = url.set(host="127.0.0.1", port=made.port)
    yield made, through.render_as_string(hide_password=False)
    made.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_without_its_database_the_gateway_refuses_and_comes_back_by_itself(
    kit: Any, keys: Keys, door: tuple[Door, str]
) -> None:
    _, token = await keys.create("first")
    way, url = door
    port = start(kit, url)
    assert (await ask(kit, port, token)).choices
    assert status_of(port, "/readyz") == (200, {"status": "ready"})
    way.shut()
    await asyncio.sleep(1)
    status, body = await asyncio.to_thread(status_of, port, "/v1/models", token)
    assert (status, body["error"]["code"]) == (503, "store_unavailable")
    assert status_of(port, "/readyz") == (503, {"status": "no database"})
    assert status_of(port, "/healthz")[0] == 200
    way.open()
    assert (await ask(kit, port, token)).choices
    assert status_of(port, "/readyz")[0] == 200
