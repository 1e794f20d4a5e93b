"""Which models there are, and which upstream serves which request."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from tyrian.errors import ConfigError, UpstreamError
from tyrian.firewall.audit import AuditSink
from tyrian.gateway.accounts.tiers import Tier
from tyrian.gateway.errors import model_not_found
from tyrian.gateway.routing.attempts import Candidate
from tyrian.gateway.routing.breaker import CircuitLimits
from tyrian.gateway.routing.data_class import DataClasses
from tyrian.gateway.routing.destination import Destination, RoutingNotes
from tyrian.gateway.routing.health import HealthWatch
from tyrian.gateway.routing.posture import HealthCheck, Posture
from tyrian.gateway.routing.routes import Lead, Route
from tyrian.gateway.routing.server import Server
from tyrian.gateway.upstream import HttpUpstream, Upstream, UpstreamLimits
from tyrian.stack.hosted import is_hosted
from tyrian.stack.models import ModelSpec, RouteSpec
from tyrian.stack.schema import Stack

if TYPE_CHECKING:  # the key store brings the database along
    from tyrian.gateway.accounts.record import KeyRecord

LISTING_TTL_S = 30.0


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model by the name that clients use, with what is known of it."""

    id: str
    upstream: str
    """`Upstream.name` of its server."""
    upstream_model: str = ""
    """Its name there; `id` where it is empty."""
    owned_by: str = "tyrian"
    context_length: int | None = None
    modalities: tuple[str, ...] = ("text",)
    licence: str = ""
    revision: str = ""
    tier: str = Tier.PUBLIC
    """The least tier whose keys may use it."""
    price: tuple[float, float] | None = None
    """US dollars for a million tokens read and written; None where nobody said."""


_INSIDE: Mapping[str, object] = {"hosted": False, "status": "available"}


class Catalogue:
    """Resolves model names. An upstream without declared models is asked which it has."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        models: Sequence[ServedModel] = (),
        routes: Sequence[Route] = (),
        *,
        classes: DataClasses | None = None,
        notes: RoutingNotes | None = None,
        audit: AuditSink | None = None,
    ) -> None:
        """`classes` reads requests for data; without it none is found."""
        self._servers = {upstream.name: Server(upstream) for upstream in upstreams}
        if not upstreams or len(self._servers) != len(upstreams):
            raise ConfigError(
                "the gateway needs at least one upstream, and each with a name of its own",
                hint="name a model server with --upstream URL or under models: in the stack file",
            )
        self._models = {model.id: model for model in (*_declared(upstreams), *models)}
        self._candidates = {
            model.id: Candidate(
                model.id, self._servers[model.upstream], model.upstream_model or model.id
            )
            for model in self._models.values()
        }
        named = {model.upstream for model in self._models.values()}
        self._open = [server for server in self._servers.values() if server.name not in named]
        self._leads = [self._lead(route) for route in routes]
        self._direct = {name: _alone(one) for name, one in self._candidates.items()}
        self._classes = classes or DataClasses(None)
        self._notes = notes or Uncounted()
        self._audit = audit
        self._listed: tuple[float, dict[str, ServedModel]] = (0.0, {})
        self._watch = HealthWatch(tuple(self._servers.values()))
        self.started_at = int(time.time())
        for server in self._servers.values():
            self._notes.watch_server(server)

    def _lead(self, route: Route) -> Lead:
        members = {self._routed(name): share for name, share in route.shares.items()}
        if not members:
            raise ConfigError(
                f"the route for {route.match!r} leads nowhere",
                hint="write `model: NAME`, or `split: {NAME: 3, OTHER: 1}`",
            )
        return Lead(route, members, [self._routed(name) for name in route.fallbacks])

    def _routed(self, model: str) -> Candidate:
        candidate = self._candidates.get(model)
        if candidate is None:
            raise ConfigError(
                f"a route leads to {model!r}, which is not among the models",
                hint="name the model under models: in the stack file",
            )
        return candidate

    def resolve(self, model: str, key: "KeyRecord | None" = None) -> Destination:
        """The routes of a model name; 404 in the client's terms where nobody serves it."""
        leads: list[Lead] = []
        for lead in self._leads:
            if lead.fits(model, key):
                leads.append(lead)
                if not lead.route.detected:
                    return self._destination(model, leads)
        if direct := self._direct.get(model):
            leads.append(direct)
        elif self._open:
            # An upstream that declares nothing knows best what it serves, and answers 404 itself.
            leads.append(_alone(Candidate(model, self._open[0], model)))
        if not leads:
            raise model_not_found(model)
        return self._destination(model, leads)

    def _destination(self, model: str, leads: Sequence[Lead]) -> Destination:
        return Destination(model, leads, self._classes, self._notes, self._audit)

    def tier_of(self, model: str) -> str:
        """The least tier whose keys may use the model; a route's is that of its first target."""
        known = self._models.get(model)
        if known is None:
            lead = next((lead for lead in self._leads if lead.route.match == model), None)
            known = self._models[lead.candidates[0].id] if lead is not None else None
        return known.tier if known is not None else Tier.PUBLIC

    async def models(self) -> dict[str, ServedModel]:
        """All models by id; what open upstreams say is remembered for a short while.

        A route for one name alone is a model too, of its first target's kind.
        """
        asked_at, listed = self._listed
        if self._open and time.monotonic() - asked_at > LISTING_TTL_S:
            listed = {m.id: m for server in self._open for m in await _ask(server.upstream)}
            self._listed = (time.monotonic() if listed else 0.0, listed)
        routed = {
            lead.route.match: replace(self._models[lead.candidates[0].id], id=lead.route.match)
            for lead in reversed(self._leads)
            if lead.route.is_name and not lead.route.keys and not lead.route.tiers
        }
        return {**listed, **routed, **self._models}

    def state(self, model: ServedModel) -> Mapping[str, object]:
        """`hosted`, `status` and `data_classes` of a model as clients see them."""
        server = self._servers.get(model.upstream)
        if server is None:
            return _INSIDE
        posture = server.posture
        return {
            "hosted": posture.is_hosted,
            "status": server.status,
            "data_classes": sorted(posture.data_classes) or None,
        }

    def start(self) -> None:
        """Begin the health checks, on the running event loop."""
        self._watch.start()

    async def close(self) -> None:
        """End the health checks and close all upstreams."""
        await self._watch.stop()
        for server in self._servers.values():
            await server.upstream.close()


