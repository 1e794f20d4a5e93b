"""Invitations: made, listed and withdrawn; they are accepted in the console."""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Update, select, update

from tyrian.errors import ConfigError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.names import checked_email
from tyrian.gateway.accounts.people import NEEDED, ROLES
from tyrian.gateway.accounts.permissions import ORGANISATION_ROLES, PROJECT_ROLES
from tyrian.gateway.accounts.reach import reach
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import Invitation, Membership, User

LIFE_S: Final = 7 * 86_400


class Invitations:
    """The invitations in a store."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def list(self, organisation_id: str) -> Sequence[Invitation]:
        """All that were not withdrawn, newest first."""
        async with self._store.read() as session:
            found = await session.scalars(
                select(Invitation)
                .where(
                    Invitation.organisation_id == organisation_id,
                    Invitation.revoked_at.is_(None),
                )
                .order_by(Invitation.created_at.desc(), Invitation.id.desc())
            )
            return found.all()

    async def get(self, organisation_id: str, invitation_id: str) -> Invitation | None:
        """The invitation of that id, None where the organisation has none such."""
        found = await self.list(organisation_id)
        return next((one for one in found if one.id == invitation_id), None)

    async def create(
        self,
        organisation_id: str,
        email: str,
        role: str,
        projects: Sequence[dict[str, Any]],
        *,
        by: Actor = COMMAND,
    ) -> tuple[Invitation, str]:
        """Offer a place; the second part is the token, which is never to be had again.

        It takes the place of an open invitation of the same person. Nobody offers a place that is
        above their own.
        """
        if role not in ROLES:
            raise ConfigError(f"unknown role {role!r}", hint=f"known: {', '.join(ROLES)}, reader")
        now = int(self._clock())
        token = secrets.token_urlsafe(32)
        invitation = Invitation(
            id=new_id("invite"),
            organisation_id=organisation_id,
            email=checked_email(email),
            role=role,
            projects=[*projects],
            digest=hashlib.sha256(token.encode()).digest(),
            invited_by=by.id or by.type,
            created_at=now,
            expires_at=now + LIFE_S,
        )
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED)
            rights.check_covers(ORGANISATION_ROLES[role])
            for place in projects:
                rights.check_covers(PROJECT_ROLES[place["role"]], place["id"])
            known = await session.scalar(
                select(Membership.id)
                .join(User, User.id == Membership.user_id)
                .where(
                    Membership.organisation_id == organisation_id, User.email == invitation.email
                )
            )
            if known is not None:
                raise ConfigError("this person belongs to the organisation already")
            await session.execute(
                _open(organisation_id)
                .where(Invitation.email == invitation.email)
                .values(revoked_at=now)
            )
            session.add(invitation)
            details = {"id": invitation.id, "email": invitation.email, "role": role}
            await audit.append(session, organisation_id, "invite.sent", by, details)
        return invitation, token

    async def withdraw(
        self, organisation_id: str, invitation_id: str, *, by: Actor = COMMAND
    ) -> bool:
        """Make an invitation worthless; False where there is none that is open."""
        async with self._store.write() as session:
            await reach(session, organisation_id, by, NEEDED)
            gone = await session.scalars(
                _open(organisation_id)
                .where(Invitation.id == invitation_id)
                .values(revoked_at=int(self._clock()))
                .returning(Invitation.id)
            )
            if not gone.all():
                return False
            details = {"id": invitation_id}
            await audit.append(session, organisation_id, "invite.deleted", by, details)
            return True


def status_of(invitation: Invitation, now: float) -> str:
    """`accepted`, `expired` or `pending`."""
    if invitation.accepted_at is not None:
        return "accepted"
    return "expired" if invitation.expires_at <= now else "pending"


def _open(organisation_id: str) -> Update:
    return update(Invitation).where(
        Invitation.organisation_id == organisation_id,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )
