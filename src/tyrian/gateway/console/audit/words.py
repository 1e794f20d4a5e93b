"""Audit entries as sentences: who did what to what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tyrian.gateway.accounts.chain import Link, hash_of
from tyrian.gateway.console.templates import dollars

_DEEDS: Final = {
    "login.succeeded": "signed in",
    "credential.added": "added a way to sign in",
    "passkey.removed": "removed a passkey",
    "api_key.created": "made the key",
    "api_key.updated": "changed the key",
    "api_key.rotated": "gave a new secret to the key",
    "api_key.deleted": "revoked the key",
    "api_key.leaked": "revoked, because it leaked, the key",
    "user.added": "joined",
    "user.updated": "changed the role of",
    "user.deleted": "removed",
    "invite.sent": "invited",
    "invite.accepted": "accepted an invitation",
    "invite.deleted": "took back an invitation",
    "review.approved": "approved the review",
    "review.refused": "refused the review",
    "tier.granted": "granted the tier",
    "budget.updated": "set the budget of",
    "budget.deleted": "lifted the budget of",
    "rate_limit.updated": "set the rate limit of",
    "stack.applied": "put a changed stack to use",
    "stack.reverted": "went back to the previous stack",
    "audit_log.exported": "downloaded the audit log",
    "organization.created": "made the organisation",
}
_ALONE: Final = frozenset(
    (
        "login.succeeded",
        "credential.added",
        "passkey.removed",
        "user.added",
        "invite.accepted",
        "invite.deleted",
        "stack.applied",
        "stack.reverted",
        "audit_log.exported",
    )
)
"""Events whose words say it all: what they name by an id is the person, or nothing to name."""

_ACTORS: Final = {"system": "The gateway", "command": "Somebody at the machine"}
_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """An audit entry as people read it."""

    link: Link
    who: str
    by: str
    """The same person or key as the filter knows them."""
    deed: str
    what: str
    """What it was done to; empty where the deed says it."""
    more: str
    address: str
    """Where the request came from."""
    is_intact: bool
    """Whether the entry still fits its own hash."""


def entry_of(link: Link, names: Mapping[str, str]) -> Entry:
    """The entry; `names` are those of ids that `ids_in` found."""
    return Entry(
        link,
        who=_who(link.actor, names),
        by=next((str(link.actor[k]) for k in ("email", "id", "type") if link.actor.get(k)), ""),
        deed=deed_of(link.type),
        what="" if link.type in _ALONE else _cut(_what(link.details, names)),
        more=_cut(_more(link.details)),
        address=_address(link.actor),
        is_intact=hash_of(link) == link.hash,
    )


def deed_of(kind: str) -> str:
    """What an event says that somebody did."""
    if kind in _DEEDS:
        return _DEEDS[kind]
    thing, _, action = kind.rpartition(".")
    return f"{action.replace('_', ' ')} the {thing.replace('_', ' ').replace('.', ' ')}"


def ids_in(links: list[Link]) -> set[str]:
    """Ids in entries for which a name would read better."""
    found = (value for link in links for value in (*link.details.values(), link.actor.get("id")))
    return {value for value in found if isinstance(value, str) and 0 < len(value) <= 64}


def _who(actor: Mapping[str, Any], names: Mapping[str, str]) -> str:
    kind, name = str(actor.get("type", "")), str(actor.get("id", ""))
    if email := actor.get("email"):
        return str(email)
    if kind == "api_key":
        return f"The key {names.get(name, name)}"
    return names.get(name) or _ACTORS.get(kind) or name or "Somebody"


def _address(actor: Mapping[str, Any]) -> str:
    return str(actor.get("address") or ("this machine" if actor.get("type") == "command" else ""))


def _what(details: Mapping[str, Any], names: Mapping[str, str]) -> str:
    for key in ("name", "email", "tier"):
        if isinstance(value := details.get(key), str) and value:
            return value
    for key in ("id", "subject"):
        if isinstance(value := details.get(key), str) and value:
            return names.get(value, value)
    return ""


def _more(details: Mapping[str, Any]) -> str:
    told: list[str] = []
    if isinstance(role := details.get("role"), str):
        told.append(f"as {role}")
    if isinstance(limit := details.get("limit_nanos"), int):
        told.append(f"{dollars(limit)} {details.get('period', '')}".strip())
    if isinstance(method := details.get("method") or details.get("way"), str):
        told.append(f"by {method}")
    if isinstance(reason := details.get("reason"), str) and reason:
        told.append(f"because: {reason}")
    if isinstance(changes := details.get("changes"), list):
        told += [str(one) for one in changes[:3]]
    return "; ".join(told)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX else f"{text[:_MAX]}…"