class Uncounted:
    """Counts nothing."""

    def attempt(self, server: str, outcome: str) -> None:
        """Nothing."""

    def fallback(self, server: str, to: str) -> None:
        """Nothing."""

    def watch_server(self, server: Server) -> None:
        """Nothing."""

    def data_class_refused(self, data_class: str) -> None:
        """Nothing."""


def _alone(candidate: Candidate) -> Lead:
    return Lead(Route("*", candidate.id), {candidate: 1})


def _declared(upstreams: Iterable[Upstream]) -> Iterable[ServedModel]:
    for upstream in upstreams:
        for model_id in upstream.model_ids:
            yield ServedModel(model_id, upstream.name, owned_by=upstream.name)


class _Listed(msgspec.Struct):
    id: str
    owned_by: str = "upstream"
    max_model_len: int | None = None


async def _ask(upstream: Upstream) -> list[ServedModel]:
    try:
        objects = await upstream.list_models()
    except UpstreamError:
        return []
    found: list[ServedModel] = []
    for obj in objects:
        try:
            listed = msgspec.convert(obj, _Listed)
        except msgspec.ValidationError:
            continue
        found.append(
            ServedModel(
                listed.id[:256],
                upstream.name,
                owned_by=listed.owned_by[:128],
                context_length=listed.max_model_len,
            )
        )
    return found


def upstreams_of(stack: Stack) -> tuple[list[HttpUpstream], list[ServedModel], list[Route]]:
    """The model servers, models and routes that a stack file names."""
    upstreams: list[HttpUpstream] = []
    models: list[ServedModel] = []
    for name, spec in stack.models.items():
        upstreams.append(_upstream(name, spec))
        models.append(
            ServedModel(
                name,
                name,
                upstream_model=spec.model,
                context_length=spec.context_length,
                modalities=spec.modalities,
                licence=spec.licence,
                revision=spec.revision,
                price=(spec.price.input_usd, spec.price.output_usd) if spec.price else None,
                tier=spec.tier,
            )
        )
    return upstreams, models, [_route(spec) for spec in stack.routes]


def _upstream(name: str, spec: ModelSpec) -> HttpUpstream:
    limits = UpstreamLimits(
        connect_s=spec.connect_timeout_s,
        first_byte_s=spec.first_byte_timeout_s,
        read_s=spec.timeout_s,
        total_s=spec.timeout_s,
    )
    health = spec.health
    posture = Posture(
        is_hosted=is_hosted(spec.base_url) if spec.hosted is None else spec.hosted,
        data_classes=frozenset(spec.data_classes),
        circuit=CircuitLimits(spec.circuit.failures, spec.circuit.open_s),
        health=HealthCheck(health.path, health.every_s, health.timeout_s, health.unhealthy_after)
        if health
        else None,
    )
    return HttpUpstream(
        spec.base_url, name=name, api_key_env=spec.api_key_env, limits=limits, posture=posture
    )


def _route(spec: RouteSpec) -> Route:
    return Route(
        spec.match,
        spec.model or "",
        dict(spec.split or {}),
        spec.fallbacks,
        frozenset(spec.keys),
        frozenset(spec.tiers),
        frozenset(spec.detected),
        spec.data_class,
    )
