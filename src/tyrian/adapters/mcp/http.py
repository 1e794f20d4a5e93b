"""The proxy over streamable HTTP: a server of its own in front of another one."""

import asyncio
import contextlib
import hashlib
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from tyrian.adapters.mcp.frame import (
    REFUSED,
    UNREADABLE,
    BadFrameError,
    Frame,
    Kind,
    error,
    read_frame,
)
from tyrian.adapters.mcp.headers import SESSION, down_headers, up_headers, with_arguments
from tyrian.adapters.mcp.process import MAX_BYTES
from tyrian.adapters.mcp.sse import EVENT_STREAM, Event, EventReader
from tyrian.adapters.mcp.wire import Wire

PATH = "/mcp"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_SESSIONS = 1_000
_CONNECT_S = 10.0
_JSON = "application/json"


@dataclass(slots=True)
class HttpProxy:
    """Passes requests on to one server; each session is judged for itself."""

    url: str
    new_wire: Callable[[], Wire]
    hosts: frozenset[str] = LOOPBACK
    """Names under which clients may call: no page in a browser can reach it by another."""
    max_bytes: int = MAX_BYTES
    tell: Callable[[str], None] = lambda _: None
    _sessions: "OrderedDict[str, Wire]" = field(default_factory=OrderedDict)
    _callers: "OrderedDict[str, Wire]" = field(default_factory=OrderedDict)
    """Those who speak without a session, by address and credentials."""
    _client: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve until the block ends; the port."""
        app = web.Application(client_max_size=self.max_bytes)
        app.router.add_post(PATH, self._post)
        app.router.add_get(PATH, self._get)
        app.router.add_delete(PATH, self._delete)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S)
        async with aiohttp.ClientSession(
            timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as it:
            self._client = it
            await runner.setup()
            try:
                site = web.TCPSite(runner, host, port, shutdown_timeout=1.0)
                await site.start()
                yield runner.addresses[0][1]
            finally:
                await runner.cleanup()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._stranger(request)) is not None:
            return refused
        try:
            frame = read_frame(await request.read())
        except BadFrameError as bad:
            return _answered(error(None, UNREADABLE, f"[Tyrian: {bad.message}]"), 400)
        wire = self._wire(request, frame)
        if wire is None:
            return _answered(error(frame.id, REFUSED, "[Tyrian: no such session]"), 404)
        outcome = await wire.from_client(frame)
        if outcome.reply is not None:
            return _answered(outcome.reply)
        if outcome.forward is None:
            return web.Response(status=202)
        headers = up_headers(request.headers)
        headers = with_arguments(headers, frame, outcome.forward)
        try:
            async with self._upstream("POST", headers, outcome.forward.encode()) as response:
                return await self._down(request, response, wire, outcome.forward)
        except (aiohttp.ClientError, TimeoutError, BadFrameError) as fault:
            return self._broken(wire, outcome.forward, fault)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._stranger(request)) is not None:
            return refused
        wire = self._wire(request, None)
        if wire is None:
            return web.Response(status=404)
        try:
            async with self._upstream("GET", up_headers(request.headers)) as response:
                return await self._down(request, response, wire, None)
        except (aiohttp.ClientError, TimeoutError, BadFrameError) as fault:
            return self._broken(wire, None, fault)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._stranger(request)) is not None:
            return refused
        try:
            async with self._upstream("DELETE", up_headers(request.headers)) as response:
                if response.ok:
                    self._sessions.pop(request.headers.get(SESSION, ""), None)
                return web.Response(status=response.status)
        except (aiohttp.ClientError, TimeoutError) as fault:
            return self._broken(None, None, fault)

    def _stranger(self, request: web.Request) -> web.Response | None:
        """A refusal for who calls by a name that is not ours, such as a page that was rebound."""
        origin = request.headers.get("Origin")
        for found in (f"//{request.host}", *([origin] if origin is not None else [])):
            try:
                name = urlsplit(found).hostname
            except ValueError:
                name = None
            if name not in self.hosts:
                told = "[Tyrian: this host or origin may not call; see --allow-host]"
                return _answered(error(None, REFUSED, told), 403)
        return None

    def _wire(self, request: web.Request, frame: Frame | None) -> Wire | None:
        """The session of a request; None for one that is not known."""
        session = request.headers.get(SESSION)
        if session is not None:
            return _used(self._sessions, session)
        if frame is not None and frame.method == "initialize":
            return self.new_wire()
        caller = f"{request.remote}\0{request.headers.get('Authorization', '')}"
        key = hashlib.sha256(caller.encode("utf-8", "replace")).hexdigest()
        known = _used(self._callers, key)
        if known is None:
            known = self.new_wire()
            _keep(self._callers, key, known)
        # Requests of one caller may share ids, as nothing but the connection tells them apart.
        return Wire(known.judge, known.catalogue)

    @contextlib.asynccontextmanager
    async def _upstream(
        self, method: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._client is not None
        async with self._client.request(
            method, self.url, headers=headers, data=body, allow_redirects=False
        ) as response:
            yield response

    async def _down(
        self,
        request: web.Request,
        response: aiohttp.ClientResponse,
        wire: Wire,
        asked: Frame | None,
    ) -> web.StreamResponse:
        if 300 <= response.status < 400:
            raise BadFrameError("the server answers with a redirect, which is not followed")
        headers = down_headers(response.headers)
        if (session := response.headers.get(SESSION)) and response.ok:
            _keep(self._sessions, session, wire)
        if response.content_type == EVENT_STREAM:
            return await self._stream(request, response, wire, asked, headers)
        data = await _limited(response, self.max_bytes)
        if response.content_type != _JSON or not data.strip():
            if asked is not None and asked.kind is Kind.REQUEST:
                wire.give_up_one(asked, "")
                told = f"[Tyrian: the server answered with HTTP {response.status} and no message]"
                status = response.status if not response.ok else 502
                return _answered(error(asked.id, REFUSED, told), status, headers)
            return web.Response(status=response.status, headers=headers)
        outcome = await wire.from_server(read_frame(data))
        await self._back(outcome.reply, request)
        if outcome.forward is None:
            raise BadFrameError("the server's answer is to none of the requests")
        return _answered(outcome.forward, response.status, headers)

    async def _stream(
        self,
        request: web.Request,
        response: aiohttp.ClientResponse,
        wire: Wire,
        asked: Frame | None,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        """Pass events on, each once it is judged."""
        down = web.StreamResponse(status=response.status, headers=headers)
        down.content_type = EVENT_STREAM
        down.headers["Cache-Control"] = "no-cache, no-transform"
        await down.prepare(request)
        is_resumable, reason = False, "the server ended the stream without an answer"
        reader = EventReader(self.max_bytes)
        try:
            async for chunk in response.content.iter_any():
                for event in reader.feed(chunk):
                    is_resumable = is_resumable or bool(event.id)
                    await down.write((await self._judged(event, wire, request)).encode())
        except (aiohttp.ClientError, TimeoutError) as fault:
            reason = f"the server broke off: {type(fault).__name__}"
        except BadFrameError as bad:
            reason, is_resumable = bad.message, False
            self.tell(f"a stream of the server was ended: {reason}")
        if asked is not None and not is_resumable and (left := wire.give_up_one(asked, reason)):
            with contextlib.suppress(ConnectionError):
                await down.write(Event(left.encode().decode(), name="message").encode())
        return down

    async def _judged(self, event: Event, wire: Wire, request: web.Request) -> Event:
        if event.is_comment:
            return event
        bare = Event("", event.id, event.name, event.retry)
        if not event.data or event.name not in ("", "message"):
            return bare
        outcome = await wire.from_server(read_frame(event.data.encode()))
        await self._back(outcome.reply, request)
        if outcome.forward is None:
            return bare if event.id is not None else Event(is_comment=True)
        return Event(outcome.forward.encode().decode(), event.id, "message", event.retry)

    async def _back(self, reply: Frame | None, request: web.Request) -> None:
        """Answer the server, in the session of the request."""
        if reply is None:
            return
        headers = {**up_headers(request.headers), "Content-Type": _JSON}
        headers["Accept"] = f"{_JSON}, {EVENT_STREAM}"
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._upstream("POST", headers, reply.encode()) as response:
                response.release()

    def _broken(
        self, wire: Wire | None, asked: Frame | None, fault: Exception
    ) -> web.StreamResponse:
        told = (
            fault.message
            if isinstance(fault, BadFrameError)
            else f"the server cannot be reached: {type(fault).__name__}"
        )
        self.tell(told)
        if wire is None or asked is None or asked.kind is not Kind.REQUEST:
            return web.Response(status=502)
        wire.give_up_one(asked, told)
        return _answered(error(asked.id, REFUSED, f"[Tyrian: {told}]"), 502)


async def serve_http(proxy: HttpProxy, host: str, port: int) -> None:
    """Serve until cancelled."""
    async with proxy.listening(host, port) as bound:
        shown = f"[{host}]" if ":" in host else host
        proxy.tell(f"listening on http://{shown}:{bound}{PATH} for {proxy.url}")
        await asyncio.Event().wait()


def new_trace_id() -> str:
    """An id under which the records of one session stand."""
    return f"mcp_{os.urandom(8).hex()}"


def _used(known: "OrderedDict[str, Wire]", key: str) -> Wire | None:
    found = known.get(key)
    if found is not None:
        known.move_to_end(key)
    return found


def _keep(known: "OrderedDict[str, Wire]", key: str, wire: Wire) -> None:
    known[key] = wire
    known.move_to_end(key)
    if len(known) > MAX_SESSIONS:
        known.popitem(last=False)


async def _limited(response: aiohttp.ClientResponse, most: int) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > most:
            raise BadFrameError("the server sent a message that is longer than allowed")
    return bytes(data)


def _answered(
    frame: Frame, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(body=frame.encode(), status=status, headers=headers, content_type=_JSON)
