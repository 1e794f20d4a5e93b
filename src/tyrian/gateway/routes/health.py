"""/healthz, /readyz and /metrics."""

import msgspec

from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.metrics import CONTENT_TYPE, Metrics
from tyrian.gateway.responses import send_body


class Health:
    """Alive as long as the event loop turns; ready between start and shutdown."""

    def __init__(self) -> None:
        self.is_ready = False

    async def alive(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /healthz"""
        context_of(scope).route = "healthz"
        await send_body(send, b'{"status":"ok"}')

    async def ready(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /readyz: 503 before the start is complete and once the shutdown has begun."""
        context_of(scope).route = "readyz"
        status = "ready" if self.is_ready else "not ready"
        body = msgspec.json.encode({"status": status})
        await send_body(send, body, status=200 if self.is_ready else 503)


class MetricsPage:
    """GET /metrics"""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context_of(scope).route = "metrics"
        await send_body(send, self._metrics.render(), content_type=CONTENT_TYPE)
