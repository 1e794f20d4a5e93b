"""Tiers: named sets of permissions, granted to organisations on the server, never by a key."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tyrian.errors import ConfigError


class Tier(StrEnum):
    """From the least to the most."""

    PUBLIC = "public"
    DEVELOPER = "developer"
    PARTNER = "partner"
    OPERATOR = "operator"


_ORDER: Final[Mapping[str, int]] = {tier.value: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class TierLimits:
    """What a tier may ask for in a minute where no limit was set by hand; None for no limit."""

    requests_per_minute: int | None
    tokens_per_minute: int | None


LIMITS: Final[Mapping[str, TierLimits]] = {
    Tier.PUBLIC: TierLimits(10, 40_000),
    Tier.DEVELOPER: TierLimits(600, 1_000_000),
    Tier.PARTNER: TierLimits(3_000, 10_000_000),
    Tier.OPERATOR: TierLimits(None, None),
}
"""For a whole organisation, not for each of its keys: more keys do not make more requests."""


def is_at_least(tier: str, least: str) -> bool:
    """Whether a tier holds all that another one holds; an unknown tier holds nothing."""
    return _ORDER.get(tier, -1) >= _ORDER[least]


def highest(tiers: Iterable[str]) -> str:
    """The most of some tiers; `public` where there is none."""
    return max(tiers, key=lambda tier: _ORDER.get(tier, -1), default=Tier.PUBLIC.value)


def capped(tier: str, cap: str | None) -> str:
    """The lesser of a tier and a cap."""
    return tier if cap is None or is_at_least(cap, tier) else cap


def checked_tier(tier: str) -> str:
    """The tier; ConfigError where there is no such one."""
    if tier not in _ORDER:
        raise ConfigError(f"unknown tier {tier!r}", hint=f"known tiers: {', '.join(_ORDER)}")
    return tier
