"""A person's own place, in an organisation or in a project, as a predefined role moves it.

Callers hold the organisation's lock.
"""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.roles import PREDEFINED, RoleRecord
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import Membership, ProjectMembership


async def place_of(
    session: AsyncSession, organisation_id: str, user_id: str, project_id: str | None = None
) -> Membership | ProjectMembership | None:
    """Somebody's place there, None where they have none."""
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


async def promote(
    session: AsyncSession,
    organisation_id: str,
    user_id: str,
    role: RoleRecord,
    project_id: str | None,
    now: int,
) -> bool:
    """Make a predefined role somebody's place, never a smaller one; False where it is already."""
    place = await place_of(session, organisation_id, user_id, project_id)
    if place is None and project_id is not None:
        session.add(
            ProjectMembership(
                id=new_id("pmem"),
                project_id=project_id,
                user_id=user_id,
                role=role.place,
                created_at=now,
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


async def demote(
    session: AsyncSession,
    organisation_id: str,
    user_id: str,
    role: RoleRecord,
    project_id: str | None,
) -> bool:
    """Make somebody whose place that role is a viewer, or nobody in the project; False for others.

    ConfigError for a viewer, and for the last owner.
    """
    place = await place_of(session, organisation_id, user_id, project_id)
    if place is None or place.role != role.place:
        return False
    if isinstance(place, ProjectMembership):
        await session.delete(place)
        return True
    if role.place == "viewer":
        raise ConfigError("a member is at least a viewer", hint="remove them from the organisation")
    if role.place == "owner":
        await check_another_owner(session, organisation_id)
    place.role = "viewer"
    return True


async def check_another_owner(session: AsyncSession, organisation_id: str) -> None:
    """ConfigError where there is but one owner."""
    owners = await session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(Membership.organisation_id == organisation_id, Membership.role == "owner")
    )
    if (owners or 0) < 2:
        raise ConfigError(
            "an organisation keeps at least one owner", hint="make somebody else one first"
        )
