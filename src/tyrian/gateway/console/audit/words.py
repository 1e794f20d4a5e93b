"""Audit entries as sentences: who did what to what."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tyrian.gateway.accounts.chain import Link, hash_of
from tyrian.gateway.console.templates import PERIODS, dollars

_DEEDS: Final = {
    "login.succeeded": "signed in",
    "credential.added": "added a way to sign in",
    "passkey.removed": "removed a passkey",
    "api_key.created": "made the key {thing}",
    "api_key.updated": "changed the key {thing}",
    "api_key.rotated": "gave a new secret to the key {thing}",
    "api_key.deleted": "revoked the key {thing}",
    "api_key.leaked": "revoked, because it leaked, the key {thing}",
    "user.added": "joined",
    "user.updated": "changed the role of {thing}",
    "user.deleted": "removed {thing}",
    "invite.sent": "invited {thing}",
    "invite.accepted": "accepted an invitation",
    "invite.deleted": "took back the invitation of {thing}",
    "review.approved": "approved the review {thing}",
    "review.refused": "refused the review {thing}",
    "tier.granted": "granted the tier {thing}",
    "budget.updated": "set the budget of {thing}",
    "budget.deleted": "lifted the budget of {thing}",
    "rate_limit.updated": "set the rate limit of {thing}",
    "role.assignment.created": "gave {principal_id} the role {thing}",
    "role.assignment.deleted": "took the role {thing} from {principal_id}",
    "stack.applied": "put a changed stack to use",
    "stack.reverted": "went back to the previous stack",
    "audit_log.exported": "downloaded the audit log",
    "organization.created": "made the organisation {thing}",
}
"""What events say; `{thing}` is what it was done to, any other name a field of the entry."""

_SPECIAL: Final = {
    ("group.updated", "group_name"): "named the group {thing}",
    ("group.updated", "user_added"): "put {user_added} into the group {thing}",
    ("group.updated", "user_removed"): "took {user_removed} out of the group {thing}",
    ("role.assignment.created", "group"): "gave the group {principal_id} the role {thing}",
    ("role.assignment.deleted", "group"): "took the role {thing} from the group {principal_id}",
    ("user.deleted", "project_id"): "took {thing} out of the project {project_id}",
    ("user.updated", "project_id"): "changed the role of {thing} in the project {project_id}",
}
"""The same where a field, a wish or a kind of holder makes it another deed."""

_ACTORS: Final = {"system": "The gateway", "command": "Somebody at the machine"}
_FIELD: Final = re.compile(r"\{(\w+)\}")
_NAMES: Final = ("name", "email", "group_name", "role_name", "tier")
_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence."""

    text: str
    is_name: bool = False
    id: str = ""
    """Of what is named."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An audit entry as people read it."""

    link: Link
    who: str
    by: str
    """The same person or key as the filter knows them."""
    said: Sequence[Part]
    """What they did, and to what."""
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
        said=list(_said(link, names)),
        more=_cut(_more(link.details)),
        address=_address(link.actor),
        is_intact=hash_of(link) == link.hash,
    )


def deed_of(kind: str) -> str:
    """What an event says that somebody did, without what it was done to."""
    if kind in _DEEDS:
        return _FIELD.sub("", _DEEDS[kind]).strip()
    thing, _, action = kind.rpartition(".")
    return f"{action.replace('_', ' ')} the {thing.replace('_', ' ').replace('.', ' ')}"


def ids_in(links: Iterable[Link]) -> set[str]:
    """Ids in entries for which a name would read better."""
    found = (
        value for link in links for value in (*_fields(link.details).values(), link.actor.get("id"))
    )
    return {value for value in found if isinstance(value, str) and 0 < len(value) <= 64}


def name_in(details: Mapping[str, Any]) -> str:
    """The name that an entry gives to what it is about; empty where it gives none."""
    fields = _fields(details)
    for key in _NAMES:
        if isinstance(value := fields.get(key), str) and value:
            return value
    limit = fields.get("threshold_nanos")
    return f"{dollars(limit)} a month" if isinstance(limit, int) else ""


def _fields(details: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says, and what it says was wished for, side by side."""
    found: dict[str, Any] = {}
    for inner in (details.get("data"), details.get("changes_requested"), details):
        if isinstance(inner, Mapping):
            found |= inner
    return found


def _said(link: Link, names: Mapping[str, str]) -> Iterator[Part]:
    fields = _fields(link.details)
    marks = (*fields, str(fields.get("principal_type")))
    words = next((_SPECIAL[link.type, m] for m in marks if (link.type, m) in _SPECIAL), None)
    words = words or _DEEDS.get(link.type)
    if words is None:
        yield Part(f"{deed_of(link.type)} ")
        words = "{thing}"
    elif fields.get("resource_type") == "api.project":
        words += " in the project {resource_id}"
    for i, piece in enumerate(_FIELD.split(words)):
        if not i % 2:
            yield Part(piece)
        elif piece == "thing":
            name = next((str(fields[k]) for k in ("id", "subject") if fields.get(k)), "")
            yield Part(_cut(name_in(link.details) or names.get(name, name)), True, name)
        else:
            name = str(fields.get(piece, ""))
            yield Part(_cut(names.get(name, name)), True, name)


def _who(actor: Mapping[str, Any], names: Mapping[str, str]) -> str:
    kind, name = str(actor.get("type", "")), str(actor.get("id", ""))
    if email := actor.get("email"):
        return str(email)
    if kind == "api_key":
        return f"The key {names.get(name, name)}"
    return names.get(name) or _ACTORS.get(kind) or name or "Somebody"


def _address(actor: Mapping[str, Any]) -> str:
    return str(actor.get("address") or ("this machine" if actor.get("type") == "command" else ""))


def _more(details: Mapping[str, Any]) -> str:
    told: list[str] = []
    if isinstance(role := details.get("role"), str):
        told.append(f"as {role}")
    if isinstance(limit := details.get("limit_nanos"), int):
        told.append(f"{dollars(limit)} {dict(PERIODS).get(str(details.get('period')), '')}".strip())
    if isinstance(method := details.get("method") or details.get("way"), str):
        told.append(f"by {method}")
    if isinstance(reason := details.get("reason"), str) and reason:
        told.append(f"because: {reason}")
    if isinstance(changes := details.get("changes"), list):
        told += [str(one) for one in changes[:3]]
    return "; ".join(told)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX else f"{text[:_MAX]}…"
