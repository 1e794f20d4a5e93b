"""/healthz, /readyz and /metrics."""

import asyncio
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

import msgspec

from tyrian.errors import StoreError
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.metrics import CONTENT_TYPE, Metrics
from tyrian.gateway.responses import send_body

if TYPE_CHECKING:  # only several workers share one
    from tyrian.gateway.shared_metrics import Board

CHECK_S: Final = 2.0
"""Longest wait for the database before it counts as gone."""


@runtime_checkable
class Reachable(Protocol):
    """Something that requests cannot do without."""

    async def check(self) -> None:
        """StoreError where it cannot be reached."""


class Health:
    """Alive as long as the event loop turns; ready between start and shutdown.

    Ready also means that the database answers: without it every request would be refused.
    """

    def __init__(self, store: Reachable | None = None) -> None:
        self.is_ready = False
        self._store = store

    async def alive(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /healthz"""
        context_of(scope).route = "healthz"
        await send_body(send, b'{"status":"ok"}')

    async def ready(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /readyz: 503 before the start, once the shutdown has begun, or without database."""
        context_of(scope).route = "readyz"
        status = "ready" if self.is_ready else "not ready"
        if self.is_ready and not await self._has_store():
            status = "no database"
        body = msgspec.json.encode({"status": status})
        await send_body(send, body, status=200 if status == "ready" else 503)

    async def _has_store(self) -> bool:
        if self._store is None:
            return True
        try:
            async with asyncio.timeout(CHECK_S):
                await self._store.check()
        except (StoreError, TimeoutError):
            return False
        return True


class MetricsPage:
    """GET /metrics: of this worker, or of all that share a board."""

    def __init__(self, metrics: Metrics, board: "Board | None" = None) -> None:
        self._metrics = metrics
        self._board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context_of(scope).route = "metrics"
        if self._board is None:
            text = self._metrics.render()
        else:
            text = await asyncio.to_thread(self._board.render, self._metrics.registry)
        await send_body(send, text, content_type=CONTENT_TYPE)
