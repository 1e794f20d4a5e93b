"""What a stack and the options make of a gateway, at its start and whenever the stack changes."""

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tyrian.errors import ConfigError
from tyrian.firewall.audit import JsonlAudit
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.prices import Price, PriceList
from tyrian.gateway.alert_channels import Channels
from tyrian.gateway.app import create_app
from tyrian.gateway.catalogue import ServedModel, upstreams_of
from tyrian.gateway.generations import Generation
from tyrian.gateway.hazards import CategoryMap
from tyrian.gateway.home import AUDIT_NAME
from tyrian.gateway.logging import LogFormat
from tyrian.gateway.mail import Mailer
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.reviews import Reviews
from tyrian.gateway.routing.routes import Route
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.engine import Store
from tyrian.gateway.upstream import HttpUpstream, Upstream
from tyrian.gateway.webhook import Webhook
from tyrian.models.scripted import ScriptedModel
from tyrian.stack.schema import Stack


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
class Parts:
    """What follows from a stack."""

    firewall: Firewall | None
    upstreams: Sequence[Upstream]
    models: Sequence[ServedModel]
    routes: Sequence[Route]
    reviews: Reviews | None
    webhook: Webhook | None
    prices: PriceList
    alert_channels: Channels

    async def close(self) -> None:
        """End what runs by itself."""
        for webhook in (self.webhook, self.alert_channels.webhook):
            if webhook is not None:
                await webhook.close()
        if self.firewall is not None:
            await self.firewall.close()


def parts_of(stack: Stack, options: Options, store: Store, home: Path) -> Parts:
    """Build what the stack describes; the errors are meant for whoever wrote it."""
    upstreams, models, routes = _upstreams(stack, options)
    firewall = _firewall(stack, home) if options.is_guarded else None
    reviews, webhook = _reviews(stack, store) if firewall is not None else (None, None)
    return Parts(
        firewall,
        upstreams,
        models,
        routes,
        reviews,
        webhook,
        _prices(models, routes),
        _alert_channels(stack),
    )


class NextGeneration:
    """Builds a running gateway anew for another stack; what it counts and keeps goes on."""

    def __init__(
        self,
        settings: Settings,
        options: Options,
        store: Store,
        home: Path,
        meter: AccountMeter,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._options = options
        self._store = store
        self._home = home
        self._meter = meter
        self._metrics = metrics

    def __call__(self, stack: Stack, text: str) -> Generation:
        """A gateway that is not started yet."""
        parts = parts_of(stack, self._options, self._store, self._home)
        settings = replace(
            self._settings,
            firewall=parts.firewall,
            upstreams=parts.upstreams,
            models=parts.models,
            routes=parts.routes,
            meter=self._meter.priced(parts.prices),
            reviews=parts.reviews,
            alert_channels=parts.alert_channels,
            audit=parts.firewall.audit if parts.firewall is not None else None,
            categories_by=CategoryMap(stack.moderation.unmapped),
            console=replace(self._settings.console, stack=stack, stack_text=text),
        )
        return generation(settings, self._metrics, parts.close)


def generation(
    settings: Settings, metrics: Metrics, close: Callable[[], Awaitable[None]]
) -> Generation:
    """A gateway of these settings."""
    return Generation(create_app(settings, metrics), close)


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
    secret = _secret(spec.webhook_secret_env, "review.webhook_secret_env")
    webhook = Webhook(spec.webhook, secret) if spec.webhook else None
    reviews = Reviews(
        store,
        expires_s=spec.expires_s,
        wait_s=spec.wait_s,
        notify=webhook.notify if webhook else None,
    )
    return reviews, webhook


def _alert_channels(stack: Stack) -> Channels:
    """By which spend alerts are told."""
    spec, mail = stack.spend_alerts, stack.spend_alerts.mail
    secret = _secret(spec.webhook_secret_env, "spend_alerts.webhook_secret_env")
    mailer = None
    if mail is not None:
        password = _secret(mail.password_env, "spend_alerts.mail.password_env")
        mailer = Mailer(mail.host, mail.port, mail.sender, mail.security, mail.username, password)
    return Channels(mailer, Webhook(spec.webhook, secret) if spec.webhook else None)


def _secret(variable: str, place: str) -> str:
    """What an environment variable holds; ConfigError where it is named and not set."""
    value = os.environ.get(variable, "") if variable else ""
    if variable and not value:
        raise ConfigError(
            f"{place}: the variable {variable} is not set",
            hint=f"set it, or leave {place.rpartition('.')[2]} out",
        )
    return value


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
