"""People and service accounts, as the administration's API sees them."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit, revision
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.keys import end_key
from tyrian.gateway.accounts.names import checked_name
from tyrian.gateway.accounts.permissions import ORGANISATION_ROLES, PROJECT_ROLES
from tyrian.gateway.accounts.places import check_another_owner
from tyrian.gateway.accounts.projects import open_project
from tyrian.gateway.accounts.reach import reach
from tyrian.gateway.accounts.rights import rights_of
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import (
    Membership,
    Project,
    ProjectMembership,
    ServiceAccount,
    User,
)
from tyrian.gateway.store.models.roles import GroupMember, PeopleGroup, RoleAssignment

NEEDED: Final = "members.manage"
ROLES: Final = tuple(reversed([*ORGANISATION_ROLES]))
PLACES: Final = tuple(reversed([*PROJECT_ROLES]))
"""Roles of people in a project."""


class People:
    """The people in a store; every question names the organisation that asks."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def list(self, organisation_id: str) -> Sequence[tuple[User, Membership]]:
        """Everybody in an organisation, by the time they came."""
        async with self._store.read() as session:
            rows = await session.execute(
                select(User, Membership)
                .join(Membership, Membership.user_id == User.id)
                .where(Membership.organisation_id == organisation_id)
                .order_by(Membership.created_at, Membership.id)
            )
            return [(user, membership) for user, membership in rows]

    async def get(self, organisation_id: str, user_id: str) -> tuple[User, Membership] | None:
        """The person of that id, None where the organisation has none such."""
        found = await self.list(organisation_id)
        return next((pair for pair in found if pair[0].id == user_id), None)

    async def set_role(
        self, organisation_id: str, user_id: str, role: str, *, by: Actor = COMMAND
    ) -> None:
        """Give a member another role; the last owner stays one.

        Nobody makes or unmakes what is above them.
        """
        if role not in ROLES:
            raise ConfigError(f"unknown role {role!r}", hint=f"known: {', '.join(ROLES)}")
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED)
            row = await _membership(session, organisation_id, user_id)
            rights.check_covers_all(await rights_of(session, organisation_id, user_id))
            rights.check_covers(ORGANISATION_ROLES[role])
            if row.role == "owner" and role != "owner":
                await check_another_owner(session, organisation_id)
            row.role = role
            details = {"id": user_id, "role": role}
            await audit.append(session, organisation_id, "user.updated", by, details)
            await revision.bump(session)

    async def remove(self, organisation_id: str, user_id: str, *, by: Actor = COMMAND) -> None:
        """Take somebody out of an organisation, and end the keys that they own there."""
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED)
            row = await _membership(session, organisation_id, user_id)
            rights.check_covers_all(await rights_of(session, organisation_id, user_id))
            if row.role == "owner":
                await check_another_owner(session, organisation_id)
            await session.execute(delete(Membership).where(Membership.id == row.id))
            await leave(session, organisation_id, user_id, int(self._clock()), by=by)
            await audit.append(session, organisation_id, "user.deleted", by, {"id": user_id})
            await revision.bump(session)

    async def in_project(
        self, organisation_id: str, project_id: str
    ) -> Sequence[tuple[User, ProjectMembership]]:
        """Everybody in a project."""
        async with self._store.read() as session:
            rows = await session.execute(
                select(User, ProjectMembership)
                .join(ProjectMembership, ProjectMembership.user_id == User.id)
                .join(Project, Project.id == ProjectMembership.project_id)
                .where(Project.id == project_id, Project.organisation_id == organisation_id)
                .order_by(ProjectMembership.created_at, ProjectMembership.id)
            )
            return [(user, membership) for user, membership in rows]

    async def put_in_project(
        self,
        organisation_id: str,
        project_id: str,
        user_id: str,
        role: str,
        *,
        by: Actor = COMMAND,
    ) -> None:
        """Give a member of the organisation a place in a project, or another role there."""
        if role not in PLACES:
            raise ConfigError(f"unknown role {role!r}", hint=f"known: {', '.join(PLACES)}")
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED, project_id)
            rights.check_covers(PROJECT_ROLES[role], project_id)
            await _membership(session, organisation_id, user_id)
            row = await session.scalar(_place(project_id, user_id))
            if row is None:
                row = ProjectMembership(
                    id=new_id("pmem"),
                    project_id=project_id,
                    user_id=user_id,
                    created_at=int(self._clock()),
                )
                session.add(row)
            else:
                rights.check_covers(PROJECT_ROLES.get(row.role, ()), project_id)
            row.role = role
            details = {"id": user_id, "role": role, "project_id": project_id}
            await audit.append(
                session, organisation_id, "user.updated", by, details, project_id=project_id
            )

    async def drop_from_project(
        self, organisation_id: str, project_id: str, user_id: str, *, by: Actor = COMMAND
    ) -> None:
        """Take somebody out of a project, with all that they have in it."""
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED, project_id)
            row = await session.scalar(_place(project_id, user_id))
            if row is None:
                raise _nobody()
            held = await rights_of(session, organisation_id, user_id)
            rights.check_covers(held.projects.get(project_id, ()), project_id)
            await session.delete(row)
            await session.execute(
                delete(RoleAssignment).where(
                    RoleAssignment.subject_id == user_id, RoleAssignment.scope_id == project_id
                )
            )
            details = {"id": user_id, "project_id": project_id}
            await audit.append(
                session, organisation_id, "user.deleted", by, details, project_id=project_id
            )

    async def service_accounts(
        self, organisation_id: str, project_id: str
    ) -> Sequence[ServiceAccount]:
        """The service accounts of a project that are not deleted."""
        async with self._store.read() as session:
            found = await session.scalars(
                select(ServiceAccount)
                .join(Project, Project.id == ServiceAccount.project_id)
                .where(
                    Project.id == project_id,
                    Project.organisation_id == organisation_id,
                    ServiceAccount.deleted_at.is_(None),
                )
                .order_by(ServiceAccount.created_at, ServiceAccount.id)
            )
            return found.all()

    async def add_service_account(
        self,
        organisation_id: str,
        project_id: str,
        name: str,
        role: str = "member",
        *,
        by: Actor = COMMAND,
    ) -> ServiceAccount:
        """Make an owner of keys who is no person."""
        async with self._store.write() as session:
            project = await open_project(session, organisation_id, project_id)
            account = ServiceAccount(
                id=new_id("svc_acct"),
                project_id=project.id,
                name=checked_name(name, "a service account's name"),
                role=role,
                created_at=int(self._clock()),
            )
            session.add(account)
            details = {"id": account.id, "name": account.name, "role": role}
            await audit.append(
                session,
                organisation_id,
                "service_account.created",
                by,
                details,
                project_id=project.id,
            )
            return account

    async def delete_service_account(
        self, organisation_id: str, project_id: str, account_id: str, *, by: Actor = COMMAND
    ) -> None:
        """Delete a service account, and end its keys."""
        now = int(self._clock())
        async with self._store.write() as session:
            project = await open_project(session, organisation_id, project_id)
            account = await session.get(ServiceAccount, account_id, with_for_update=True)
            if account is None or account.project_id != project.id or account.deleted_at:
                raise InputError("there is no service account with this id")
            account.deleted_at = now
            keys = await session.scalars(
                select(Key).where(
                    Key.owner_service_account_id == account.id, Key.revoked_at.is_(None)
                )
            )
            for key in keys.all():
                await end_key(session, key, now, by=by, reason="owner_left")
            await audit.append(
                session,
                organisation_id,
                "service_account.deleted",
                by,
                {"id": account.id},
                project_id=project.id,
            )
            await revision.bump(session)


