"""Gives roles to people and groups, and takes them away."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.holdings import Holder
from tyrian.gateway.accounts.places import demote, place_of, promote
from tyrian.gateway.accounts.reach import reach
from tyrian.gateway.accounts.roles import RoleRecord, role_in
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.roles import PeopleGroup, RoleAssignment

NEEDED: Final = "members.manage"


class Assignments:
    """Changes of who has which role; each names the organisation that asks for it.

    Nobody gives or takes what they do not hold themselves.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def give(
        self,
        organisation_id: str,
        holder: Holder,
        role_id: str,
        *,
        project_id: str | None = None,
        by: Actor = COMMAND,
    ) -> RoleRecord:
        """Let somebody have a role too; giving it again changes nothing.

        A predefined role becomes a person's place, which it never makes smaller.
        """
        now = int(self._clock())
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED, project_id)
            role = await role_in(session, organisation_id, role_id, project_id)
            rights.check_covers(role.permissions, project_id)
            await _check_holder(session, organisation_id, holder)
            if role.is_predefined and holder.kind == "user":
                is_new = await promote(session, organisation_id, holder.id, role, project_id, now)
            else:
                is_new = await _insert(session, organisation_id, holder, role, project_id, by, now)
            if is_new:
                await _note(session, organisation_id, "created", by, holder, role, project_id)
            return role

    async def take(
        self,
        organisation_id: str,
        holder: Holder,
        role_id: str,
        *,
        project_id: str | None = None,
        by: Actor = COMMAND,
    ) -> bool:
        """Take a role away; False where it was not given to them there.

        A person whose place was a predefined role is a viewer then: nobody is without a place.
        """
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED, project_id)
            role = await role_in(session, organisation_id, role_id, project_id)
            rights.check_covers(role.permissions, project_id)
            if role.is_predefined and holder.kind == "user":
                is_done = await demote(session, organisation_id, holder.id, role, project_id)
            else:
                is_done = await _delete(session, organisation_id, holder, role, project_id)
            if is_done:
                await _note(session, organisation_id, "deleted", by, holder, role, project_id)
            return is_done

    async def take_all_in_project(
        self, organisation_id: str, holder: Holder, project_id: str, *, by: Actor = COMMAND
    ) -> bool:
        """Take every role that a group has in a project, or none; False where it had none."""
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED, project_id)
            given = await session.scalars(
                select(RoleAssignment.role_id).where(
                    RoleAssignment.organisation_id == organisation_id,
                    RoleAssignment.subject_id == holder.id,
                    RoleAssignment.scope_id == project_id,
                )
            )
            roles = [await role_in(session, organisation_id, it, project_id) for it in given.all()]
            for role in roles:
                rights.check_covers(role.permissions, project_id)
                await _delete(session, organisation_id, holder, role, project_id)
                await _note(session, organisation_id, "deleted", by, holder, role, project_id)
            return bool(roles)


async def _insert(
    session: AsyncSession,
    organisation_id: str,
    holder: Holder,
    role: RoleRecord,
    project_id: str | None,
    by: Actor,
    now: int,
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
            created_at=now,
        )
    )
    return True


async def _delete(
    session: AsyncSession,
    organisation_id: str,
    holder: Holder,
    role: RoleRecord,
    project_id: str | None,
) -> bool:
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
    return bool(gone.all())


async def _check_holder(session: AsyncSession, organisation_id: str, holder: Holder) -> None:
    if holder.kind == "group":
        group = await session.get(PeopleGroup, holder.id)
        if group is None or group.organisation_id != organisation_id:
            raise InputError("there is no group with this id", hint="list the groups")
    elif await place_of(session, organisation_id, holder.id) is None:
        raise InputError("there is no member with this id", hint="list the users")


async def _note(
    session: AsyncSession,
    organisation_id: str,
    change: str,
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
    kind = f"role.assignment.{change}"
    await audit.append(session, organisation_id, kind, by, details, project_id=project_id)
