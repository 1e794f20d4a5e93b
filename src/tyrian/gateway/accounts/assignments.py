"""Who has which role: given to people and to groups, in an organisation or in a project."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.permissions import EVERYTHING, Rights
from tyrian.gateway.accounts.projects import lock
from tyrian.gateway.accounts.role_book import PREDEFINED, RoleRecord, record, role_in
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import Membership, Project, ProjectMembership
from tyrian.gateway.store.models.roles import (
    CustomRole,
    GroupMember,
    PeopleGroup,
    RoleAssignment,
)

Kind = Literal["user", "group"]


@dataclass(frozen=True, slots=True)
class Holder:
    """A person or a group that roles are given to."""

    kind: Kind
    id: str


@dataclass(frozen=True, slots=True)
class Held:
    """A role that somebody has, and whence: from a place or role of their own, or from groups."""

    role: RoleRecord
    sources: tuple[Holder, ...]

    @property
    def is_own(self) -> bool:
        """Given to them, and not only by a group."""
        return any(source.kind == "user" for source in self.sources)


class Assignments:
    """The roles that are given in a store; every question names the organisation that asks.

    A person's own place, the `role` of their membership, is one of the predefined roles and counts
    as given to them. `rights` are those of whoever asks for a change: nobody gives or takes what
    they do not hold.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._people = People(store, clock=clock)

    async def of(
        self, organisation_id: str, holder: Holder, project_id: str | None = None
    ) -> Sequence[Held]:
        """All that a person or a group has there, by the roles' names."""
        everything = await self.everybodys(organisation_id, project_id)
        found = everything.get(holder, {})
        if holder.kind == "user":
            async with self._store.read() as session:
                groups = await session.scalars(
                    select(GroupMember.group_id)
                    .join(PeopleGroup, PeopleGroup.id == GroupMember.group_id)
                    .where(
                        GroupMember.user_id == holder.id,
                        PeopleGroup.organisation_id == organisation_id,
                    )
                )
                for group_id in groups:
                    for it, held in everything.get(Holder("group", group_id), {}).items():
                        before = found.get(it, Held(held.role, ()))
                        found[it] = replace(before, sources=before.sources + held.sources)
        return sorted(found.values(), key=lambda held: (held.role.name, held.role.id))

    async def everybodys(
        self, organisation_id: str, project_id: str | None = None
    ) -> dict[Holder, dict[str, Held]]:
        """What each person and each group was given itself there, by the roles' ids."""
        scope = project_id or organisation_id
        found: dict[Holder, dict[str, Held]] = {}
        async with self._store.read() as session:
            for user_id, place in await session.execute(_places(organisation_id, project_id)):
                prefix = "role_" if project_id is None else "role_project_"
                role = PREDEFINED.get(prefix + place)
                if role is not None:
                    holder = Holder("user", user_id)
                    found.setdefault(holder, {})[role.id] = Held(role, (holder,))
            rows = await session.execute(
                select(RoleAssignment, CustomRole)
                .outerjoin(CustomRole, CustomRole.id == RoleAssignment.role_id)
                .where(
                    RoleAssignment.organisation_id == organisation_id,
                    RoleAssignment.scope_id == scope,
                )
                .order_by(RoleAssignment.created_at, RoleAssignment.id)
            )
            for row, custom in rows:
                held_role = record(custom) if custom is not None else PREDEFINED.get(row.role_id)
                if held_role is not None:
                    kind: Kind = "group" if row.subject_kind == "group" else "user"
                    holder = Holder(kind, row.subject_id)
                    found.setdefault(holder, {})[held_role.id] = Held(held_role, (holder,))
        return found

    async def everywhere(
        self, organisation_id: str
    ) -> Sequence[tuple[Holder, str | None, RoleRecord]]:
        """Who was given which role in which project, None for the organisation.

        Without the places of people in the organisation.
        """
        places = (
            select(ProjectMembership.user_id, ProjectMembership.project_id, ProjectMembership.role)
            .join(Project, Project.id == ProjectMembership.project_id)
            .where(Project.organisation_id == organisation_id)
            .order_by(ProjectMembership.created_at, ProjectMembership.id)
        )
        given = (
            select(RoleAssignment, CustomRole)
            .outerjoin(CustomRole, CustomRole.id == RoleAssignment.role_id)
            .where(RoleAssignment.organisation_id == organisation_id)
            .order_by(RoleAssignment.created_at, RoleAssignment.id)
        )
        found: list[tuple[Holder, str | None, RoleRecord]] = []
        async with self._store.read() as session:
            for user_id, project_id, place in await session.execute(places):
                if (role := PREDEFINED.get(f"role_project_{place}")) is not None:
                    found.append((Holder("user", user_id), project_id, role))
            for row, custom in await session.execute(given):
                known = record(custom) if custom is not None else PREDEFINED.get(row.role_id)
                if known is not None:
                    kind: Kind = "group" if row.subject_kind == "group" else "user"
                    place_id = None if row.scope_id == organisation_id else row.scope_id
                    found.append((Holder(kind, row.subject_id), place_id, known))
        return found

    async def groups_since(self, organisation_id: str, project_id: str) -> dict[str, int]:
        """The ids of the groups that have a role in a project, and since when."""
        async with self._store.read() as session:
            rows = await session.execute(
                select(RoleAssignment.subject_id, func.min(RoleAssignment.created_at))
                .where(
                    RoleAssignment.organisation_id == organisation_id,
                    RoleAssignment.scope_id == project_id,
                    RoleAssignment.subject_kind == "group",
                )
                .group_by(RoleAssignment.subject_id)
            )
            return {row[0]: row[1] for row in rows}

    async def give(
        self,
        organisation_id: str,
        holder: Holder,
        role_id: str,
        *,
        project_id: str | None = None,
        rights: Rights = EVERYTHING,
        by: Actor = COMMAND,
    ) -> RoleRecord:
        """Let somebody have a role too; giving it again changes nothing.

        A predefined role becomes a person's place, which it never makes smaller.
        """
        async with self._store.write() as session:
            await lock(session, organisation_id, project_id)
            role = await role_in(session, organisation_id, role_id, project_id)
            rights.check_covers(role.permissions, project_id)
            await _check_holder(session, organisation_id, holder)
            if role.is_predefined and holder.kind == "user":
                if not await self._promote(session, organisation_id, holder.id, role, project_id):
                    return role
            elif not await self._insert(session, organisation_id, holder, role, project_id, by):
                return role
            await _note(
                session, organisation_id, "role.assignment.created", by, holder, role, project_id
            )
            return role

    async def take(
        self,
        organisation_id: str,
        holder: Holder,
        role_id: str,
        *,
        project_id: str | None = None,
        rights: Rights = EVERYTHING,
        by: Actor = COMMAND,
    ) -> bool:
        """Take a role away; False where it was not given to them there.

        A person whose place was a predefined role is a viewer then: nobody is without a place.
        """
        async with self._store.write() as session:
            await lock(session, organisation_id, project_id)
            role = await role_in(session, organisation_id, role_id, project_id)
            rights.check_covers(role.permissions, project_id)
            if role.is_predefined and holder.kind == "user":
                is_done = await self._demote(session, organisation_id, holder.id, role, project_id)
            else:
                gone = await session.scalars(
                    delete(RoleAssignment)
                    .where(
                        RoleAssignment.organisation_id == organisation_id,
                        RoleAssignment.subject_id == holder.id,
                        RoleAssignment.scope_id == (project_id or organisation_id),
                        RoleAssignment.role_id == role.id,
                    )
                    .returning(RoleAssignment.id)
                )
                is_done = bool(gone.all())
            if is_done:
                await _note(
                    session,
                    organisation_id,
                    "role.assignment.deleted",
                    by,
                    holder,
                    role,
                    project_id,
                )
            return is_done

    async def take_all_in_project(
        self,
        organisation_id: str,
        holder: Holder,
        project_id: str,
        *,
        rights: Rights = EVERYTHING,
        by: Actor = COMMAND,
    ) -> bool:
        """Take every role that a group has in a project; False where it had none."""
        given = (await self.everybodys(organisation_id, project_id)).get(holder, {})
        for held in given.values():
            rights.check_covers(held.role.permissions, project_id)
        taken = [
            await self.take(
                organisation_id, holder, it, project_id=project_id, rights=rights, by=by
            )
            for it in given
        ]
        return any(taken)

    async def _promote(
        self,
        session: AsyncSession,
        organisation_id: str,
        user_id: str,
        role: RoleRecord,
        project_id: str | None,
    ) -> bool:
        place = await _place(session, organisation_id, user_id, project_id)
        if place is None and project_id is not None:
            session.add(
                ProjectMembership(
                    id=new_id("pmem"),
                    project_id=project_id,
                    user_id=user_id,
                    role=role.place,
                    created_at=int(self._clock()),
                )
            )
            return True
        if place is None:
            raise InputError("there is no member with this id", hint="list the users")
        if place.role == role.place:
            return False
        prefix = "role_" if project_id is None else "role_project_"
        if role.permissions <= PREDEFINED[prefix + place.role].permissions:
            raise ConfigError(
                f"the place of this person, {place.role}, holds that role already",
                hint="change their place instead",
            )
        place.role = role.place
        return True

    async def _demote(
        self,
        session: AsyncSession,
        organisation_id: str,
        user_id: str,
        role: RoleRecord,
        project_id: str | None,
    ) -> bool:
        place = await _place(session, organisation_id, user_id, project_id)
        if place is None or place.role != role.place:
            return False
        if isinstance(place, ProjectMembership):
            await session.delete(place)
            return True
        if role.place == "viewer":
            raise ConfigError(
                "a member is at least a viewer", hint="remove them from the organisation"
            )
        if role.place == "owner":
            await self._people.check_another_owner(session, organisation_id)
        place.role = "viewer"
        return True

    async def _insert(
        self,
        session: AsyncSession,
        organisation_id: str,
        holder: Holder,
        role: RoleRecord,
        project_id: str | None,
        by: Actor,
    ) -> bool:
        scope = project_id or organisation_id
        known = select(RoleAssignment.id).where(
            RoleAssignment.subject_id == holder.id,
            RoleAssignment.scope_id == scope,
            RoleAssignment.role_id == role.id,
        )
        if await session.scalar(known) is not None:
            return False
        session.add(
            RoleAssignment(
                id=new_id("assign"),
                organisation_id=organisation_id,
                subject_kind=holder.kind,
                subject_id=holder.id,
                scope_id=scope,
                role_id=role.id,
                created_by=by.id or None,
                created_at=int(self._clock()),
            )
        )
        return True


