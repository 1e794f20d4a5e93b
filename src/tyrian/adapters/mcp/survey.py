"""Asks a server for all that it offers, for a person to approve."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

from tyrian.adapters.mcp.definition import LISTINGS, Listing, entries_of
from tyrian.adapters.mcp.frame import (
    BadFrameError,
    Frame,
    Kind,
    answer,
    as_object,
    error,
    frame_of,
    read_frame,
)
from tyrian.adapters.mcp.headers import SESSION
from tyrian.adapters.mcp.process import MAX_BYTES, Server
from tyrian.adapters.mcp.sse import EVENT_STREAM, EventReader
from tyrian.errors import UpstreamError
from tyrian.policy.strict_json import Json

VERSION = "2025-11-25"
TIMEOUT_S = 60.0
MAX_PAGES = 1_000
_NO_METHOD = -32601


@dataclass(slots=True)
class Offer:
    """What a server offers."""

    instructions: str = ""
    entries: dict[str, list[dict[str, Json]]] = field(default_factory=dict)
    """Definitions by the method that lists them."""


class Line(Protocol):
    """A way to a server."""

    async def send(self, frame: Frame) -> None:
        """Send a message."""

    async def receive(self) -> Frame | None:
        """The next message; None where none comes any more."""


async def survey_program(command: Sequence[str]) -> Offer:
    """Start a server, ask it, and end it; UpstreamError where it does not answer."""
    server = await Server.start(command)
    try:
        return await _surveyed(server)
    finally:
        await server.stop()


async def survey_url(url: str, headers: Mapping[str, str]) -> Offer:
    """Ask a server over HTTP; UpstreamError where it does not answer."""
    async with aiohttp.ClientSession(headers=dict(headers)) as client:
        line = _HttpLine(client, url)
        try:
            return await _surveyed(line)
        except aiohttp.ClientError as fault:
            raise UpstreamError(f"{url} cannot be asked: {type(fault).__name__}") from None
        finally:
            await line.close()


async def _surveyed(line: Line) -> Offer:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _Survey(line).all()
    except TimeoutError:
        raise UpstreamError(f"the server did not answer within {TIMEOUT_S:.0f} s") from None
    except BadFrameError as bad:
        raise UpstreamError(f"the server cannot be understood: {bad.message}") from None


class _Survey:
    def __init__(self, line: Line) -> None:
        self._line = line
        self._ids = itertools.count(1)

    async def all(self) -> Offer:
        """Greet the server and ask for its lists."""
        info: dict[str, Json] = {"name": "tyrian", "version": "1"}
        greeting = await self._ask(
            "initialize", {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": info}
        )
        await self._line.send(frame_of({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        told = greeting.get("instructions")
        offer = Offer(told if isinstance(told, str) else "")
        can = as_object(greeting.get("capabilities"))
        for listing in LISTINGS.values():
            if listing.is_pinned and listing.member in can:
                offer.entries[listing.method] = await self._list(listing)
        return offer

    async def _list(self, listing: Listing) -> list[dict[str, Json]]:
        found: list[dict[str, Json]] = []
        cursor: Json = None
        for _ in range(MAX_PAGES):
            params: dict[str, Json] = {} if cursor is None else {"cursor": cursor}
            page = await self._ask(listing.method, params)
            found += entries_of(listing, page)
            cursor = page.get("nextCursor")
            if cursor is None:
                return found
        raise BadFrameError(f"the answer to {listing.method} has no last page")

    async def _ask(self, method: str, params: dict[str, Json]) -> dict[str, Json]:
        identity = next(self._ids)
        body: dict[str, Json] = {"jsonrpc": "2.0", "id": identity, "method": method}
        await self._line.send(frame_of({**body, "params": params}))
        while (frame := await self._line.receive()) is not None:
            if frame.kind is Kind.REQUEST:
                is_ping = frame.method == "ping"
                no = error(frame.id, _NO_METHOD, "not known here")
                await self._line.send(answer(frame, {}) if is_ping else no)
            elif frame.kind is Kind.RESPONSE and frame.id == identity:
                if "error" in frame.body:
                    raise UpstreamError(f"the server refuses {method}")
                return as_object(frame.body["result"])
        raise UpstreamError(f"the server ended before it answered {method}")


class _HttpLine:
    """Streamable HTTP: what is received is what came in answer to what was sent."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client = client
        self._url = url
        self._headers = {"Accept": f"application/json, {EVENT_STREAM}"}
        self._came: list[Frame] = []

    async def send(self, frame: Frame) -> None:
        headers = {**self._headers, "Content-Type": "application/json"}
        async with self._client.post(
            self._url, data=frame.encode(), headers=headers, allow_redirects=False
        ) as response:
            if response.status >= 300:
                raise UpstreamError(f"{self._url} answers with HTTP {response.status}")
            if session := response.headers.get(SESSION):
                self._headers[SESSION] = session
            self._headers["MCP-Protocol-Version"] = VERSION
            if frame.kind is not Kind.REQUEST:
                return
            reader = EventReader(MAX_BYTES) if response.content_type == EVENT_STREAM else None
            data = bytearray()
            async for chunk in response.content.iter_any():
                if reader is not None:
                    events = [event.data for event in reader.feed(chunk) if event.data]
                    self._came += [read_frame(one.encode()) for one in events]
                    if any(one.kind is Kind.RESPONSE for one in self._came):
                        return
                elif len(data := data + chunk) > MAX_BYTES:
                    raise BadFrameError("an answer is longer than allowed")
            if data:
                self._came.append(read_frame(bytes(data)))

    async def receive(self) -> Frame | None:
        return self._came.pop(0) if self._came else None

    async def close(self) -> None:
        """Tell the server that the session is over."""
        if SESSION in self._headers:
            try:
                async with self._client.delete(self._url, headers=self._headers):
                    return
            except aiohttp.ClientError:
                return
