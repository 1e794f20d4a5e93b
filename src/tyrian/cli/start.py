"""What `tyrian serve` puts together before it listens, and what it says once it does."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address

import structlog
import typer

from tyrian.cli.console_options import oidc_of, origin_of
from tyrian.cli.gateway_parts import NextGeneration, Options, Parts, generation, parts_of
from tyrian.cli.keys import open_keys
from tyrian.cli.welcome import fallbacks, later_start, no_guards_warning, url_of, welcome
from tyrian.errors import ConfigError, TyrianError
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.accounts import audit, checkpoints
from tyrian.gateway.accounts.keys import DAY_S, Keys
from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.redis_windows import RedisWindows
from tyrian.gateway.alert_courier import Courier
from tyrian.gateway.catalogue import Catalogue
from tyrian.gateway.console.options import ConsoleOptions
from tyrian.gateway.console.sign_in.links import Links
from tyrian.gateway.console.stack.file import StackFile
from tyrian.gateway.console.stack.running import RunningStack
from tyrian.gateway.context import Endpoint, Receive, ReceiveEvent, Scope, Send
from tyrian.gateway.decisions import DecisionLog
from tyrian.gateway.files.disk import Disk
from tyrian.gateway.files.files import Files
from tyrian.gateway.front import LOOPBACK_HOSTS, networks_of
from tyrian.gateway.generations import Generations
from tyrian.gateway.hazards import CategoryMap
from tyrian.gateway.home import make_state_directory, state_directory
from tyrian.gateway.idempotency import IdempotentAnswers
from tyrian.gateway.logging import access_log
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.server import raise_file_limit, server, spare_the_collector
from tyrian.gateway.settings import Settings
from tyrian.gateway.shared_metrics import Board
from tyrian.gateway.store.engine import Store
from tyrian.gateway.stored_responses import StoredResponses
from tyrian.models.scripted import ScriptedModel
from tyrian.stack.load import default_stack, default_text, load_stack, read_text

FIRST_KEY_NAME = "first key"
FIRST_KEY_LIFE_S = 90 * DAY_S
MODEL_LOOKUP_S = 2.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A gateway that only has to be started."""

    options: Options
    socket: socket.socket
    settings: Settings
    store: Store
    keys: Keys
    meter: AccountMeter
    parts: Parts

    @property
    def firewall(self) -> Firewall | None:
        """The guards that it starts with."""
        return self.settings.firewall


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
    text = default_text() if options.stack is None else read_text(options.stack)
    home = state_directory(options.data)
    make_state_directory(home)
    store, keys = open_keys(home, options.database or None)
    parts = parts_of(stack, options, store, home)
    courier = Courier(store)
    meter = AccountMeter(
        store,
        prices=parts.prices,
        windows=RedisWindows(options.redis) if options.redis else None,
        on_fired=courier.fired,
    )
    running = None
    if options.stack is not None:
        running = RunningStack(store, StackFile(options.stack), text)
    settings = Settings(
        firewall=parts.firewall,
        upstreams=parts.upstreams,
        keys=keys,
        meter=meter,
        reviews=parts.reviews,
        audit=parts.firewall.audit if parts.firewall is not None else None,
        models=parts.models,
        routes=parts.routes,
        categories_by=CategoryMap(stack.moderation.unmapped),
        store=store,
        files=Files(store, Disk(home / "files")),
        idempotency=IdempotentAnswers(store),
        responses=StoredResponses(store),
        decisions=DecisionLog(store),
        spend_alerts=courier,
        alert_channels=parts.alert_channels,
        allowed_hosts=_allowed_hosts(options, bound),
        trusted_proxies=options.trusted_proxies,
        console=ConsoleOptions(
            is_loopback=_is_loopback(bound),
            home=home,
            origin=origin_of(os.environ),
            oidc=oidc_of(os.environ),
            stack=stack,
            stack_text=text,
            stack_path=options.stack,
            running=running,
        ),
        metrics_board=Board(options.metrics) if options.metrics is not None else None,
        on_request=access_log(options.log_format),
    )
    # Checks names, routes and proxies now, so that a fault is told before anything listens.
    Catalogue(parts.upstreams, parts.models, parts.routes)
    networks_of(options.trusted_proxies)
    return Prepared(options, bound, settings, store, keys, meter, parts)


def _generations(prepared: Prepared) -> Generations:
    """The gateway as it is now, which another one may follow where there is a stack file."""
    metrics, settings = Metrics(), prepared.settings
    generations = Generations(generation(settings, metrics, prepared.parts.close))
    generations.on_ended = spare_the_collector
    if settings.console.running is not None:
        home = state_directory(prepared.options.data)
        build = NextGeneration(
            settings, prepared.options, prepared.store, home, prepared.meter, metrics
        )
        settings.console.running.attach(generations, build)
    return generations


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


def serve_until_stopped(
    prepared: Prepared,
    *,
    is_first: bool = True,
    when_announced: Callable[[], None] | None = None,
) -> bool:
    """Listen until a signal comes; False where the start failed.

    The first of several that serve one socket says where it is, and then calls `when_announced`.
    """
    app = _closing(_generations(prepared), _closer(prepared))
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
        await prepared.meter.close()
        with contextlib.suppress(TyrianError):
            await prepared.keys.close()
        with contextlib.suppress(TyrianError):
            await _note_chains(prepared)
        if prepared.settings.decisions is not None:
            await prepared.settings.decisions.close()
        await prepared.store.close()

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
