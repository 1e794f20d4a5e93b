"""Appends to the audit chains, and reads them."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.accounts.chain import GENESIS, Checker, Checkpoint, Link, hash_of
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.audit import AuditEvent, AuditHead

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something."""

    type: str
    """`api_key`, `session`, `command` (somebody at the machine) or `system`."""
    id: str = ""
    """Of the key or the user."""
    email: str = ""
    address: str = ""
    """Where the request came from."""

    def plain(self) -> dict[str, str]:
        """What the chain holds of it."""
        fields = {"id": self.id, "email": self.email, "address": self.address}
        return {"type": self.type, **{name: value for name, value in fields.items() if value}}


SYSTEM: Final = Actor("system")
COMMAND: Final = Actor("command")


async def append(
    session: AsyncSession,
    organisation_id: str,
    kind: str,
    actor: Actor,
    details: Mapping[str, Any],
    *,
    project_id: str | None = None,
) -> None:
    """Add an event to an organisation's chain, within the transaction of what it tells of."""
    await session.execute(
        text(
            "INSERT INTO audit_head (organisation_id, sequence, hash)"
            " VALUES (:organisation, 0, :hash) ON CONFLICT DO NOTHING"
        ),
        {"organisation": organisation_id, "hash": GENESIS},
    )
    # Whoever holds this row appends; others wait, so that no two take the same place.
    head = (
        await session.scalars(
            select(AuditHead)
            .where(AuditHead.organisation_id == organisation_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one()
    bare = Link(
        organisation_id=organisation_id,
        sequence=head.sequence + 1,
        id=new_id("audit_log"),
        at=int(time.time()),
        type=kind,
        actor=actor.plain(),
        project_id=project_id,
        details=dict(details),
        previous_hash=head.hash,
        hash=b"",
    )
    fields = {name: getattr(bare, name) for name in Link.__slots__}
    event = AuditEvent(**{**fields, "hash": hash_of(bare)})
    session.add(event)
    head.sequence, head.hash = event.sequence, event.hash
    await session.flush()


async def links(store: Store) -> AsyncIterator[Link]:
    """All events, one organisation after another, each in the order of its chain."""
    after = ("", 0)
    while True:
        async with store.read() as session:
            found = await session.scalars(
                select(AuditEvent)
                .where(
                    (AuditEvent.organisation_id > after[0])
                    | ((AuditEvent.organisation_id == after[0]) & (AuditEvent.sequence > after[1]))
                )
                .order_by(AuditEvent.organisation_id, AuditEvent.sequence)
                .limit(_PAGE)
            )
            page = found.all()
        for event in page:
            yield Link(**{name: getattr(event, name) for name in Link.__slots__})
        if len(page) < _PAGE:
            return
        after = (page[-1].organisation_id, page[-1].sequence)


async def heads(store: Store) -> list[Checkpoint]:
    """The ends of all chains, as the database has them."""
    now = int(time.time())
    async with store.read() as session:
        found = await session.scalars(select(AuditHead).order_by(AuditHead.organisation_id))
        return [Checkpoint(h.organisation_id, h.sequence, h.hash, now) for h in found]


async def verify(store: Store, checkpoints: Iterable[Checkpoint] = ()) -> Checker:
    """Check all chains of a store, also while it is written to."""
    checker = Checker([*checkpoints, *await heads(store)])
    async for link in links(store):
        checker.add(link)
    checker.finish(await heads(store))
    return checker
