"""Which models there are, and which upstream serves which request."""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate

import msgspec

from tyrian.errors import ConfigError, UpstreamError
from tyrian.gateway.errors import model_not_found
from tyrian.gateway.upstream import HttpUpstream, Upstream, UpstreamLimits
from tyrian.stack.schema import Stack

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


@dataclass(frozen=True, slots=True)
class Route:
    """Requests whose model name fits `match` (`*` and `?` are wildcards) go to `model`."""

    match: str
    model: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes."""

    upstream: Upstream
    model: str


class Catalogue:
    """Resolves model names. An upstream without declared models is asked which it has."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        models: Sequence[ServedModel] = (),
        routes: Sequence[Route] = (),
    ) -> None:
        by_name = {upstream.name: upstream for upstream in upstreams}
        if not upstreams or len(by_name) != len(upstreams):
            raise ConfigError(
                "the gateway needs at least one upstream, and each with a name of its own",
                hint="name a model server with --upstream URL or under models: in the stack file",
            )
        self._upstreams = tuple(upstreams)
        self._models = {model.id: model for model in (*_declared(upstreams), *models)}
        self._targets = {
            model.id: Target(by_name[model.upstream], model.upstream_model or model.id)
            for model in self._models.values()
        }
        named = {model.upstream for model in self._models.values()}
        self._open = [upstream for upstream in upstreams if upstream.name not in named]
        self._routes = [(re.compile(translate(r.match)), self._routed(r)) for r in routes]
        self._listed: tuple[float, dict[str, ServedModel]] = (0.0, {})
        self.started_at = int(time.time())

    def _routed(self, route: Route) -> Target:
        target = self._targets.get(route.model)
        if target is None:
            raise ConfigError(
                f"a route leads to {route.model!r}, which is not among the models",
                hint="name the model under models: in the stack file",
            )
        return target

    async def resolve(self, model: str) -> Target:
        """The target of a model name; 404 in the client's terms where nobody serves it."""
        for pattern, target in self._routes:
            if pattern.match(model):
                return target
        known = self._targets.get(model)
        if known is not None:
            return known
        for upstream in self._open:
            # An upstream that declares nothing knows best what it serves, and answers 404 itself.
            return Target(upstream, model)
        raise model_not_found(model)

    async def models(self) -> dict[str, ServedModel]:
        """All models by id; what open upstreams say is remembered for a short while."""
        asked_at, listed = self._listed
        if self._open and time.monotonic() - asked_at > LISTING_TTL_S:
            listed = {m.id: m for upstream in self._open for m in await _ask(upstream)}
            self._listed = (time.monotonic() if listed else 0.0, listed)
        return {**listed, **self._models}

    async def close(self) -> None:
        """Close all upstreams."""
        for upstream in self._upstreams:
            await upstream.close()


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
        limits = UpstreamLimits(read_s=spec.timeout_s)
        upstreams.append(
            HttpUpstream(spec.base_url, name=name, api_key_env=spec.api_key_env, limits=limits)
        )
        models.append(
            ServedModel(
                name,
                name,
                upstream_model=spec.model,
                context_length=spec.context_length,
                modalities=spec.modalities,
                licence=spec.licence,
                revision=spec.revision,
            )
        )
    return upstreams, models, [Route(route.match, route.model) for route in stack.routes]
