"""Reads one organisation's audit chain: a page for people, or all of it, piece by piece."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, cast, or_, select

from tyrian.gateway.accounts.chain import Checkpoint, Link
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.audit import AuditEvent, AuditHead

PIECE: Final = 500
"""Entries in one question; decoding them takes some milliseconds."""

GROUPS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "sign-in": ("Sign-ins and accounts", ("login", "credential", "passkey", "session")),
    "keys": ("Keys", ("api_key",)),
    "people": ("People", ("user", "invite", "service_account", "group", "role")),
    "projects": ("Projects", ("project",)),
    "money": ("Budgets and limits", ("budget", "rate_limit", "spend_alert")),
    "guards": ("Guards and policies", ("stack",)),
    "reviews": ("Reviews", ("review",)),
    "organisation": ("Organisation", ("organization", "tier", "audit_log")),
}
"""What the filter offers: its words, and the first parts of the events that it stands for."""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What entries must have; empty or 0 for anything."""

    event: str = ""
    """A group, or one event such as `api_key.created`."""
    actor: str = ""
    """An e-mail address, an id, or a network address."""
    since: int = 0
    until: int = 0
    """Seconds since 1970; the first is included, the second is not."""


async def find(
    store: Store, organisation_id: str, wanted: Wanted, *, before: int = 0, limit: int
) -> list[Link]:
    """Entries, the newest first, from below the place `before`."""
    query = _rows(organisation_id).where(*_conditions(wanted))
    if before:
        query = query.where(AuditEvent.sequence < before)
    async with store.read() as session:
        rows = (
            await session.execute(query.order_by(AuditEvent.sequence.desc()).limit(limit))
        ).all()
    return [link_of(row) for row in rows]


async def pieces(
    store: Store, organisation_id: str, *, after: int = 0, until: int | None = None
) -> AsyncIterator[Sequence[Row]]:
    """The chain in its order, as rows that `link_of` makes links of, in any thread."""
    while True:
        query = _rows(organisation_id).where(AuditEvent.sequence > after)
        if until is not None:
            query = query.where(AuditEvent.sequence <= until)
        async with store.read() as session:
            rows = (await session.execute(query.order_by(AuditEvent.sequence).limit(PIECE))).all()
        if rows:
            yield rows
            after = rows[-1].sequence
        if len(rows) < PIECE:
            return


async def head(store: Store, organisation_id: str) -> Checkpoint:
    """The end of the chain as the database has it; 0 where there is none."""
    async with store.read() as session:
        found = await session.get(AuditHead, organisation_id)
    if found is None:
        return Checkpoint(organisation_id, 0, b"")
    return Checkpoint(organisation_id, found.sequence, found.hash)


def link_of(row: Row) -> Link:
    """A row of `pieces` as a link of the chain."""
    organisation, sequence, name, at, kind, actor, project, details, previous, digest = row
    return Link(
        organisation, sequence, name, at, kind, json.loads(actor), project, json.loads(details),
        bytes(previous), bytes(digest),
    )  # fmt: skip


def _rows(organisation_id: str) -> Select[*tuple[Any, ...]]:
    # What is JSON comes as text, so that it is decoded off the event loop where there is much.
    return select(
        AuditEvent.organisation_id,
        AuditEvent.sequence,
        AuditEvent.id,
        AuditEvent.at,
        AuditEvent.type,
        cast(AuditEvent.actor, Text),
        AuditEvent.project_id,
        cast(AuditEvent.details, Text),
        AuditEvent.previous_hash,
        AuditEvent.hash,
    ).where(AuditEvent.organisation_id == organisation_id)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.event in GROUPS:
        prefixes = GROUPS[wanted.event][1]
        found.append(or_(*(AuditEvent.type.startswith(f"{p}.", autoescape=True) for p in prefixes)))
    elif wanted.event:
        found.append(AuditEvent.type == wanted.event)
    if wanted.actor:
        names = ("email", "id", "address", "type")
        found.append(or_(*(AuditEvent.actor[n].as_string() == wanted.actor for n in names)))
    if wanted.since:
        found.append(AuditEvent.at >= wanted.since)
    if wanted.until:
        found.append(AuditEvent.at < wanted.until)
    return found
