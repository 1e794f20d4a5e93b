"""Who belongs to an organisation: invited, joined, promoted, removed; never without an owner."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.names import checked_email
from tyrian.gateway.console.sign_in.sessions import digest
from tyrian.gateway.console.visitor import Role, Visitor
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import Invitation, Membership, User
from tyrian.gateway.store.models.sign_in import ConsoleSession

INVITATION_LIFE_S: Final = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organisation."""

    user_id: str
    name: str
    email: str
    role: Role
    joined_at: int
    last_seen_at: int | None


class Members:
    """The members in a store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def list(self, organisation_id: str) -> list[Member]:
        """Everybody who belongs, owners first."""
        query = (
            select(User, Membership)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.organisation_id == organisation_id, User.disabled_at.is_(None))
        )
        async with self._store.read() as session:
            rows = (await session.execute(query)).all()
        found = [
            Member(u.id, u.name, u.email, Role.of(m.role), m.created_at, u.last_seen_at)
            for u, m in rows
        ]
        return sorted(found, key=lambda member: (-member.role, member.name.lower()))

    async def invitations(self, organisation_id: str) -> Sequence[Invitation]:
        """Those that nobody has accepted yet."""
        query = (
            select(Invitation)
            .where(
                Invitation.organisation_id == organisation_id,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
                Invitation.expires_at > int(self._clock()),
            )
            .order_by(Invitation.created_at.desc())
        )
        async with self._store.read() as session:
            return (await session.scalars(query)).all()

    async def invite(self, visitor: Visitor, email: str, role: Role, by: Actor) -> str:
        """Offer a place; the secret of the link, which is never to be had again."""
        _check_reach(visitor, role)
        email = checked_email(email)
        now = int(self._clock())
        secret = secrets.token_urlsafe(32)
        async with self._store.write() as session:
            belongs = (
                select(Membership.id)
                .join(User, User.id == Membership.user_id)
                .where(Membership.organisation_id == visitor.organisation_id, User.email == email)
            )
            if await session.scalar(belongs) is not None:
                raise InputError("this person belongs to the organisation already")
            # A new invitation takes the place of the one before it.
            await session.execute(
                update(Invitation)
                .where(
                    Invitation.organisation_id == visitor.organisation_id,
                    Invitation.email == email,
                    Invitation.accepted_at.is_(None),
                    Invitation.revoked_at.is_(None),
                )
                .values(revoked_at=now)
            )
            row = Invitation(
                id=new_id("invite"),
                organisation_id=visitor.organisation_id,
                email=email,
                role=role.id,
                projects=[],
                digest=digest(secret),
                invited_by=visitor.user_id,
                created_at=now,
                expires_at=now + INVITATION_LIFE_S,
            )
            session.add(row)
            details = {"id": row.id, "email": email, "role": role.id}
            await audit.append(session, visitor.organisation_id, "invite.sent", by, details)
        return secret

    async def withdraw(self, organisation_id: str, invitation_id: str, by: Actor) -> bool:
        """Make an invitation worthless; False where there is none of that id."""
        change = (
            update(Invitation)
            .where(
                Invitation.id == invitation_id,
                Invitation.organisation_id == organisation_id,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
            )
            .values(revoked_at=int(self._clock()))
            .returning(Invitation.id)
        )
        async with self._store.write() as session:
            if await session.scalar(change) is None:
                return False
            details = {"id": invitation_id}
            await audit.append(session, organisation_id, "invite.deleted", by, details)
            return True

    async def accept(self, secret: str, name: str, address: str) -> str | None:
        """Join by an invitation, once: the new person's id; None where it is worth nothing.

        The account gets the address that was invited, whoever holds the link. Where that address
        has an account already the link is not enough: its owner must be added by name.
        """
        now = int(self._clock())
        change = (
            update(Invitation)
            .where(
                Invitation.digest == digest(secret),
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
                Invitation.expires_at > now,
            )
            .values(accepted_at=now)
            .returning(Invitation.id)
        )
        async with self._store.write() as session:
            invitation_id = await session.scalar(change)
            if invitation_id is None:
                return None
            invitation = await session.get_one(Invitation, invitation_id)
            known = select(User.id).where(User.email == invitation.email)
            if await session.scalar(known) is not None:
                raise InputError("somebody with this e-mail address has an account already")
            user = User(id=new_id("user"), email=invitation.email, name=name, created_at=now)
            session.add(user)
            await session.flush()
            session.add(
                Membership(
                    id=new_id("mem"),
                    organisation_id=invitation.organisation_id,
                    user_id=user.id,
                    role=invitation.role,
                    created_at=now,
                )
            )
            invitation.accepted_by = user.id
            actor = Actor("session", user.id, user.email, address)
            details = {"id": invitation.id, "role": invitation.role}
            await audit.append(
                session, invitation.organisation_id, "invite.accepted", actor, details
            )
            return user.id

    async def change_role(self, visitor: Visitor, user_id: str, role: Role, by: Actor) -> None:
        """Give a member another role; their sessions end, so that none keeps the old one."""
        _check_reach(visitor, role)
        async with self._store.write() as session:
            row = await _membership(session, visitor, user_id)
            _check_reach(visitor, Role.of(row.role))
            if Role.of(row.role) is Role.OWNER and role is not Role.OWNER:
                await _check_another_owner(session, visitor.organisation_id)
            row.role = role.id
            await self._end_sessions(session, user_id)
            details = {"id": user_id, "role": role.id}
            await audit.append(session, visitor.organisation_id, "user.updated", by, details)

    async def remove(self, visitor: Visitor, user_id: str, by: Actor) -> None:
        """Take a member out of the organisation, with their sessions."""
        async with self._store.write() as session:
            row = await _membership(session, visitor, user_id)
            _check_reach(visitor, Role.of(row.role))
            if Role.of(row.role) is Role.OWNER:
                await _check_another_owner(session, visitor.organisation_id)
            await session.execute(delete(Membership).where(Membership.id == row.id))
            await self._end_sessions(session, user_id)
            await audit.append(
                session, visitor.organisation_id, "user.deleted", by, {"id": user_id}
            )

    async def _end_sessions(self, session: AsyncSession, user_id: str) -> None:
        await session.execute(
            update(ConsoleSession)
            .where(ConsoleSession.user_id == user_id, ConsoleSession.ended_at.is_(None))
            .values(ended_at=int(self._clock()))
        )


def _check_reach(visitor: Visitor, role: Role) -> None:
    """Nobody makes or unmakes what is above them."""
    if role > visitor.role:
        raise ConfigError(f"only owners decide about the role {role.title}")


async def _membership(session: AsyncSession, visitor: Visitor, user_id: str) -> Membership:
    row = await session.scalar(
        select(Membership)
        .where(Membership.organisation_id == visitor.organisation_id, Membership.user_id == user_id)
        .with_for_update()
    )
    if row is None:
        raise InputError("there is no such member")
    return row


async def _check_another_owner(session: AsyncSession, organisation_id: str) -> None:
    query = (
        select(func.count())
        .select_from(Membership)
        .where(Membership.organisation_id == organisation_id, Membership.role == Role.OWNER.id)
    )
    if (await session.scalar(query) or 0) < 2:
        raise InputError("an organisation keeps at least one owner", hint="make another one first")
