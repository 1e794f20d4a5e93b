"""The hub's protocol over HTTP: what a repository holds, and the bytes of its files.

As documented by the hub: `/api/models/{repository}/revision/{revision}` and
`/{repository}/resolve/{commit}/{path}`, which redirects to where the bytes are. aiohttp is in the
base install, so that models can be fetched on a machine without the heavy extras.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
from yarl import URL

import tyrian
from tyrian.models.hub.endpoint import Endpoint
from tyrian.models.hub.errors import HubError, OfflineError, RefusedError
from tyrian.models.hub.listing import Listing, RemoteFile, digest_of_tag, parse_listing
from tyrian.models.hub.refusal import refusal

_LONGEST_ANSWER = 32 << 20
_MOST_REDIRECTS = 5
_LONGEST_HEADER = 32 << 10
"""Bytes; signed addresses are long."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT_S = 60.0
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-", re.ASCII)
CHUNK = 1 << 20


class BrokenOffError(HubError):
    """The answer broke off, or the hub was busy; asking again may help."""

    def __init__(self, message: str, *, wait_s: float = 0.0) -> None:
        super().__init__(message, hint="run the command again: it goes on where it stopped")
        self.wait_s = wait_s
        """How long the hub asks to wait, seconds; 0 where it does not say."""


class RangeError(BrokenOffError):
    """The server does not give the bytes from where the file stops here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of 200 or 206, and the headers of the redirects on the way to it."""

    response: aiohttp.ClientResponse
    hops: tuple[Mapping[str, str], ...]
    """Headers, the hub's own answer first and the last one at the end."""

    def first(self, *names: str) -> str:
        """The value of the first of these headers that an answer has; empty without one."""
        return next((hop[name] for hop in self.hops for name in names if name in hop), "")


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a file from an offset on."""

    offset: int
    response: aiohttp.ClientResponse

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they come, at most `CHUNK` at once."""
        async for chunk in self.response.content.iter_chunked(CHUNK):
            yield chunk


