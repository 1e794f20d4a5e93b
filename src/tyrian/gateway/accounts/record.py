"""A key as a request meets it, with all that decides what it may do."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Protocol

from tyrian.gateway.accounts.scopes import holds
from tyrian.gateway.accounts.tiers import Tier
from tyrian.gateway.tokens import KeyKind


@dataclass(frozen=True, slots=True)
class RateRule:
    """A limit that somebody set; None for none of that kind."""

    subject_id: str
    """Whose requests count together: an organisation, a project or a key."""
    model: str
    """The model it holds for, or `*` for all of them together."""
    requests_per_minute: int | None
    tokens_per_minute: int | None
    requests_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """A budget that requests are paid from."""

    id: str
    limit_nanos: int
    """By which a worker notices that somebody has changed it."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as everybody may see it: never its value."""

    id: str
    name: str
    kind: KeyKind
    scopes: frozenset[str]
    created_at: int
    """Seconds since 1970, as all times here."""
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None
    redacted_value: str = ""
    """The first 12 and last 4 characters of the newest secret."""
    tier: str = Tier.OPERATOR
    """What it may use: its organisation's tier, or less."""
    project_id: str = "proj_default"
    organisation_id: str = "org_default"
    disabled_at: int | None = None
    """When it was switched off, or its project, organisation or owner was."""
    models: tuple[str, ...] | None = None
    """Names that it may use, with `*` and `?` as wildcards; None for every model."""
    model_mode: str | None = None
    """Its project's `allow_list` or `deny_list` of `model_ids`; None for neither."""
    model_ids: tuple[str, ...] = ()
    networks: tuple[str, ...] | None = None
    """Where it may come from, in CIDR notation; None for everywhere."""
    owner_user_id: str | None = None
    owner_service_account_id: str | None = None
    programs: frozenset[str] = frozenset()
    """Access programmes that its organisation is in."""
    budgets: tuple[BudgetRule, ...] = ()
    """Budgets that its requests are paid from, all of them at once."""
    rates: tuple[RateRule, ...] = ()
    secret_id: str = field(default="", repr=False)
    """Which of its secrets was shown."""
    secret_ends_at: int | None = field(default=None, repr=False)

    def status(self, now: float) -> str:
        """`active`, `inactive`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "inactive" if self.disabled_at is not None else "active"

    def is_good(self, now: float) -> bool:
        """Whether the key, by the secret that was shown, is good for anything at that time."""
        if self.secret_ends_at is not None and self.secret_ends_at <= now:
            return False
        return self.status(now) == "active"

    def allows(self, scope: str) -> bool:
        """Whether the key may be used for that."""
        return holds(self.scopes, scope)

    def allows_model(self, model: str) -> bool:
        """Whether the key may use the model of that name."""
        if self.models is not None and not _matches(model, self.models):
            return False
        if self.model_mode is None:
            return True
        return _matches(model, self.model_ids) is (self.model_mode == "allow_list")

    def allows_address(self, address: str) -> bool:
        """Whether the key may come from an address."""
        if self.networks is None:
            return True
        try:
            found = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in ip_network(network) for network in self.networks)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(_pattern(pattern).match(name) for pattern in patterns)


@lru_cache(1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


class KeyVerifier(Protocol):
    """Tells whose token it is."""

    async def verify(self, token: str) -> KeyRecord | None:
        """The key that this token proves, None where there is none, or no longer."""
