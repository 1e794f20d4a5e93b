"""A prompt-attack classifier behind HTTP: windows by characters, several requests under way."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tyrian.errors import ConfigError, DetectorError
from tyrian.models.server_url import check_server_url
from tyrian.models.transformer.remote_wire import Dialect, Scores

if TYPE_CHECKING:
    import aiohttp

MAX_ANSWER_BYTES = 4 << 20
TEXTS_PER_REQUEST = 16
_OVERLAP_SHARE = 4


@dataclass(frozen=True, slots=True)
class Span:
    """A window of a text, in characters."""

    start: int
    end: int


def spans(length: int, size: int) -> Iterator[Span]:
    """Windows of `size` characters over a text, neighbours sharing a quarter; never none."""
    step = size - size // _OVERLAP_SHARE
    start = 0
    while start + size < length:
        yield Span(start, start + size)
        start += step
    yield Span(max(0, min(start, length - size)), length)


class RemoteClassifier:
    """Asks a server for scores; every failure is a DetectorError, none is taken for harmless."""

    def __init__(self, url: str, dialect: Dialect, *, api_key_env: str, timeout_s: float) -> None:
        check_server_url(url, path="/classify")
        self.url = url
        self.dialect = dialect
        self._timeout_s = timeout_s
        self._headers = {"Content-Type": "application/json"}
        if api_key_env:
            key = os.environ.get(api_key_env, "")
            if not key:
                raise ConfigError(
                    f"the environment variable {api_key_env} is empty",
                    hint="put the key of the classification server into it",
                )
            self._headers["Authorization"] = f"Bearer {key}"
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    async def scores(self, texts: Sequence[str]) -> list[Scores]:
        """Scores by meaning, one per text, in one request."""
        import aiohttp  # most stacks ask no server, and it takes a while to load

        body = self.dialect.body(texts)
        try:
            async with self._session().post(
                self.url, data=body, headers=self._headers, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise DetectorError(f"the classification server answered {response.status}")
                answer = await _read(response)
        except TimeoutError:
            raise DetectorError("the classification server did not answer in time") from None
        except aiohttp.ClientError as error:
            raise DetectorError(
                f"the classification server cannot be reached ({type(error).__name__})"
            ) from None
        return self.dialect.scores(answer, len(texts))

    async def close(self) -> None:
        """Let go of the connections of this event loop, and of those whose loop has ended."""
        sessions, self._sessions = self._sessions, {}
        here = asyncio.get_running_loop()
        for loop, session in sessions.items():
            if loop is here:
                await session.close()
            elif loop.is_running():
                loop.call_soon_threadsafe(_close_there, session)

    def _session(self) -> "aiohttp.ClientSession":
        """One pool of connections per event loop, which is what aiohttp needs."""
        import aiohttp

        loop = asyncio.get_running_loop()
        known = self._sessions.get(loop)
        if known is None or known.closed:
            for gone in [other for other in self._sessions if other.is_closed()]:
                del self._sessions[gone]
            known = self._sessions[loop] = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return known


_CLOSING: set["asyncio.Task[None]"] = set()


def _close_there(session: "aiohttp.ClientSession") -> None:
    task = asyncio.get_running_loop().create_task(session.close())
    _CLOSING.add(task)
    task.add_done_callback(_CLOSING.discard)


async def _read(response: "aiohttp.ClientResponse") -> bytes:
    found = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        found += chunk
        if len(found) > MAX_ANSWER_BYTES:
            raise DetectorError("the classification server's answer has no end")
    return bytes(found)
