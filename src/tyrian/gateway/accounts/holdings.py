"""Who has which role: people and groups, in an organisation or in a project."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import func, select

from tyrian.gateway.accounts.roles import PREDEFINED, RoleRecord, record
from tyrian.gateway.store.engine import Store
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


class Holdings:
    """The roles that are held in a store; every question names the organisation that asks.

    A person's own place, the `role` of their membership, is one of the predefined roles and counts
    as given to them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

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
