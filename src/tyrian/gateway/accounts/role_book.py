"""The roles that an organisation or a project defines: listed, made, changed and deleted."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.names import checked_name
from tyrian.gateway.accounts.permissions import checked_permissions
from tyrian.gateway.accounts.reach import reach
from tyrian.gateway.accounts.roles import PREDEFINED, RoleRecord, custom_in, record
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.roles import CustomRole, RoleAssignment

NEEDED: Final = "roles.manage"
MAX_ROLES: Final = 200
"""In one organisation or project."""

MAX_DESCRIPTION: Final = 1_000


class RoleBook:
    """The roles in a store; every question names the organisation that asks.

    Nobody defines, changes or deletes a role that permits more than they may do themselves.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def list(
        self, organisation_id: str, project_id: str | None = None
    ) -> Sequence[RoleRecord]:
        """The roles that can be given in an organisation, or in one of its projects."""
        scope = project_id or organisation_id
        async with self._store.read() as session:
            found = await session.scalars(
                select(CustomRole)
                .where(CustomRole.organisation_id == organisation_id, CustomRole.scope_id == scope)
                .order_by(CustomRole.created_at, CustomRole.id)
            )
            own = [record(role) for role in found]
        is_of_project = project_id is not None
        return [*(r for r in PREDEFINED.values() if r.is_of_project is is_of_project), *own]

    async def custom(self, organisation_id: str) -> Sequence[RoleRecord]:
        """The roles that an organisation and its projects have defined, oldest first."""
        async with self._store.read() as session:
            found = await session.scalars(
                select(CustomRole)
                .where(CustomRole.organisation_id == organisation_id)
                .order_by(CustomRole.created_at, CustomRole.id)
            )
            return [record(role) for role in found]

    async def get(
        self, organisation_id: str, role_id: str, project_id: str | None = None
    ) -> RoleRecord | None:
        """The role of that id, None where there is none such there."""
        found = await self.list(organisation_id, project_id)
        return next((role for role in found if role.id == role_id), None)

    async def create(
        self,
        organisation_id: str,
        name: str,
        permissions: Collection[str],
        *,
        description: str | None = None,
        project_id: str | None = None,
        by: Actor = COMMAND,
    ) -> RoleRecord:
        """Define a role."""
        held = checked_permissions(permissions, in_project=project_id is not None)
        now = int(self._clock())
        scope = project_id or organisation_id
        role = CustomRole(
            id=new_id("role"),
            organisation_id=organisation_id,
            scope_id=scope,
            name=_checked(name),
            description=_checked_description(description),
            permissions=sorted(held),
            created_by=by.id or None,
            created_at=now,
            updated_at=now,
        )
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED, project_id)
            rights.check_covers(held, project_id)
            await _check_name(session, role.scope_id, role.name)
            count = select(func.count()).select_from(CustomRole)
            if (await session.scalar(count.where(CustomRole.scope_id == scope)) or 0) >= MAX_ROLES:
                raise ConfigError(f"there are at most {MAX_ROLES} roles", hint="delete one")
            session.add(role)
            details = {"id": role.id, "role_name": role.name, "permissions": role.permissions}
            await _note(session, role, "role.created", by, details)
            return record(role)

    async def update(
        self,
        organisation_id: str,
        role_id: str,
        *,
        name: str | None = None,
        permissions: Collection[str] | None = None,
        description: str | None = None,
        project_id: str | None = None,
        by: Actor = COMMAND,
    ) -> RoleRecord:
        """Change a role for all who have it; what is None stays as it is."""
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED, project_id)
            role = await custom_in(session, organisation_id, role_id, project_id)
            before = frozenset(role.permissions)
            rights.check_covers(before, project_id)
            details: dict[str, Any] = {}
            if name is not None and (name := _checked(name)) != role.name:
                await _check_name(session, role.scope_id, name)
                role.name = details["role_name"] = name
            if description is not None:
                role.description = details["description"] = _checked_description(description)
            if permissions is not None:
                held = checked_permissions(permissions, in_project=project_id is not None)
                rights.check_covers(held, project_id)
                role.permissions = sorted(held)
                details["permissions_added"] = sorted(held - before)
                details["permissions_removed"] = sorted(before - held)
            role.updated_at = int(self._clock())
            changes = {"id": role.id, "changes_requested": details}
            await _note(session, role, "role.updated", by, changes)
            return record(role)

    async def delete(
        self,
        organisation_id: str,
        role_id: str,
        *,
        project_id: str | None = None,
        by: Actor = COMMAND,
    ) -> None:
        """Delete a role, and take it from all who have it."""
        async with self._store.write() as session:
            rights = await reach(session, organisation_id, by, NEEDED, project_id)
            role = await custom_in(session, organisation_id, role_id, project_id)
            rights.check_covers(role.permissions, project_id)
            await session.execute(delete(RoleAssignment).where(RoleAssignment.role_id == role.id))
            await session.delete(role)
            await _note(session, role, "role.deleted", by, {"id": role.id})


async def _check_name(session: AsyncSession, scope_id: str, name: str) -> None:
    same = select(CustomRole.id).where(
        CustomRole.scope_id == scope_id, func.lower(CustomRole.name) == name.lower()
    )
    is_predefined = any(name.lower() in (r.name, "reader") for r in PREDEFINED.values())
    if is_predefined or await session.scalar(same) is not None:
        raise ConfigError("another role has this name", hint="choose another name")


def _checked(name: str) -> str:
    return checked_name(name, "a role's name")


def _checked_description(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    cleaned = text.strip()
    if len(cleaned) > MAX_DESCRIPTION or not cleaned.isprintable():
        raise ConfigError(
            f"a role's description has at most {MAX_DESCRIPTION} printable characters",
            hint="shorten it",
        )
    return cleaned


async def _note(
    session: AsyncSession, role: CustomRole, kind: str, by: Actor, details: dict[str, Any]
) -> None:
    await session.flush()
    project_id = role.scope_id if role.scope_id != role.organisation_id else None
    details = {**details, "resource_id": role.scope_id}
    await audit.append(session, role.organisation_id, kind, by, details, project_id=project_id)
