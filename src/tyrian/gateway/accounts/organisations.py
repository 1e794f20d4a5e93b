"""Organisations, and the tiers that are granted to them, on the server and for a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import InputError
from tyrian.gateway.accounts import audit, revision
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.names import checked_name
from tyrian.gateway.accounts.tiers import Tier, checked_tier, highest
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import Organisation, Project, TierGrant


@dataclass(frozen=True, slots=True)
class OrganisationRecord:
    """An organisation with what it was granted."""

    id: str
    name: str
    tier: str
    """The greatest tier of its grants that hold now."""
    project_ids: tuple[str, ...]
    created_at: int


class Organisations:
    """The organisations in a store."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self, name: str, *, tier: str = Tier.DEVELOPER, by: Actor = COMMAND
    ) -> OrganisationRecord:
        """Make an organisation with one project and a tier."""
        now = int(self._clock())
        row = Organisation(
            id=new_id("org"), name=checked_name(name, "an organisation's name"), created_at=now
        )
        project = Project(id=new_id("proj"), organisation_id=row.id, name="default", created_at=now)
        async with self._store.write() as session:
            session.add(row)
            await session.flush()
            session.add(project)
            await audit.append(
                session, row.id, "organization.created", by, {"id": row.id, "name": row.name}
            )
            await self._grant(session, row.id, checked_tier(tier), None, by)
            return OrganisationRecord(row.id, row.name, tier, (project.id,), now)

    async def list(self) -> Sequence[OrganisationRecord]:
        """All organisations, oldest first."""
        now = self._clock()
        async with self._store.read() as session:
            rows = await session.scalars(
                select(Organisation).order_by(Organisation.created_at, Organisation.id)
            )
            projects = (
                await session.scalars(select(Project).order_by(Project.created_at, Project.id))
            ).all()
            grants = (await session.scalars(select(TierGrant))).all()
            return [
                OrganisationRecord(
                    row.id,
                    row.name,
                    highest(
                        g.tier for g in grants if g.organisation_id == row.id and _holds(g, now)
                    ),
                    tuple(p.id for p in projects if p.organisation_id == row.id),
                    row.created_at,
                )
                for row in rows
            ]

    async def grant(
        self,
        organisation_id: str,
        tier: str,
        *,
        expires_in_s: int | None = None,
        by: Actor = COMMAND,
    ) -> None:
        """Give an organisation a tier in the place of the one it has; workers heed it at once."""
        async with self._store.write() as session:
            if await session.get(Organisation, organisation_id, with_for_update=True) is None:
                raise InputError(
                    "there is no organisation with this id", hint="tyrian organisation list"
                )
            now = int(self._clock())
            held = await session.scalars(
                select(TierGrant).where(
                    TierGrant.organisation_id == organisation_id,
                    TierGrant.program == "",
                    TierGrant.revoked_at.is_(None),
                )
            )
            for grant in held.all():
                grant.revoked_at = now
            until = None if expires_in_s is None else now + expires_in_s
            await self._grant(session, organisation_id, checked_tier(tier), until, by)

    async def _grant(
        self,
        session: AsyncSession,
        organisation_id: str,
        tier: str,
        expires_at: int | None,
        by: Actor,
    ) -> None:
        grant = TierGrant(
            id=new_id("grant"),
            organisation_id=organisation_id,
            program="",
            tier=tier,
            granted_by=by.id or by.type,
            created_at=int(self._clock()),
            expires_at=expires_at,
        )
        session.add(grant)
        details = {"id": grant.id, "tier": tier, "expires_at": expires_at}
        await audit.append(session, organisation_id, "tier.granted", by, details)
        await revision.bump(session)


def _holds(grant: TierGrant, now: float) -> bool:
    is_over = grant.expires_at is not None and grant.expires_at <= now
    return not grant.program and grant.revoked_at is None and not is_over
