"""The two layers around every route: request bookkeeping with errors, and the concurrency cap."""

import logging
from collections.abc import Callable, Sequence

from tyrian.errors import StoreError
from tyrian.gateway.body import ClientGoneError
from tyrian.gateway.context import (
    Endpoint,
    Receive,
    ReceiveEvent,
    RequestContext,
    Scope,
    Send,
    attach,
    context_of,
)
from tyrian.gateway.errors import ApiError, internal_error, overloaded, store_unavailable
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.responses import send_error

_log = logging.getLogger("tyrian.gateway")


class Bookkeeping:
    """Outermost: request id, timing header, metrics, log, and an envelope for every failure."""

    def __init__(
        self,
        app: Endpoint,
        metrics: Metrics,
        observers: Sequence[Callable[[RequestContext], None]],
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = attach(scope)

        async def send_noted(event: ReceiveEvent) -> None:
            if event["type"] == "http.response.start":
                context.status = event["status"]
                elapsed_ms = int(context.elapsed_s * 1000)
                headers = [*event["headers"], *context.headers]
                context.content_type = dict(headers).get(b"content-type", b"")
                headers.append((b"x-request-id", context.id.encode()))
                headers.append((b"openai-processing-ms", b"%d" % elapsed_ms))
                if context.effect:
                    headers.append((b"x-tyrian-effect", context.effect.encode()))
                event["headers"] = headers
            await send(event)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, send_noted)
        except ClientGoneError:
            pass  # nobody is left to be answered
        except ApiError as error:
            await _answer(context, send_noted, error)
        except StoreError as error:
            _log.error("request %s failed: %s", context.id, error.message)
            await _answer(context, send_noted, store_unavailable())
        except Exception as error:  # noqa: BLE001 - the outermost layer: nothing may leave as a bare 500
            # The type alone: a traceback or message could quote the request.
            _log.error("request %s failed: %s", context.id, type(error).__name__)
            await _answer(context, send_noted, internal_error())
        finally:
            self._metrics.in_flight.dec()
            for observe in self._observers:
                observe(context)


async def _answer(context: RequestContext, send: Send, error: ApiError) -> None:
    """Send the envelope where no answer has begun; else leave it unfinished.

    The server closes the connection of an unfinished answer, so that none looks whole.
    """
    if not context.status:
        await send_error(send, error)


class ConcurrencyLimit:
    """Turns requests away at once where too many are being served; health checks always pass."""

    def __init__(self, app: Endpoint, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._now = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "/v1/" not in scope["path"]:
            await self._app(scope, receive, send)
            return
        if self._now >= self._limit:
            context_of(scope).route = "overloaded"
            raise overloaded()
        self._now += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now -= 1
