"""A client for any server that speaks the OpenAI dialect."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec

from tyrian.errors import ConfigError, UpstreamError
from tyrian.models.chat.completion import Completion, read_completion
from tyrian.models.server_url import check_server_url

if TYPE_CHECKING:
    import aiohttp

_RETRIED_STATUS = frozenset({429, 502, 503})

ChatMessage = Mapping[str, object]
"""A message as it goes over the wire: `role`, `content`."""


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """Bounds on time, size and tries; seconds and bytes."""

    connect_s: float = 5.0
    total_s: float = 60.0
    """Longest time of one try."""
    retries: int = 2
    """Tries after the first, and only where the server did nothing with it."""
    backoff_s: float = 0.1
    max_retry_after_s: float = 5.0
    max_answer_bytes: int = 4 << 20
    pool: int = 64


class ChatClient:
    """One model of one server; one pool of connections per event loop.

    Follows no redirect, keeps no cookie, reads no proxy variable. Errors name the server's host
    and status, never what was sent or answered.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key_env: str = "",
        limits: ChatLimits | None = None,
    ) -> None:
        check_server_url(base_url, path="/v1")
        self.base_url = base_url.rstrip("/")
        self.model = model
        self.limits = limits or ChatLimits()
        self._headers = _headers(api_key_env)
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = (
            WeakKeyDictionary()
        )

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        logprobs: bool = False,
        top_logprobs: int = 0,
        stop: Sequence[str] = (),
        seed: int | None = None,
        response_format: Mapping[str, object] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> Completion:
        """The answer to a conversation; the server applies the model's own chat template.

        `extra` holds fields that only some servers know. UpstreamError where no answer came.
        """
        body: dict[str, object] = {
            **self._common(max_tokens, temperature, stop, seed),
            "messages": list(messages),
        }
        if logprobs or top_logprobs:
            body |= {"logprobs": True, "top_logprobs": top_logprobs}
        if response_format is not None:
            body["response_format"] = dict(response_format)
        return read_completion(await self.post("/chat/completions", {**body, **(extra or {})}))

    async def complete_text(
        self,
        prompt: str,
        *,
        max_tokens: int,
        temperature: float = 0.0,
        top_logprobs: int = 0,
        stop: Sequence[str] = (),
        seed: int | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> Completion:
        """The continuation of a text that has its special tokens already."""
        body = {**self._common(max_tokens, temperature, stop, seed), "prompt": prompt}
        if top_logprobs:
            body["logprobs"] = top_logprobs
        return read_completion(await self.post("/completions", {**body, **(extra or {})}))

    def _common(
        self, max_tokens: int, temperature: float, stop: Sequence[str], seed: int | None
    ) -> dict[str, object]:
        body: dict[str, object] = {
            "model": self.model,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": False,
        }
        if stop:
            body["stop"] = list(stop)
        if seed is not None:
            body["seed"] = seed
        return body

    async def post(self, path: str, body: Mapping[str, object]) -> bytes:
        """Send a body and give the whole answer of status 200; UpstreamError otherwise."""
        import aiohttp  # 0.2 s of CPU, which a stack without a remote guard need not spend

        unreached = (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError)
        data = msgspec.json.encode(body)
        wait_s = self.limits.backoff_s
        for left in range(self.limits.retries, -1, -1):
            try:
                answer = await self._post_once(path, data)
            except unreached as error:
                if not left:
                    raise UpstreamError("the model server cannot be reached", status=502) from error
                answer = wait_s
            except TimeoutError as error:
                raise UpstreamError(
                    "the model server did not answer in time", status=504
                ) from error
            except aiohttp.ClientError as error:
                raise UpstreamError("the model server broke off", status=502) from error
            if isinstance(answer, bytes):
                return answer
            if not left:
                raise UpstreamError("the model server is overloaded", status=503)
            await asyncio.sleep(answer or wait_s)
            wait_s *= 2
        raise AssertionError("unreachable: the last try returns or raises")

    async def _post_once(self, path: str, data: bytes) -> bytes | float:
        """The answer, or the seconds after which the server may be asked again (0: unsaid)."""
        async with self._open().post(
            self.base_url + path, data=data, allow_redirects=False
        ) as response:
            if response.status in _RETRIED_STATUS:
                wait_s = _retry_after_s(response.headers.get("retry-after", ""))
                if wait_s <= self.limits.max_retry_after_s:
                    return wait_s
            if response.status != 200:
                raise UpstreamError(
                    f"the model server answered with status {response.status}",
                    status=response.status,
                    hint=_hint(response.status),
                )
            return await self._read(response)

    async def _read(self, response: "aiohttp.ClientResponse") -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self.limits.max_answer_bytes:
                response.close()
                raise UpstreamError("the model server's answer is over the size limit", status=502)
            chunks.append(chunk)
        return b"".join(chunks)

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            limits = self.limits
            session = self._sessions[loop] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=limits.pool, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=limits.total_s, sock_connect=limits.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                trust_env=False,
            )
        return session

    async def close(self) -> None:
        """Close the pools, those of other running event loops too."""
        here = asyncio.get_running_loop()
        sessions, self._sessions = dict(self._sessions), WeakKeyDictionary()
        for loop, session in sessions.items():
            if loop is here or not loop.is_running():
                await session.close()
            else:
                done = asyncio.run_coroutine_threadsafe(session.close(), loop)
                await asyncio.wrap_future(done)


def _headers(api_key_env: str) -> dict[str, str]:
    headers = {"content-type": "application/json", "user-agent": "tyrian"}
    if api_key_env:
        key = os.environ.get(api_key_env, "").strip()
        if not key:
            raise ConfigError(
                f"the model server's key is not in the environment variable {api_key_env}",
                hint=f"export {api_key_env}=...",
            )
        headers["authorization"] = f"Bearer {key}"
    return headers


def _retry_after_s(value: str) -> float:
    try:
        wait_s = float(value)
    except ValueError:
        return 0.0
    return wait_s if wait_s >= 0 else 0.0


def _hint(status: int) -> str:
    if status in (401, 403):
        return "check the key that `api_key_env` names"
    if status == 404:
        return "check `url` (up to and with /v1) and the name of the model"
    if status in (400, 413, 422):
        return "the server refused the request: too long, or a field that it does not know"
    return ""