def _places(organisation_id: str, project_id: str | None) -> Any:
    if project_id is None:
        return (
            select(Membership.user_id, Membership.role)
            .where(Membership.organisation_id == organisation_id)
            .order_by(Membership.created_at, Membership.id)
        )
    return (
        select(ProjectMembership.user_id, ProjectMembership.role)
        .join(Project, Project.id == ProjectMembership.project_id)
        .where(Project.id == project_id, Project.organisation_id == organisation_id)
        .order_by(ProjectMembership.created_at, ProjectMembership.id)
    )


async def _place(
    session: AsyncSession, organisation_id: str, user_id: str, project_id: str | None
) -> Membership | ProjectMembership | None:
    if project_id is not None:
        return await session.scalar(
            select(ProjectMembership).where(
                ProjectMembership.project_id == project_id, ProjectMembership.user_id == user_id
            )
        )
    return await session.scalar(
        select(Membership).where(
            Membership.organisation_id == organisation_id, Membership.user_id == user_id
        )
    )


async def _check_holder(session: AsyncSession, organisation_id: str, holder: Holder) -> None:
    if holder.kind == "group":
        group = await session.get(PeopleGroup, holder.id)
        if group is None or group.organisation_id != organisation_id:
            raise InputError("there is no group with this id", hint="list the groups")
    elif await _place(session, organisation_id, holder.id, None) is None:
        raise InputError("there is no member with this id", hint="list the users")


async def _note(
    session: AsyncSession,
    organisation_id: str,
    kind: str,
    by: Actor,
    holder: Holder,
    role: RoleRecord,
    project_id: str | None,
) -> None:
    await session.flush()
    details = {
        "id": role.id,
        "principal_id": holder.id,
        "principal_type": holder.kind,
        "resource_id": project_id or organisation_id,
        "resource_type": "api.organization" if project_id is None else "api.project",
    }
    await audit.append(session, organisation_id, kind, by, details, project_id=project_id)
