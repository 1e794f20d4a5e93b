"""Who belongs to an organisation, as people govern it: nobody reaches above their own role."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from tyrian.errors import InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.invitations import Invitations, status_of
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.permissions import NOTHING, Rights
from tyrian.gateway.accounts.rights import everybodys_rights
from tyrian.gateway.console.sign_in.sessions import Sessions, digest
from tyrian.gateway.console.visitor import Role, Visitor
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import (
    Invitation,
    Membership,
    Project,
    ProjectMembership,
    User,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organisation."""

    user_id: str
    name: str
    email: str
    role: Role
    rights: Rights
    """What they may do in all, by groups and further roles too."""
    last_seen_at: int | None


class Members:
    """The members in a store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._people = People(store, clock=clock)
        self._invitations = Invitations(store, clock=clock)
        self._sessions = Sessions(store, clock)

    async def list(self, organisation_id: str) -> list[Member]:
        """Everybody who belongs, owners first."""
        people = await self._people.list(organisation_id)
        async with self._store.read() as session:
            rights = await everybodys_rights(session, organisation_id)
        found = [
            Member(
                user.id,
                user.name,
                user.email,
                Role.of(place.role),
                rights.get(user.id, NOTHING),
                user.last_seen_at,
            )
            for user, place in people
            if user.disabled_at is None
        ]
        return sorted(found, key=lambda member: (-member.role, member.name.lower()))

    async def invitations(self, organisation_id: str) -> Sequence[Invitation]:
        """Those that wait to be accepted."""
        now = self._clock()
        found = await self._invitations.list(organisation_id)
        return [one for one in found if status_of(one, now) == "pending"]

    async def invite(self, visitor: Visitor, email: str, role: Role, by: Actor) -> str:
        """Offer a place; the secret of the link, which is never to be had again."""
        _, secret = await self._invitations.create(
            visitor.organisation_id, email, role.id, [], by=by
        )
        return secret

    async def withdraw(self, organisation_id: str, invitation_id: str, by: Actor) -> bool:
        """Make an invitation worthless; False where there is none that is open."""
        return await self._invitations.withdraw(organisation_id, invitation_id, by=by)

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
            organisation_id = invitation.organisation_id
            session.add(
                Membership(
                    id=new_id("mem"),
                    organisation_id=organisation_id,
                    user_id=user.id,
                    role=invitation.role,
                    created_at=now,
                )
            )
            for place in invitation.projects:
                project = await session.get(Project, place["id"])
                if project is None or project.organisation_id != organisation_id:
                    continue
                session.add(
                    ProjectMembership(
                        id=new_id("pmem"),
                        project_id=project.id,
                        user_id=user.id,
                        role=place.get("role", "member"),
                        created_at=now,
                    )
                )
            invitation.accepted_by = user.id
            actor = Actor("session", user.id, user.email, address)
            details = {"id": invitation.id, "role": invitation.role}
            await audit.append(session, organisation_id, "invite.accepted", actor, details)
            return user.id

    async def change_role(self, visitor: Visitor, user_id: str, role: Role, by: Actor) -> None:
        """Give a member another role; their sessions end, so that none keeps the old one."""
        await self._people.set_role(visitor.organisation_id, user_id, role.id, by=by)
        await self._sessions.end(user_id)

    async def remove(self, visitor: Visitor, user_id: str, by: Actor) -> None:
        """Take a member out of the organisation, with their sessions and keys."""
        await self._people.remove(visitor.organisation_id, user_id, by=by)
        await self._sessions.end(user_id)
