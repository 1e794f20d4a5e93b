"""The gateway as one ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.alert_courier import Courier
from tyrian.gateway.catalogue import Catalogue
from tyrian.gateway.completions import Completions
from tyrian.gateway.console.pages import Console
from tyrian.gateway.console.playground.keep import Playground
from tyrian.gateway.console.playground.views import routes as playground_pages
from tyrian.gateway.console.routes import console_of, console_routes
from tyrian.gateway.context import Endpoint, Receive, Scope, Send
from tyrian.gateway.errors import ApiError
from tyrian.gateway.front import Front
from tyrian.gateway.live import KeyWatcher, LiveRequests
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.middleware import Bookkeeping, ConcurrencyLimit
from tyrian.gateway.routes.admin.api import AdminApi
from tyrian.gateway.routes.admin.table import routes_of as admin_routes_of
from tyrian.gateway.routes.bom import BomRoute
from tyrian.gateway.routes.chat import ChatCompletions
from tyrian.gateway.routes.dialects import DIALECT_PATHS_WITH_IDS, DialectRoutes
from tyrian.gateway.routes.health import Health, MetricsPage, Reachable
from tyrian.gateway.routes.openapi.document import PATH as OPENAPI_PATH
from tyrian.gateway.routes.openapi.document import OpenApi
from tyrian.gateway.routes.playground import PlaygroundRoutes
from tyrian.gateway.routes.reviews import ReviewRoutes
from tyrian.gateway.routing.data_class import DataClasses
from tyrian.gateway.screen import Firewalled
from tyrian.gateway.settings import Settings
from tyrian.gateway.telemetry import RequestSpans, spans_from_environment
from tyrian.gateway.warm import warm_up

PREFIXES = ("/v1", "/compat/v1", "/llama/v1")
"""OpenAI's dialect, or Llama's by negotiation; OpenAI's where Meta has it; Llama's own."""


def create_app(settings: Settings, metrics: Metrics | None = None) -> Endpoint:
    """Wire a gateway; the order of the layers is the order of the lines.

    `metrics` are those of the gateway whose place it takes, which go on counting.
    """
    metrics = metrics or Metrics()
    catalogue = Catalogue(
        settings.upstreams,
        settings.models,
        settings.routes,
        classes=DataClasses(settings.firewall),
        notes=metrics,
        audit=settings.audit,
    )
    note = settings.decisions.note if settings.decisions is not None else None
    guarded = Firewalled(settings.firewall, note)
    health = Health(settings.keys if isinstance(settings.keys, Reachable) else None)
    spans = spans_from_environment()
    console = console_of(settings)
    routes = console_routes(settings, console)
    if console is not None:
        routes += playground_pages(console, catalogue)
    publishing = None
    if settings.metrics_board is not None:
        publishing = partial(settings.metrics_board.publish_on, metrics.registry)
    telling_alerts = None
    if (courier := settings.spend_alerts) is not None:
        telling_alerts = (courier, partial(courier.start, settings.alert_channels, metrics))
    pages = _pages(routes, console, catalogue, guarded, health, spans, publishing, telling_alerts)
    app: Endpoint = Table(_table(settings, guarded, catalogue, metrics, health), pages)
    if settings.store is not None and isinstance(settings.keys, Keys):
        app = AdminApi(app, settings, settings.keys, settings.store)
    if isinstance(settings.keys, KeyWatcher):
        app = LiveRequests(app, settings.keys)
    app = ConcurrencyLimit(app, settings.limits.max_concurrency)
    app = Front(app, settings.allowed_hosts, settings.trusted_proxies)
    observers = [
        observer
        for observer in (metrics.request, settings.on_request, spans.note if spans else None)
        if observer is not None
    ]
    return Bookkeeping(app, metrics, observers)


Methods = Mapping[str, Endpoint]


_WITH_IDS = (*DIALECT_PATHS_WITH_IDS, "/reviews", "/records", "/setups", "/snapshots")
"""Paths below which each further one is an id."""


class Table:
    """Exact paths first, in one look-up; everything else is a page, or is not there."""

    def __init__(self, table: Mapping[str, Methods], pages: Endpoint) -> None:
        self._table = table
        self._pages = pages
        self._by_prefix = [
            (path + "/", methods) for path, methods in table.items() if path.endswith(_WITH_IDS)
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        methods = self._find(scope["path"])
        if methods is None:
            await self._pages(scope, receive, send)
            return
        endpoint = methods.get(scope["method"])
        if endpoint is None:
            raise method_not_allowed(methods)
        await endpoint(scope, receive, send)

    def _find(self, path: str) -> Methods | None:
        methods = self._table.get(path)
        if methods is not None:
            return methods
        for prefix, below in self._by_prefix:
            if path.startswith(prefix) and len(path) > len(prefix):
                return below
        return None


def method_not_allowed(methods: Mapping[str, object]) -> ApiError:
    """405 with the methods that there are."""
    allow = ", ".join(sorted(methods)).encode()
    message = "This method is not allowed here."
    return ApiError(405, message, code="method_not_allowed", headers=((b"allow", allow),))


def _table(
    settings: Settings,
    guarded: Firewalled,
    catalogue: Catalogue,
    metrics: Metrics,
    health: Health,
) -> dict[str, Methods]:
    completions = Completions(settings, guarded, catalogue, metrics)
    chat = ChatCompletions(settings, completions)
    dialects = DialectRoutes(settings, guarded, catalogue, metrics, completions)
    metrics_page = MetricsPage(metrics, settings.metrics_board)
    table: dict[str, Methods] = {
        "/healthz": _get(health.alive),
        "/readyz": _get(health.ready),
        "/metrics": _get(metrics_page),
        "/v1/bom": _get(BomRoute(settings)),
    }
    for prefix in PREFIXES:
        table[f"{prefix}/chat/completions"] = {"POST": chat}
        table.update(dialects.table(prefix))
        if settings.reviews is not None:
            reviews = ReviewRoutes(settings, f"{prefix}/reviews")
            table[f"{prefix}/reviews"] = {**_get(reviews.read), "POST": reviews.write}
    if settings.store is not None:
        kept = Playground(settings.store)
        table.update(PlaygroundRoutes(settings, catalogue, chat, kept).table())
    table[OPENAPI_PATH] = _get(OpenApi(table, _admin_routes(settings)))
    return table


def _admin_routes(settings: Settings) -> dict[str, Mapping[str, object]]:
    """Paths and methods of the administration, for the description."""
    if settings.store is None or not isinstance(settings.keys, Keys):
        return {}
    found = admin_routes_of(settings.store, settings.keys)
    return {f"/v1/{path}": route.methods for path, route in found.items()}


def _get(endpoint: Endpoint) -> Methods:
    return {"GET": endpoint, "HEAD": endpoint}


def _pages(
    routes: Sequence[BaseRoute],
    console: Console | None,
    catalogue: Catalogue,
    guarded: Firewalled,
    health: Health,
    spans: RequestSpans | None,
    publishing: Callable[[], Coroutine[None, None, None]] | None = None,
    alerts: tuple[Courier, Callable[[], None]] | None = None,
) -> Starlette:
    """Pages for people, and start and end of the application."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await warm_up(guarded.firewall)
        catalogue.start()
        if alerts is not None:
            alerts[1]()
        warming = asyncio.create_task(asyncio.to_thread(console.warm)) if console else None
        telling = asyncio.create_task(publishing()) if publishing else None
        health.is_ready = True
        try:
            yield
        finally:
            health.is_ready = False
            if telling is not None:
                telling.cancel()
                await asyncio.wait([telling])
            if warming is not None:
                await warming
            if console is not None:
                await console.close()
            if alerts is not None:
                await alerts[0].close()
            await catalogue.close()
            if spans is not None:
                await asyncio.to_thread(spans.close)

    async def http_error(request: Request, error: Exception) -> Response:
        if console is not None and console.wants_page(request):
            return await console.http_error(request, error)
        return await _http_error(request, error)

    pages = Starlette(
        routes=list(routes),
        lifespan=lifespan,
        exception_handlers={HTTPException: http_error, ApiError: _api_error},
    )
    pages.router.redirect_slashes = False
    return pages


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        found = ApiError(404, "There is no such route.", code="not_found")
    elif status == 405:
        found = ApiError(405, "This method is not allowed here.", code="method_not_allowed")
    else:
        found = ApiError(status, "The request was refused.")
    headers = dict(getattr(error, "headers", None) or {})
    return Response(found.body, found.status, headers, "application/json")


async def _api_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    headers = {key.decode(): value.decode() for key, value in error.headers}
    return Response(error.body, error.status, headers, "application/json")
