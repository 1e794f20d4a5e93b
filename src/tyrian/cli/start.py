"""What `tyrian serve` puts together before it listens, and what it says once it does."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import structlog
import typer

from tyrian.cli.console_options import oidc_of, origin_of
from tyrian.cli.keys import open_keys
from tyrian.cli.welcome import fallbacks, later_start, no_guards_warning, url_of, welcome
from tyrian.errors import ConfigError, TyrianError
from tyrian.firewall.audit import JsonlAudit
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.accounts import audit, checkpoints
from tyrian.gateway.accounts.keys import DAY_S, Keys
from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.prices import Price, PriceList
from tyrian.gateway.accounts.redis_windows import RedisWindows
from tyrian.gateway.app import create_app
from tyrian.gateway.catalogue import Catalogue, ServedModel, upstreams_of
from tyrian.gateway.console.options import ConsoleOptions
from tyrian.gateway.console.sign_in.links import Links
from tyrian.gateway.context import Endpoint, Receive, ReceiveEvent, Scope, Send
from tyrian.gateway.decisions import DecisionLog
from tyrian.gateway.files.disk import Disk
from tyrian.gateway.files.files import Files
from tyrian.gateway.front import LOOPBACK_HOSTS, networks_of
from tyrian.gateway.hazards import CategoryMap
from tyrian.gateway.home import AUDIT_NAME, make_state_directory, state_directory
from tyrian.gateway.idempotency import IdempotentAnswers
from tyrian.gateway.logging import LogFormat, access_log
from tyrian.gateway.reviews import Reviews
from tyrian.gateway.routing.routes import Route
from tyrian.gateway.server import raise_file_limit, server, spare_the_collector
from tyrian.gateway.settings import Settings
from tyrian.gateway.shared_metrics import Board
from tyrian.gateway.store.engine import Store
from tyrian.gateway.stored_responses import StoredResponses
from tyrian.gateway.upstream import HttpUpstream, Upstream
from tyrian.gateway.webhook import Webhook
from tyrian.models.scripted import ScriptedModel
from tyrian.stack.load import default_stack, default_text, load_stack, read_text
from tyrian.stack.schema import Stack

FIRST_KEY_NAME = "first key"
FIRST_KEY_LIFE_S = 90 * DAY_S
MODEL_LOOKUP_S = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `tyrian serve`."""

    stack: Path | None = None
    upstream: str = ""
    upstream_key_env: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    data: Path | None = None
    database: str = ""
    redis: str = ""
    is_guarded: bool = True
    log_format: LogFormat = "json"
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    metrics: Path | None = None
    """Where several workers tell each other what they counted."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A gateway that only has to be started."""

    options: Options
    socket: socket.socket
    settings: Settings
    store: Store
    keys: Keys
    firewall: Firewall | None
    webhook: Webhook | None = None
    meter: AccountMeter | None = None


def prepare(options: Options, bound: socket.socket | None = None) -> Prepared:
    """Build everything that can fail; the errors are meant for whoever typed the command.

    `bound` is a listening socket where there is one already.
    """
    bound = bound or bind(options.host, options.port)
    try:
        return _prepare(options, bound)
    except BaseException:
        bound.close()
        raise


def _prepare(options: Options, bound: socket.socket) -> Prepared:
    stack = load_stack(options.stack) if options.stack is not None else default_stack()
    upstreams, models, routes = _upstreams(stack, options)
    home = state_directory(options.data)
    make_state_directory(home)
    store, keys = open_keys(home, options.database or None)
    firewall = _firewall(stack, home) if options.is_guarded else None
    reviews, webhook = _reviews(stack, store) if firewall is not None else (None, None)
    decisions = DecisionLog(store)
    meter = AccountMeter(
        store,
        prices=_prices(models, routes),
        windows=RedisWindows(options.redis) if options.redis else None,
    )
    settings = Settings(
        firewall=firewall,
        upstreams=upstreams,
        keys=keys,
        meter=meter,
        reviews=reviews,
        audit=firewall.audit if firewall is not None else None,
        models=models,
        routes=routes,
        categories_by=CategoryMap(stack.moderation.unmapped),
        store=store,
        files=Files(store, Disk(home / "files")),
        idempotency=IdempotentAnswers(store),
        responses=StoredResponses(store),
        decisions=decisions,
        allowed_hosts=_allowed_hosts(options, bound),
        trusted_proxies=options.trusted_proxies,
        console=ConsoleOptions(
            is_loopback=_is_loopback(bound),
            home=home,
            origin=origin_of(os.environ),
            oidc=oidc_of(os.environ),
            stack=stack,
            stack_text=default_text() if options.stack is None else read_text(options.stack),
            stack_path=options.stack,
        ),
        metrics_board=Board(options.metrics) if options.metrics is not None else None,
        on_request=access_log(options.log_format),
    )
    # Checks names, routes and proxies now, so that a fault is told before anything listens.
    Catalogue(upstreams, models, routes)
    networks_of(options.trusted_proxies)
    return Prepared(options, bound, settings, store, keys, firewall, webhook, meter)


