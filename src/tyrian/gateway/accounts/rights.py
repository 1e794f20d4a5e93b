"""Sums up what a person may do: their own place, their roles, and those of their groups."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.accounts.permissions import (
    EVERYTHING,
    NOTHING,
    ORGANISATION_ROLES,
    PROJECT_ROLES,
    Rights,
)
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.roles import PREDEFINED
from tyrian.gateway.store.models.organisations import Membership, Project, ProjectMembership
from tyrian.gateway.store.models.roles import CustomRole, GroupMember, PeopleGroup, RoleAssignment

_FEW: Final = 200
"""So many people and groups can be asked about by name: databases bound the names in a question."""


async def rights_of(session: AsyncSession, organisation_id: str, user_id: str) -> Rights:
    """What somebody may do in an organisation; nothing where they do not belong to it."""
    found = await everybodys_rights(session, organisation_id, user_id)
    return found.get(user_id, NOTHING)


async def everybodys_rights(
    session: AsyncSession, organisation_id: str, user_id: str | None = None
) -> dict[str, Rights]:
    """What each member of an organisation may do, or that one alone."""
    places = select(Membership.user_id, Membership.role).where(
        Membership.organisation_id == organisation_id
    )
    in_projects = (
        select(ProjectMembership.user_id, ProjectMembership.project_id, ProjectMembership.role)
        .join(Project, Project.id == ProjectMembership.project_id)
        .where(Project.organisation_id == organisation_id)
    )
    in_groups = (
        select(GroupMember.user_id, GroupMember.group_id)
        .join(PeopleGroup, PeopleGroup.id == GroupMember.group_id)
        .where(PeopleGroup.organisation_id == organisation_id)
    )
    if user_id is not None:
        places = places.where(Membership.user_id == user_id)
        in_projects = in_projects.where(ProjectMembership.user_id == user_id)
        in_groups = in_groups.where(GroupMember.user_id == user_id)
    sums = {
        user: _Sum(organisation_id, set(ORGANISATION_ROLES.get(role, ORGANISATION_ROLES["viewer"])))
        for user, role in await session.execute(places)
    }
    if not sums:
        return {}
    for user, project_id, role in await session.execute(in_projects):
        if user in sums:
            sums[user].add(project_id, PROJECT_ROLES.get(role, frozenset()))
    subjects: dict[str, list[str]] = defaultdict(list)
    for user in sums:
        subjects[user].append(user)
    for user, group_id in await session.execute(in_groups):
        subjects[group_id].append(user)
    for subject_id, scope_id, permissions in await _assigned(session, organisation_id, subjects):
        for user in subjects[subject_id]:
            if user in sums:
                sums[user].add(scope_id, permissions)
    return {user: found.rights() for user, found in sums.items()}


async def rights_of_group(session: AsyncSession, organisation_id: str, group_id: str) -> Rights:
    """What everybody in a group may do by it."""
    found = _Sum(organisation_id, set())
    for _, scope_id, permissions in await _assigned(session, organisation_id, [group_id]):
        found.add(scope_id, permissions)
    return found.rights()


async def rights_of_key(session: AsyncSession, key: KeyRecord) -> Rights:
    """What an admin key may do: all that its owner may, or everything where it is nobody's."""
    if key.owner_user_id is None:
        return EVERYTHING
    return await rights_of(session, key.organisation_id, key.owner_user_id)


@dataclass(slots=True)
class _Sum:
    """Rights while they are summed up."""

    organisation_id: str
    everywhere: set[str]
    projects: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, scope_id: str, permissions: frozenset[str]) -> None:
        is_everywhere = scope_id == self.organisation_id
        (self.everywhere if is_everywhere else self.projects[scope_id]).update(permissions)

    def rights(self) -> Rights:
        projects = {it: frozenset(held) for it, held in self.projects.items()}
        return Rights(frozenset(self.everywhere), projects)


async def _assigned(
    session: AsyncSession, organisation_id: str, subjects: Collection[str]
) -> list[tuple[str, str, frozenset[str]]]:
    """To whom roles were given, where they hold, and what they permit."""
    query = (
        select(
            RoleAssignment.subject_id,
            RoleAssignment.scope_id,
            RoleAssignment.role_id,
            CustomRole.permissions,
        )
        .outerjoin(
            CustomRole,
            (CustomRole.id == RoleAssignment.role_id)
            # A role permits what it does where it was defined for, and nowhere else.
            & (CustomRole.scope_id == RoleAssignment.scope_id),
        )
        .where(RoleAssignment.organisation_id == organisation_id)
    )
    if len(subjects) <= _FEW:
        query = query.where(RoleAssignment.subject_id.in_(subjects))
    found = []
    for subject_id, scope_id, role_id, permissions in await session.execute(query):
        if subject_id not in subjects:
            continue
        held = frozenset(permissions or ())
        if (role := PREDEFINED.get(role_id)) is not None:
            is_fit = role.is_of_project is (scope_id != organisation_id)
            held = role.permissions if is_fit else frozenset()
        found.append((subject_id, scope_id, held))
    return found
