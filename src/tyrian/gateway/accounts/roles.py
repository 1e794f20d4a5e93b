"""Roles as sets of permissions: the predefined ones, and those of rows."""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.permissions import ORGANISATION_ROLES, PROJECT_ROLES
from tyrian.gateway.store.models.roles import CustomRole


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A named set of permissions."""

    id: str
    name: str
    permissions: frozenset[str]
    project_id: str | None = None
    """Where it can be given; None for a role of the organisation, or of every project."""
    is_of_project: bool = False
    is_predefined: bool = False
    description: str | None = None
    created_by: str | None = None
    created_at: int | None = None
    updated_at: int | None = None

    @property
    def place(self) -> str:
        """The `role` of a membership that a predefined role stands for."""
        return self.id.rpartition("_")[2]


PREDEFINED: Final = MappingProxyType(
    {
        role.id: role
        for role in (
            *(
                RoleRecord(f"role_{name}", name, held, is_predefined=True)
                for name, held in ORGANISATION_ROLES.items()
            ),
            *(
                RoleRecord(
                    f"role_project_{name}", name, held, is_of_project=True, is_predefined=True
                )
                for name, held in PROJECT_ROLES.items()
            ),
        )
    }
)
"""Roles that nobody changes, by id: the same in every organisation."""


def record(role: CustomRole) -> RoleRecord:
    """A row as everybody may see it."""
    is_of_project = role.scope_id != role.organisation_id
    return RoleRecord(
        role.id,
        role.name,
        frozenset(role.permissions),
        project_id=role.scope_id if is_of_project else None,
        is_of_project=is_of_project,
        description=role.description,
        created_by=role.created_by,
        created_at=role.created_at,
        updated_at=role.updated_at,
    )


async def role_in(
    session: AsyncSession, organisation_id: str, role_id: str, project_id: str | None
) -> RoleRecord:
    """A role that can be given there; InputError where there is none such."""
    role = PREDEFINED.get(role_id)
    if role is not None and role.is_of_project is (project_id is not None):
        return replace(role, project_id=project_id)
    return record(await custom_in(session, organisation_id, role_id, project_id))


async def custom_in(
    session: AsyncSession, organisation_id: str, role_id: str, project_id: str | None
) -> CustomRole:
    """The row of a role that can be changed there; ConfigError for a predefined one."""
    if role_id in PREDEFINED:
        raise ConfigError("a predefined role stays as it is", hint="define another one")
    role = await session.get(CustomRole, role_id, with_for_update=True)
    scope = project_id or organisation_id
    if role is None or role.organisation_id != organisation_id or role.scope_id != scope:
        raise InputError("there is no role with this id", hint="list the roles")
    return role
