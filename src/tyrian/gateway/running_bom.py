"""What a running gateway is made of: its guards, their weights, its model servers, its packages."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import tyrian
from tyrian.core.detection import Stage
from tyrian.gateway.catalogue import ServedModel
from tyrian.gateway.guard_weights import weights_of
from tyrian.gateway.settings import Settings
from tyrian.gateway.upstream import HttpUpstream, Upstream
from tyrian.policy.guard import GuardPolicy
from tyrian.supply.aibom.guards import guards_of, pairs
from tyrian.supply.aibom.packages import packages_of
from tyrian.supply.aibom.parts import GuardPart, Inventory, ServicePart
from tyrian.supply.aibom.services import plain_address


def running_inventory(settings: Settings) -> Inventory:
    """The parts of a gateway as it runs now; reads weights and metadata, for a second or two."""
    infos = settings.firewall.infos() if settings.firewall else ()
    guards, models = guards_of(infos, settings.console.stack, weights_of)
    told = {"python": platform.python_version(), "system": platform.system()}
    if settings.firewall is None:
        told["guards"] = "none: everything passes unjudged"
    else:
        guards = tuple(_with_rule(one, settings.firewall.policy) for one in guards)
        told["policy"] = settings.firewall.policy.digest
    return Inventory(
        name="tyrian-gateway",
        version=tyrian.__version__,
        is_running=True,
        guards=guards,
        models=models,
        services=_services(settings.upstreams, settings.models),
        packages=packages_of(),
        notes=MappingProxyType(told),
    )


def _with_rule(guard: GuardPart, policy: GuardPolicy) -> GuardPart:
    """The guard with what follows from what it finds."""
    rule = policy.rule(Stage(guard.stage), guard.name)
    if rule is None:
        return guard
    told = {
        "effects": pairs(rule.effects),
        "thresholds": pairs(rule.thresholds),
        "on-error": str(rule.on_error),
    }
    return replace(guard, notes=MappingProxyType({**guard.notes, **told}))


def _services(
    upstreams: Sequence[Upstream], models: Sequence[ServedModel]
) -> tuple[ServicePart, ...]:
    served: Mapping[str, ServedModel] = {one.upstream: one for one in models}
    return tuple(_service(one, served.get(one.name)) for one in upstreams)


def _service(upstream: Upstream, model: ServedModel | None) -> ServicePart:
    remote = upstream if isinstance(upstream, HttpUpstream) else None
    return ServicePart(
        name=upstream.name,
        endpoint=plain_address(remote.base_url) if remote else "",
        model=(model.upstream_model or model.id) if model else "",
        revision=model.revision if model else "",
        licence=model.licence if model else "",
        is_hosted=remote.posture.is_hosted if remote else False,
    )