class Hub:
    """A connection to one hub; an async context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._base = URL(endpoint.url)
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        if self.endpoint.is_offline:
            raise OfflineError(
                "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids the network",
                hint="unset it, or copy the model's directory from a machine that has it",
            )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
        # Proxies come from the environment, as with every other tool that speaks to the hub.
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            trust_env=True,
            read_bufsize=CHUNK,
            max_field_size=_LONGEST_HEADER,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"tyrian/{tyrian.__version__}", "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def listing(self, repository: str, revision: str) -> Listing:
        """The files of a repository at a branch, a tag or a commit."""
        path = f"api/models/{repository}/revision/{quote(revision, safe='')}?blobs=true"
        body = bytearray()
        async with self._ask("GET", repository, path, f"revision {revision!r}") as answer:
            async for chunk in answer.response.content.iter_chunked(CHUNK):
                body += chunk
                if len(body) > _LONGEST_ANSWER:
                    raise HubError(f"the hub's answer about {repository} has no end")
        return parse_listing(repository, bytes(body))

    async def described(self, repository: str, commit: str, file: RemoteFile) -> RemoteFile:
        """The file with its size and digest, as the headers of its address say."""
        path = _file_path(repository, commit, file.path)
        async with self._ask("HEAD", repository, path, file.path) as answer:
            # The hub's own answer names them; what stands behind is a store of bytes.
            digest = file.digest or digest_of_tag(answer.first("X-Linked-Etag", "ETag"))
            size = answer.first("X-Linked-Size") or answer.hops[-1].get("Content-Length", "")
        found = int(size) if size.isascii() and size.isdigit() else None
        return RemoteFile(file.path, found if file.size is None else file.size, digest)

    @asynccontextmanager
    async def body(
        self, repository: str, commit: str, file: RemoteFile, offset: int
    ) -> AsyncIterator[Body]:
        """The file's bytes from `offset` on, or from 0 where the server knows no ranges."""
        path = _file_path(repository, commit, file.path)
        asked = {"Range": f"bytes={offset}-"} if offset else {}
        async with self._ask("GET", repository, path, file.path, asked) as answer:
            came = answer.first("X-Repo-Commit")
            if came and came != commit:
                raise RefusedError(f"{file.path} came from commit {came[:40]}, not {commit}")
            yield Body(_offset_of(answer.response, offset), answer.response)

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        repository: str,
        path: str,
        what: str,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> AsyncIterator[Answer]:
        """An answer of 200 or 206; everything else becomes an error of ours."""
        url = URL(f"{self.endpoint.url}/{path}", encoded=True)
        try:
            async with self._follow(method, url, headers) as answer:
                self._check(answer, repository, what)
                yield answer
        except aiohttp.ClientSSLError as error:
            raise _insecure(url, error) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _unreachable(url, error) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BrokenOffError(f"the hub broke off in {what} ({type(error).__name__})") from None

    @asynccontextmanager
    async def _follow(
        self, method: str, url: URL, headers: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        """The answer behind the redirects; the token goes to the hub's own origin alone."""
        hops: list[Mapping[str, str]] = []
        for _ in range(_MOST_REDIRECTS + 1):
            sent = {**headers, **self._credentials(url)}
            async with self._session.request(
                method, url, headers=sent, allow_redirects=False
            ) as response:
                hops.append(response.headers)
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or not location:
                    yield Answer(response, tuple(hops))
                    return
            url = _target(url, location)
        raise HubError("the hub redirects without end")

    def _credentials(self, url: URL) -> dict[str, str]:
        if self.endpoint.token and url.origin() == self._base.origin():
            return {"Authorization": f"Bearer {self.endpoint.token}"}
        return {}

    def _check(self, answer: Answer, repository: str, what: str) -> None:
        status = answer.response.status
        if status in (200, 206):
            return
        if status == 416:
            raise RangeError(f"the hub has no bytes from there on of {what}")
        is_elsewhere = len(answer.hops) > 1
        if status in _BUSY or (is_elsewhere and status in (401, 403)):
            # Addresses in a store of bytes are good for minutes; asking again gives a new one.
            wait = answer.response.headers.get("Retry-After", "")
            wait_s = float(wait) if wait.isascii() and wait.isdigit() else 0.0
            told = f"the hub answered {status} for {what}"
            raise BrokenOffError(told, wait_s=min(wait_s, _LONGEST_WAIT_S))
        raise refusal(self.endpoint, repository, status, answer.response.headers, what)


def _file_path(repository: str, commit: str, path: str) -> str:
    return f"{repository}/resolve/{commit}/{quote(path)}"


def _target(url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location, encoded=True))
    except ValueError:
        raise HubError("the hub redirects to what is no address") from None
    if target.scheme not in ("http", "https") or (
        url.scheme == "https" and target.scheme == "http"
    ):
        raise RefusedError(
            f"the hub redirects from {url.scheme} to {target.scheme}, which is not secure"
        )
    return target


def _offset_of(response: aiohttp.ClientResponse, asked: int) -> int:
    """Where the bytes of this answer begin."""
    if response.status == 200:
        return 0
    found = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if not found or int(found[1]) != asked:
        raise RangeError("the hub gave other bytes than those asked for")
    return asked


def _unreachable(url: URL, error: Exception) -> OfflineError:
    return OfflineError(
        f"{url.host} cannot be reached ({type(error).__name__})",
        hint=(
            "check the network and HTTPS_PROXY; HF_ENDPOINT names a mirror; without a network copy "
            "the model's directory from a machine that has it"
        ),
    )


def _insecure(url: URL, error: Exception) -> OfflineError:
    return OfflineError(
        f"{url.host} cannot prove who it is ({type(error).__name__})",
        hint="behind a proxy that opens TLS, name its certificates with SSL_CERT_FILE",
    )
