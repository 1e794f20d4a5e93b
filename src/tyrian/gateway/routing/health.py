"""Asks model servers from time to time whether they are well."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from tyrian.errors import UpstreamError
from tyrian.gateway.routing.posture import HealthCheck
from tyrian.gateway.routing.server import Server

JITTER = 0.1
"""Share of the interval by which checks drift apart, so that workers do not ask all at once."""


@runtime_checkable
class Checkable(Protocol):
    """An upstream whose health can be asked for."""

    async def check(self, path: str, timeout_s: float) -> None:
        """UpstreamError unless the server answers this GET with 2xx in time."""


class HealthWatch:
    """The checks of all servers that ask for one, as tasks on the running event loop."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to check."""
        self._tasks = [
            asyncio.create_task(self._watch(server, server.posture.health, server.upstream))
            for server in self._servers
            if server.posture.health is not None and isinstance(server.upstream, Checkable)
        ]

    async def stop(self) -> None:
        """End all checks."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _watch(self, server: Server, check: HealthCheck, upstream: Checkable) -> None:
        failed = 0
        while True:
            try:
                await upstream.check(check.path, check.timeout_s)
            except UpstreamError:
                failed += 1
            else:
                failed = 0
                server.breaker.rested()
            if failed == 0 or failed >= check.unhealthy_after:
                server.is_healthy = failed == 0
            drift = 1 + JITTER * (2 * random.random() - 1)  # noqa: S311 - nothing secret
            await asyncio.sleep(check.every_s * drift)
