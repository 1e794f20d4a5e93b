"""Model servers that speak the OpenAI dialect, behind one protocol."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec

from tyrian.errors import ConfigError, UpstreamError
from tyrian.gateway.routing.posture import Posture
from tyrian.gateway.sse import DONE, EventParser
from tyrian.models.server_url import check_server_url
from tyrian.stack.hosted import is_hosted

MAX_ANSWER_BYTES = 32 << 20
MAX_RETRY_AFTER_S = 5.0
DRAIN_S = 0.25
_RETRIED_STATUS = frozenset({429, 503})
_CONNECTION_FAILURES = (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError)


class UpstreamReply(Protocol):
    """An answer whose headers have arrived; `close` must be called, also after a failure."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers; look-ups by lower-case name must work."""

    async def read(self) -> bytes:
        """The whole body."""

    def events(self) -> AsyncIterator[bytes]:
        """Payloads of the `data:` events as they come, `[DONE]` among them."""

    async def close(self) -> None:
        """Let go of the connection; cancels an answer that is still under way."""


class Upstream(Protocol):
    """A model server."""

    @property
    def name(self) -> str:
        """What the stack calls it."""

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The models it is known to serve; empty where it is asked by `list_models`."""

    async def chat(self, body: bytes, *, is_stream: bool, is_last: bool = True) -> UpstreamReply:
        """Send a chat completion request (JSON text); UpstreamError where no answer came.

        Where it is not the last server to be asked, it is not asked twice.
        """

    async def list_models(self) -> list[dict[str, object]]:
        """Its model objects; UpstreamError where it cannot be asked."""

    async def close(self) -> None:
        """Let go of all connections."""


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Bounds on time and size; seconds and bytes."""

    connect_s: float = 5.0
    first_byte_s: float | None = None
    """Until the head of an answer must be there; None leaves it to `read_s`."""
    read_s: float = 600.0
    """Longest silence of the upstream, time to the first token included."""
    total_s: float | None = None
    """Until the end of an answer; None puts no bound."""
    retries: int = 2
    max_answer_bytes: int = MAX_ANSWER_BYTES
    pool: int = 4096
    """Connections at once; a stream holds one as long as it runs."""