async def leave(
    session: AsyncSession, organisation_id: str, user_id: str, now: int, *, by: Actor
) -> None:
    """End somebody's keys, roles and places in groups and projects, within a transaction."""
    groups = select(PeopleGroup.id).where(PeopleGroup.organisation_id == organisation_id)
    await session.execute(
        delete(GroupMember).where(GroupMember.user_id == user_id, GroupMember.group_id.in_(groups))
    )
    await session.execute(
        delete(RoleAssignment).where(
            RoleAssignment.organisation_id == organisation_id,
            RoleAssignment.subject_id == user_id,
        )
    )
    projects = select(Project.id).where(Project.organisation_id == organisation_id)
    await session.execute(
        delete(ProjectMembership).where(
            ProjectMembership.user_id == user_id, ProjectMembership.project_id.in_(projects)
        )
    )
    keys = await session.scalars(
        select(Key).where(
            Key.owner_user_id == user_id, Key.project_id.in_(projects), Key.revoked_at.is_(None)
        )
    )
    for key in keys.all():
        await end_key(session, key, now, by=by, reason="owner_left")


async def _membership(session: AsyncSession, organisation_id: str, user_id: str) -> Membership:
    row = await session.scalar(
        select(Membership)
        .where(Membership.organisation_id == organisation_id, Membership.user_id == user_id)
        .with_for_update()
    )
    if row is None:
        raise _nobody()
    return row


def _place(project_id: str, user_id: str) -> Select[ProjectMembership]:
    return select(ProjectMembership).where(
        ProjectMembership.project_id == project_id, ProjectMembership.user_id == user_id
    )


def _nobody() -> InputError:
    return InputError("there is no member with this id", hint="list the users")
