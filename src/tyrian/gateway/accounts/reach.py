"""What whoever asks for a change may do, at the moment of the change."""

from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.accounts.audit import COMMAND, SYSTEM, Actor
from tyrian.gateway.accounts.permissions import EVERYTHING, NOTHING, Rights
from tyrian.gateway.accounts.projects import lock
from tyrian.gateway.accounts.rights import rights_of
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import Project


async def reach(
    session: AsyncSession,
    organisation_id: str,
    by: Actor,
    needed: str,
    project_id: str | None = None,
) -> Rights:
    """The rights of whoever acts, which nobody else changes until this transaction ends.

    BeyondReachError where the permission that is needed is not among them; InputError where the
    project is not there, or archived.
    """
    await lock(session, organisation_id, project_id)
    # Read after the lock: what another transaction took away before it is gone here.
    rights = await _rights(session, organisation_id, by)
    rights.check_covers((needed,), project_id)
    return rights


async def _rights(session: AsyncSession, organisation_id: str, by: Actor) -> Rights:
    if by.type in (COMMAND.type, SYSTEM.type):
        return EVERYTHING
    if by.type == "session":
        return await rights_of(session, organisation_id, by.id)
    key = await session.get(Key, by.id) if by.type == "api_key" else None
    if key is None or key.revoked_at is not None or key.disabled_at is not None:
        return NOTHING
    project = await session.get_one(Project, key.project_id)
    if project.organisation_id != organisation_id:
        return NOTHING
    if key.owner_user_id is None:
        return EVERYTHING
    return await rights_of(session, organisation_id, key.owner_user_id)
