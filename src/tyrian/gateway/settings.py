"""What a gateway is built from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyrian.firewall.firewall import Firewall
from tyrian.gateway.catalogue import ServedModel
from tyrian.gateway.console.options import ConsoleOptions
from tyrian.gateway.context import RequestContext
from tyrian.gateway.hazards import CategoryMap
from tyrian.gateway.metering import Meter, NoMeter
from tyrian.gateway.routing.routes import Route
from tyrian.gateway.upstream import Upstream

if TYPE_CHECKING:  # the key store brings the database along; the hot path needs only the protocol
    from tyrian.firewall.audit import AuditSink
    from tyrian.gateway.accounts.record import KeyVerifier
    from tyrian.gateway.alert_channels import Channels
    from tyrian.gateway.alert_courier import Courier
    from tyrian.gateway.decisions import DecisionLog
    from tyrian.gateway.files.files import Files
    from tyrian.gateway.idempotency import IdempotentAnswers
    from tyrian.gateway.reviews import Reviews
    from tyrian.gateway.shared_metrics import Board
    from tyrian.gateway.store.engine import Store
    from tyrian.gateway.stored_responses import StoredResponses

DEFAULT_MAX_BODY_BYTES = 10 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep one client from starving the others; seconds and bytes."""

    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    body_s: float = 30.0
    """Within which a request body must have arrived."""
    max_concurrency: int = 2048
    """Requests under `/v1` served at once; more are turned away with 503."""
    ping_s: float = 10.0
    """Longest silence of a stream before a comment keeps it alive."""
    write_s: float = 60.0
    """Longest time that a client may take no byte of a stream."""
    max_moderation_inputs: int = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """A gateway: guards, model servers, keys and limits. All are built before it starts."""

    firewall: Firewall | None
    """None serves without any guard; only benchmarks and people who say so do that."""
    upstreams: Sequence[Upstream]
    keys: "KeyVerifier"
    meter: Meter = field(default_factory=NoMeter)
    """Budgets and limits of keys."""
    audit: "AuditSink | None" = None
    """The sink of the firewall's records, for routes that show them."""
    reviews: "Reviews | None" = None
    """Where messages wait that need a person; without it they are refused."""
    models: Sequence[ServedModel] = ()
    routes: Sequence[Route] = ()
    limits: Limits = field(default_factory=Limits)
    categories_by: CategoryMap = field(default_factory=CategoryMap)
    """What hazards are in results of moderation."""
    allow_remote_images: bool = False
    """Let image parts name http(s) URLs, which the model server would then fetch."""
    allowed_hosts: frozenset[str] = frozenset()
    """Names in the Host header that are answered, without port; empty for any."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-For` and `-Proto` are believed."""
    allowed_params: frozenset[str] = frozenset()
    """Further request parameters to pass on; guards do not read them."""
    files: "Files | None" = None
    """What clients keep here; without it the routes for files say that there is no place."""
    idempotency: "IdempotentAnswers | None" = None
    """Answers to requests that are sent again; without it `Idempotency-Key` means nothing."""
    responses: "StoredResponses | None" = None
    """Responses that clients want kept; without it they cannot follow one another by id."""
    store: "Store | None" = None
    """The database; without it there are no accounts, and the console is one page for keys."""
    decisions: "DecisionLog | None" = None
    """Where decisions are kept for people to look through."""
    spend_alerts: "Courier | None" = None
    """Tells of spend alerts; without it they stand in the console and the audit log alone."""
    alert_channels: "Channels | None" = None
    """By which they are told."""
    console: ConsoleOptions = field(default_factory=ConsoleOptions)
    metrics_board: "Board | None" = None
    """Where workers of one gateway tell each other what they counted."""
    on_request: Callable[[RequestContext], None] | None = None
    """Called once for each finished request, for the access log."""