class HttpReply:
    """A reply of an HttpUpstream."""

    def __init__(self, response: aiohttp.ClientResponse, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        """The whole body, bounded."""
        return b"".join([chunk async for chunk in self._chunks()])

    async def events(self) -> AsyncIterator[bytes]:
        """Payloads of the events; UpstreamError for a stream that stops in the middle of one."""
        parser = EventParser()
        async for chunk in self._chunks():
            for payload in parser.feed(chunk):
                if payload == DONE:
                    # Before it is told: a client may go at once, and the connection with it.
                    await self._drain()
                    yield payload
                    return
                yield payload
        if parser.has_rest:
            raise UpstreamError("the upstream broke off in the middle of an event")

    async def _chunks(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in self._response.content.iter_any():
                size += len(chunk)
                if size > self._max_bytes:
                    raise UpstreamError("the upstream's answer is over the size limit", status=502)
                yield chunk
        except TimeoutError as error:
            raise UpstreamError("the upstream fell silent", status=504) from error
        except aiohttp.ClientError as error:
            raise UpstreamError("the upstream broke off its answer", status=502) from error

    async def _drain(self) -> None:
        """Wait a moment for the end that follows `[DONE]`, so that the connection is used again."""
        try:
            async with asyncio.timeout(DRAIN_S):
                while not self._response.content.at_eof():
                    await self._response.content.readany()
        except (TimeoutError, aiohttp.ClientError):
            return

    async def close(self) -> None:
        """Give the connection back to the pool, or close it where the answer is unfinished."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class HttpUpstream:
    """An OpenAI-compatible server over HTTP with one pool of connections.

    Follows no redirect, keeps no cookie, reads no proxy variable, and sends no header of the
    client: only its own credential goes out, and only to `base_url`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str = "upstream",
        api_key_env: str = "",
        model_ids: tuple[str, ...] = (),
        limits: UpstreamLimits | None = None,
        posture: Posture | None = None,
    ) -> None:
        """`posture` follows from the address where it is left out."""
        check_server_url(base_url, path="/v1", what=f"the base URL of upstream {name!r}")
        self.name = name
        self.model_ids = model_ids
        self.base_url = base_url.rstrip("/")
        self.posture = posture or Posture(is_hosted=is_hosted(base_url))
        self._limits = limits or UpstreamLimits()
        self._headers = _headers(name, api_key_env)
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = self._limits
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=limits.pool, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(
                    total=limits.total_s, sock_connect=limits.connect_s, sock_read=limits.read_s
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def chat(self, body: bytes, *, is_stream: bool, is_last: bool = True) -> HttpReply:
        """Post a chat completion; retried only where no answer has begun and the server allows."""
        retries = self._limits.retries if is_last else 0
        return await self._send("POST", "/chat/completions", body, retries)

    async def check(self, path: str, timeout_s: float) -> None:
        """UpstreamError unless a GET of this path, from the server's root, gives 2xx in time."""
        root = urlsplit(self.base_url)
        url = f"{root.scheme}://{root.netloc}{path}"
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._open().get(url, allow_redirects=False) as response,
            ):
                status = response.status
        except (TimeoutError, aiohttp.ClientError) as error:
            raise UpstreamError(f"upstream {self.name!r} did not answer its check") from error
        if not 200 <= status < 300:
            raise UpstreamError(f"upstream {self.name!r} is not well", status=status)

    async def list_models(self) -> list[dict[str, object]]:
        """The server's own model objects."""
        reply = await self._send("GET", "/models", None, self._limits.retries)
        try:
            if reply.status != 200:
                raise UpstreamError("the upstream lists no models", status=reply.status)
            listing = msgspec.json.decode(await reply.read(), type=_Listing)
        except msgspec.DecodeError as error:
            raise UpstreamError("the upstream's model list cannot be read") from error
        finally:
            await reply.close()
        return listing.data

    async def _send(self, method: str, path: str, body: bytes | None, retries: int) -> HttpReply:
        for attempt in range(retries + 1):
            is_last = attempt == retries
            try:
                reply = await self._send_once(method, path, body)
            except _CONNECTION_FAILURES as error:
                if is_last:
                    raise UpstreamError(
                        f"upstream {self.name!r} cannot be reached", status=502
                    ) from error
                await asyncio.sleep(0.05 * 2**attempt)
                continue
            except TimeoutError as error:
                raise UpstreamError(
                    f"upstream {self.name!r} did not answer in time", status=504
                ) from error
            except aiohttp.ClientError as error:
                raise UpstreamError(f"upstream {self.name!r} failed", status=502) from error
            wait = None if is_last else _retry_after(reply)
            if wait is None:
                return reply
            await reply.close()
            await asyncio.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _send_once(self, method: str, path: str, body: bytes | None) -> HttpReply:
        async with asyncio.timeout(self._limits.first_byte_s):
            response = await self._open().request(
                method, self.base_url + path, data=body, allow_redirects=False
            )
        encoding = response.headers.get("content-encoding", "identity")
        if 300 <= response.status < 400 or encoding != "identity":
            response.close()
            what = "a redirect" if response.status < 400 and response.status >= 300 else encoding
            raise UpstreamError(f"upstream {self.name!r} answered with {what}", status=502)
        return HttpReply(response, self._limits.max_answer_bytes)

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Listing(msgspec.Struct):
    data: list[dict[str, object]]


def _headers(name: str, api_key_env: str) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "tyrian",
    }
    if api_key_env:
        key = os.environ.get(api_key_env, "").strip()
        if not key:
            raise ConfigError(
                f"upstream {name!r} needs its key in the environment variable {api_key_env}",
                hint=f"export {api_key_env}=...",
            )
        headers["authorization"] = f"Bearer {key}"
    return headers


def _retry_after(reply: HttpReply) -> float | None:
    """Seconds to wait before another try, None where the server asked for none or too many."""
    if reply.status not in _RETRIED_STATUS:
        return None
    try:
        wait = float(reply.headers.get("retry-after", ""))
    except ValueError:
        return None
    return wait if 0 <= wait <= MAX_RETRY_AFTER_S else None
