"""A model behind HTTP: one pooled session, adaptive concurrency, errors in three classes.

Retry: the server did nothing with the request, or may do better later. Filtered: a content filter
stopped it, which is a result. Fatal: trying again is of no use (key, model name, bad request).
"""

import asyncio
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import aiohttp

from tyrian.errors import ConfigError
from tyrian.evals.exchange import Reply, ReplyStatus, Request
from tyrian.evals.models import anthropic_wire, openai_wire
from tyrian.evals.models.limiter import Limiter
from tyrian.models.server_url import check_server_url

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
PACED = frozenset({429, 503, 529})
"""Statuses that speak of too many requests."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a kind of server is spoken to."""

    path: str
    body_of: Callable[[Request, str], bytes]
    reply_of: Callable[[bytes], Reply]
    key_header: str
    key_form: str
    headers: Mapping[str, str]


OPENAI = Dialect(
    "/chat/completions",
    openai_wire.body_of,
    openai_wire.reply_of,
    "authorization",
    "Bearer {}",
    MappingProxyType({}),
)
ANTHROPIC = Dialect(
    "/messages",
    anthropic_wire.body_of,
    anthropic_wire.reply_of,
    "x-api-key",
    "{}",
    MappingProxyType({"anthropic-version": anthropic_wire.VERSION}),
)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds in seconds, bytes and requests."""

    connect_s: float = 10.0
    try_s: float = 300.0
    """Longest time of one try."""
    deadline_s: float = 900.0
    """Longest time of all tries of one request, pauses included."""
    first_pause_s: float = 0.5
    longest_pause_s: float = 60.0
    start: int = 16
    highest: int = 64
    """Requests at once, at first and at most."""
    answer_bytes: int = 8 << 20


class HttpModel:
    """One model of one server; keys come from the environment alone."""

    def __init__(
        self,
        model: str,
        base_url: str,
        *,
        dialect: Dialect = OPENAI,
        key_env: str = "",
        limits: HttpLimits | None = None,
        name: str = "",
    ) -> None:
        check_server_url(base_url, path="/v1", what=repr(base_url))
        self.name = name or model
        self.identity = f"{base_url.rstrip('/')}#{model}"
        self.account = f"{base_url.rstrip('/')}#{key_env}"
        self._model = model
        self._url = base_url.rstrip("/") + dialect.path
        self._dialect = dialect
        self._limits = limits or HttpLimits()
        self._headers = {"content-type": "application/json", **dialect.headers}
        if key_env:
            key = os.environ.get(key_env, "").strip()
            if not key:
                raise ConfigError(
                    f"the key of {self.name} is not in the environment variable {key_env}",
                    hint=f"export {key_env}=...",
                )
            self._headers[dialect.key_header] = dialect.key_form.format(key)
        self.limiter = Limiter(self._limits.start, self._limits.highest)
        self._session: aiohttp.ClientSession | None = None

    async def reply(self, request: Request) -> Reply:
        """Ask until there is an answer, a final refusal, or the deadline."""
        body = self._dialect.body_of(request, self._model)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.deadline_s
        pause = self._limits.first_pause_s
        reason = "timeout"
        while (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self.limiter.enter()
            except TimeoutError:
                break
            try:
                outcome = await self._once(body, min(left, self._limits.try_s))
            finally:
                self.limiter.leave()
            if isinstance(outcome, Reply):
                return outcome
            reason, asked = outcome
            wait = asked if asked is not None else pause * random.uniform(0.5, 1.5)  # noqa: S311
            if loop.time() + wait >= end:
                break
            await asyncio.sleep(wait)
            pause = min(pause * 2, self._limits.longest_pause_s)
        return Reply("", ReplyStatus.FAILED, reason)

    async def _once(self, body: bytes, time_s: float) -> Reply | tuple[str, float | None]:
        """A reply, or why another try is due, and after how many seconds if the server said."""
        try:
            async with asyncio.timeout(time_s):
                async with self._open().post(
                    self._url, data=body, allow_redirects=False
                ) as response:
                    data = await self._read(response)
                    status, headers = response.status, response.headers
        except TimeoutError:
            return "timeout", None
        except (aiohttp.ClientError, OSError):
            return "connection", None
        if data is None:
            return Reply("", ReplyStatus.FAILED, "too_large")
        if status == 200:
            self.limiter.answered()
            reply = self._dialect.reply_of(data)
            return ("not_a_completion", None) if reply.reason == "not_a_completion" else reply
        if status in RETRIED:
            wait = pause_of(headers)
            if status in PACED:
                self.limiter.refused(wait if wait is not None else self._limits.first_pause_s)
            return ("rate_limit" if status == 429 else f"http_{status}"), wait
        if status in (400, 403) and openai_wire.is_filtered(data):
            return Reply("", ReplyStatus.FILTERED, "content_filter")
        return Reply("", ReplyStatus.FAILED, f"http_{status}")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes | None:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._limits.answer_bytes:
                response.close()
                return None
            chunks.append(chunk)
        return b"".join(chunks)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()


def pause_of(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait; None where it says nothing usable."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if 0 <= seconds < 1e6:
            return seconds
    return None
