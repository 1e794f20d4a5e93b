"""One request on its way to the servers that may serve it, one after another."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import msgspec

from tyrian.errors import UpstreamError
from tyrian.gateway.context import RequestContext
from tyrian.gateway.errors import ApiError
from tyrian.gateway.routing.breaker import Breaker
from tyrian.gateway.routing.server import Server
from tyrian.gateway.upstream import UpstreamReply

_UNWELL = frozenset({502, 503, 504})
"""Statuses that speak of the server. A 500 may be the fault of the one request, so that it leads on
to the next server, but whoever sends such requests cannot close this one to all others."""
_MODEL_HEADER = b"x-tyrian-model"


class Notes(Protocol):
    """Where attempts are counted."""

    def attempt(self, server: str, outcome: str) -> None:
        """Count one try of a server: `answered`, `failed` or its status."""

    def fallback(self, server: str, to: str) -> None:
        """Count a request that went on to another server."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that may serve a request, and the model's names."""

    id: str
    """The model as clients know it."""
    server: Server
    model: str
    """Its name at the server."""


class Attempts:
    """The candidates of one request as one upstream: no client sees which of them answers.

    The next one is tried where a server cannot be reached, is too late, or answers 429 or 5xx; once
    the head of an answer is there, it stays with that server, and so do further questions of the
    same request: what one server said is not told to another. The last failure is what counts.
    """

    def __init__(
        self, candidates: Sequence[Candidate], notes: Notes, context: RequestContext | None = None
    ) -> None:
        """`context` is told which model serves the request."""
        self._candidates = tuple(candidates)
        self._first = candidates[0]
        self._notes = notes
        self._context = context
        self._at = candidates[0]
        self.model_ids: tuple[str, ...] = tuple(c.model for c in candidates)

    @property
    def name(self) -> str:
        """The server that was asked last."""
        return self._at.server.name

    async def chat(self, body: bytes, *, is_stream: bool, is_last: bool = True) -> UpstreamReply:
        """The reply of the first server that gives one; UpstreamError where none does."""
        at = self._next(-1)
        if at is None:
            raise self._all_open()
        while True:
            following = self._next(at, is_peek=True)
            try:
                reply = await self._ask(at, body, is_stream, is_last=following is None)
            except UpstreamError:
                at = self._go_on(at)
                if at is None:
                    raise
                continue
            is_refusal = reply.status == 429 or reply.status >= 500
            onward = self._go_on(at) if is_refusal else None
            if onward is None:
                return reply
            await reply.close()
            at = onward

    async def _ask(self, at: int, body: bytes, is_stream: bool, *, is_last: bool) -> UpstreamReply:
        candidate = self._candidates[at]
        self._at = candidate
        self._tell(candidate)
        breaker = candidate.server.breaker
        try:
            reply = await candidate.server.upstream.chat(
                _addressed(body, self._first, candidate),
                is_stream=is_stream,
                is_last=is_last,
            )
        except UpstreamError:
            breaker.fail()
            self._note(candidate.server, "failed")
            raise
        except BaseException:
            breaker.release()
            raise
        if reply.status in _UNWELL:
            breaker.fail()
        elif reply.status != 200:
            breaker.release() if reply.status in (429, 500) else breaker.succeed()
        self._note(candidate.server, "answered" if reply.status == 200 else str(reply.status))
        if reply.status != 200:
            return reply
        self._candidates = (candidate,)
        return _Watched(reply, breaker)

    def _go_on(self, at: int) -> int | None:
        onward = self._next(at)
        if onward is not None:
            names = self._candidates[at].server.name, self._candidates[onward].server.name
            self._notes.fallback(*names)
        return onward

    def _next(self, at: int, *, is_peek: bool = False) -> int | None:
        """The next candidate whose circuit lets a request through; a peek begins none."""
        for place in range(at + 1, len(self._candidates)):
            breaker = self._candidates[place].server.breaker
            if (breaker.wait_s == 0) if is_peek else breaker.begin():
                return place
        return None

    def _note(self, server: Server, outcome: str) -> None:
        self._notes.attempt(server.name, outcome)

    def _tell(self, candidate: Candidate) -> None:
        if self._context is None:
            return
        self._context.model = candidate.model
        name = candidate.id.encode("ascii", "replace")
        kept = [(key, value) for key, value in self._context.headers if key != _MODEL_HEADER]
        self._context.headers[:] = [*kept, (_MODEL_HEADER, name)]

    def _all_open(self) -> ApiError:
        wait_s = min(c.server.breaker.wait_s for c in self._candidates)
        return ApiError(
            503,
            "The model server has failed too often, and is left alone for a moment.",
            code="circuit_open",
            headers=((b"retry-after", b"%d" % max(1, ceil(wait_s))),),
        )

    async def list_models(self) -> list[dict[str, object]]:
        """The models of the server that was asked last."""
        return await self._at.server.upstream.list_models()

    async def close(self) -> None:
        """Nothing of its own to let go of."""


def _addressed(body: bytes, first: Candidate, candidate: Candidate) -> bytes:
    """The body, which names the first candidate's model, for another one."""
    if candidate.model == first.model:
        return body
    request = msgspec.json.decode(body)
    request["model"] = candidate.model
    return msgspec.json.encode(request)


class _Watched:
    """A good reply whose end tells the breaker how it went."""

    def __init__(self, reply: UpstreamReply, breaker: Breaker) -> None:
        self._reply = reply
        self._breaker: Breaker | None = breaker
        self.status = reply.status
        self.headers: Mapping[str, str] = reply.headers

    async def read(self) -> bytes:
        """The whole body."""
        try:
            body = await self._reply.read()
        except UpstreamError:
            self._ended(is_good=False)
            raise
        self._ended(is_good=True)
        return body

    async def events(self) -> AsyncIterator[bytes]:
        """The events as they come."""
        try:
            async for payload in self._reply.events():
                yield payload
        except UpstreamError:
            self._ended(is_good=False)
            raise
        self._ended(is_good=True)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._breaker is not None:
            self._breaker.release()
            self._breaker = None
        await self._reply.close()

    def _ended(self, *, is_good: bool) -> None:
        if self._breaker is None:
            return
        if is_good:
            self._breaker.succeed()
        else:
            self._breaker.fail()
        self._breaker = None