def _allowed_hosts(options: Options, bound: socket.socket) -> frozenset[str]:
    """The hosts that are answered for; a gateway of this machine alone has only its own names.

    Otherwise a page in the browser of its user could speak to it under a name of the page's own.
    """
    given = frozenset(options.allowed_hosts)
    return given | LOOPBACK_HOSTS if _is_loopback(bound) else given


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; who connects before the gateway is ready waits for it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"the host {host!r} is not an address of this machine",
            hint="use 127.0.0.1 for this machine alone, 0.0.0.0 for all its networks",
        ) from error
    family, _, _, _, address = found[0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        # Two may bind an address before either listens; the second must hear of it here.
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            hint="choose another port with --port, or --port 0 for any free one",
        ) from error
    bound.set_inheritable(True)
    return bound


def _is_loopback(bound: socket.socket) -> bool:
    return ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback


def _prices(models: Sequence[ServedModel], routes: Sequence[Route]) -> PriceList:
    """What the models of the stack file cost."""
    return PriceList(
        {model.id: Price.per_million(*model.price) for model in models if model.price},
        [(route.match, (*route.shares, *route.fallbacks)) for route in routes],
    )


def _firewall(stack: Stack, home: Path) -> Firewall:
    if stack.audit.path is not None:
        return Firewall.from_stack(stack)
    audit = JsonlAudit(home / AUDIT_NAME, fsync=stack.audit.fsync)
    return Firewall.from_stack(stack, audit=audit)


def _reviews(stack: Stack, store: Store) -> tuple[Reviews, Webhook | None]:
    spec = stack.review
    secret = os.environ.get(spec.webhook_secret_env, "") if spec.webhook_secret_env else ""
    if spec.webhook_secret_env and not secret:
        raise ConfigError(
            f"review.webhook_secret_env: the variable {spec.webhook_secret_env} is not set",
            hint="set it, or leave webhook_secret_env out",
        )
    webhook = Webhook(spec.webhook, secret) if spec.webhook else None
    reviews = Reviews(
        store,
        expires_s=spec.expires_s,
        wait_s=spec.wait_s,
        notify=webhook.notify if webhook else None,
    )
    return reviews, webhook


def _upstreams(
    stack: Stack, options: Options
) -> tuple[Sequence[Upstream], Sequence[ServedModel], Sequence[Route]]:
    """The model servers of the stack and of the command line, else the scripted model."""
    named, models, routes = upstreams_of(stack)
    upstreams: list[Upstream] = list(named)
    if options.upstream:
        base_url = checked_base_url(options.upstream)
        name = "upstream" if "upstream" not in stack.models else "command-line"
        upstreams.append(HttpUpstream(base_url, name=name, api_key_env=options.upstream_key_env))
    return upstreams or [ScriptedModel()], models, routes


def checked_base_url(url: str) -> str:
    """The base URL of a model server; `/v1` is added where there is no path."""
    try:
        parts = urlsplit(url.strip())
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fit = False
    if not is_fit:
        raise ConfigError(
            "the upstream's URL cannot be used",
            hint="write it with scheme and path, for example http://127.0.0.1:8000/v1",
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "the upstream's URL holds more than an address",
            hint="put the key into an environment variable and name it with --upstream-key-env",
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


def serve_until_stopped(
    prepared: Prepared,
    *,
    is_first: bool = True,
    when_announced: Callable[[], None] | None = None,
) -> bool:
    """Listen until a signal comes; False where the start failed.

    The first of several that serve one socket says where it is, and then calls `when_announced`.
    """
    app = _closing(create_app(prepared.settings), _closer(prepared))
    announcing: list[asyncio.Task[None]] = []

    async def announce(port: int) -> None:
        if is_first:
            await _announce(prepared, port, stop)
        if when_announced is not None:
            when_announced()

    def on_started(port: int) -> None:
        spare_the_collector()
        announcing.append(asyncio.get_running_loop().create_task(announce(port)))

    running = server(app, prepared.options.host, prepared.options.port, on_started=on_started)

    def stop() -> None:
        running.should_exit = True

    # uvicorn hands a signal on once it has shut down; by then all is done, and the exit is clean.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    raise_file_limit()
    running.run(sockets=[prepared.socket])
    return bool(announcing) and not announcing[0].cancelled() and announcing[0].exception() is None


async def _announce(prepared: Prepared, port: int, stop: Callable[[], None]) -> None:
    """Say where the gateway is; on the first start also make a key and show it, this once."""
    options = prepared.options
    url = url_of(options.host, port)
    try:
        await _note_chains(prepared)
        token = None
        links = Links(prepared.store)
        link = "" if await links.is_settled() else await links.make()
        if await prepared.keys.is_empty():
            model = await _model_to_try(prepared.settings)
            _, token = await prepared.keys.create(FIRST_KEY_NAME, expires_in_s=FIRST_KEY_LIFE_S)
            typer.echo(welcome(url, token, model, link))
        else:
            typer.echo(later_start(url, options.data, link))
    except TyrianError as error:
        structlog.get_logger("tyrian.serve").error("start failed", reason=error.message)
        stop()
        raise
    infos = prepared.firewall.infos() if prepared.firewall is not None else ()
    for line in fallbacks(infos):
        typer.echo(line)
    if prepared.firewall is None:
        typer.echo(no_guards_warning(), err=True)
    structlog.get_logger("tyrian.serve").info(
        "ready",
        url=url,
        guards=len(infos),
        upstreams=[upstream.name for upstream in prepared.settings.upstreams],
        is_scripted=any(isinstance(u, ScriptedModel) for u in prepared.settings.upstreams),
        is_first_start=token is not None,
    )


async def _note_chains(prepared: Prepared) -> None:
    """Write the ends of the audit chains down outside the database."""
    home = state_directory(prepared.options.data)
    checkpoints.append(home / checkpoints.FILE_NAME, await audit.heads(prepared.store))


async def _model_to_try(settings: Settings) -> str:
    """A model name for the line that people paste: one that is there, if any can be found."""
    for upstream in settings.upstreams:
        if upstream.model_ids:
            return upstream.model_ids[0]
    if settings.models:
        return settings.models[0].id
    with contextlib.suppress(TyrianError, TimeoutError):
        async with asyncio.timeout(MODEL_LOOKUP_S):
            for found in await settings.upstreams[0].list_models():
                if isinstance(name := found.get("id"), str) and _is_plain(name):
                    return name
    return "MODEL"


def _is_plain(name: str) -> bool:
    """Fit for a line that somebody pastes into a shell."""
    return all(c.isascii() and (c.isalnum() or c in "._:/@-") for c in name) and len(name) <= 128


def _closer(prepared: Prepared) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        if prepared.meter is not None:
            await prepared.meter.close()
        with contextlib.suppress(TyrianError):
            await prepared.keys.close()
        with contextlib.suppress(TyrianError):
            await _note_chains(prepared)
        if prepared.settings.decisions is not None:
            await prepared.settings.decisions.close()
        if prepared.webhook is not None:
            await prepared.webhook.close()
        await prepared.store.close()
        if prepared.firewall is not None:
            await prepared.firewall.close()

    return close


def _closing(app: Endpoint, close: Callable[[], Awaitable[None]]) -> Endpoint:
    """The app, which closes what it was given when it shuts down, on the same event loop."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return

        async def send_after_closing(event: ReceiveEvent) -> None:
            if event["type"].startswith("lifespan.shutdown"):
                await close()
            await send(event)

        await app(scope, receive, send_after_closing)

    return run
