"""Groups of people: made, renamed, deleted, joined and left."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.names import checked_name
from tyrian.gateway.accounts.reach import reach
from tyrian.gateway.accounts.rights import rights_of_group
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import Membership, User
from tyrian.gateway.store.models.roles import GroupMember, PeopleGroup, RoleAssignment

NEEDED: Final = "members.manage"
MAX_GROUPS: Final = 1_000


class Groups:
    """The groups in a store; every question names the organisation that asks.

    Nobody puts people into a group that may do more than they may themselves, nor takes them out
    of it.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def list(self, organisation_id: str) -> Sequence[PeopleGroup]:
        """All groups of an organisation, oldest first."""
        async with self._store.read() as session:
            found = await session.scalars(
                select(PeopleGroup)
                .where(PeopleGroup.organisation_id == organisation_id)
                .order_by(PeopleGroup.created_at, PeopleGroup.id)
            )
            return found.all()

    async def get(self, organisation_id: str, group_id: str) -> PeopleGroup | None:
        """The group of that id, None where the organisation has none such."""
        async with self._store.read() as session:
            found = await session.get(PeopleGroup, group_id)
            return found if found and found.organisation_id == organisation_id else None

    async def create(self, organisation_id: str, name: str, *, by: Actor = COMMAND) -> PeopleGroup:
        """Make a group with nobody in it."""
        group = PeopleGroup(
            id=new_id("group"),
            organisation_id=organisation_id,
            name=_checked(name),
            created_at=int(self._clock()),
        )
        async with self._store.write() as session:
            await reach(session, organisation_id, by, NEEDED)
            await _check_name(session, organisation_id, group.name)
            count = select(func.count()).select_from(PeopleGroup)
            own = count.where(PeopleGroup.organisation_id == organisation_id)
            if (await session.scalar(own) or 0) >= MAX_GROUPS:
                raise ConfigError(f"there are at most {MAX_GROUPS} groups", hint="delete one")
            session.add(group)
            details = {"id": group.id, "data": {"group_name": group.name}}
            await _note(session, organisation_id, "group.created", by, details)
        return group

    async def rename(
        self, organisation_id: str, group_id: str, name: str, *, by: Actor = COMMAND
    ) -> PeopleGroup:
        """Give a group another name."""
        name = _checked(name)
        async with self._store.write() as session:
            await reach(session, organisation_id, by, NEEDED)
            group = await _known(session, organisation_id, group_id)
            if name.lower() != group.name.lower():
                await _check_name(session, organisation_id, name)
            group.name = name
            details = {"id": group.id, "changes_requested": {"group_name": name}}
            await _note(session, organisation_id, "group.updated", by, details)
            return group

    async def delete(
        self,
        organisation_id: str,
        group_id: str,
        *,
        by: Actor = COMMAND,
    ) -> None:
        """Delete a group; who was in it loses what they had by it."""
        async with self._store.write() as session:
            group = await _to_change(session, organisation_id, group_id, by)
            await session.execute(
                delete(RoleAssignment).where(RoleAssignment.subject_id == group.id)
            )
            await session.execute(delete(GroupMember).where(GroupMember.group_id == group.id))
            await session.delete(group)
            await _note(session, organisation_id, "group.deleted", by, {"id": group.id})

    async def members(
        self, organisation_id: str, group_id: str
    ) -> Sequence[tuple[User, GroupMember]]:
        """Everybody in a group, in the order in which they came."""
        async with self._store.read() as session:
            rows = await session.execute(
                select(User, GroupMember)
                .join(GroupMember, GroupMember.user_id == User.id)
                .join(PeopleGroup, PeopleGroup.id == GroupMember.group_id)
                .where(PeopleGroup.id == group_id, PeopleGroup.organisation_id == organisation_id)
                .order_by(GroupMember.created_at, User.id)
            )
            return [(user, place) for user, place in rows]

    async def everybody(self, organisation_id: str) -> Sequence[tuple[str, str]]:
        """The groups' ids with the ids of the people in them."""
        async with self._store.read() as session:
            rows = await session.execute(
                select(GroupMember.group_id, GroupMember.user_id)
                .join(PeopleGroup, PeopleGroup.id == GroupMember.group_id)
                .where(PeopleGroup.organisation_id == organisation_id)
                .order_by(GroupMember.created_at, GroupMember.user_id)
            )
            return [(group_id, user_id) for group_id, user_id in rows]

    async def add(
        self,
        organisation_id: str,
        group_id: str,
        user_id: str,
        *,
        by: Actor = COMMAND,
    ) -> None:
        """Put a member of the organisation into a group; nothing changes for one who is in it."""
        async with self._store.write() as session:
            group = await _to_change(session, organisation_id, group_id, by)
            belongs = select(Membership.id).where(
                Membership.organisation_id == organisation_id, Membership.user_id == user_id
            )
            if await session.scalar(belongs) is None:
                raise InputError("there is no member with this id", hint="list the users")
            if await session.get(GroupMember, (group.id, user_id)) is not None:
                return
            session.add(
                GroupMember(group_id=group.id, user_id=user_id, created_at=int(self._clock()))
            )
            details = {"id": group.id, "changes_requested": {"user_added": user_id}}
            await _note(session, organisation_id, "group.updated", by, details)

    async def remove(
        self,
        organisation_id: str,
        group_id: str,
        user_id: str,
        *,
        by: Actor = COMMAND,
    ) -> None:
        """Take somebody out of a group."""
        async with self._store.write() as session:
            group = await _to_change(session, organisation_id, group_id, by)
            place = await session.get(GroupMember, (group.id, user_id))
            if place is None:
                raise InputError("there is nobody with this id in the group")
            await session.delete(place)
            details = {"id": group.id, "changes_requested": {"user_removed": user_id}}
            await _note(session, organisation_id, "group.updated", by, details)


async def _to_change(
    session: AsyncSession, organisation_id: str, group_id: str, by: Actor
) -> PeopleGroup:
    """The group, for somebody who holds all that it brings; one change at a time."""
    rights = await reach(session, organisation_id, by, NEEDED)
    group = await _known(session, organisation_id, group_id)
    rights.check_covers_all(await rights_of_group(session, organisation_id, group.id))
    return group


async def _known(session: AsyncSession, organisation_id: str, group_id: str) -> PeopleGroup:
    group = await session.get(PeopleGroup, group_id)
    if group is None or group.organisation_id != organisation_id:
        raise InputError("there is no group with this id", hint="list the groups")
    return group


async def _check_name(session: AsyncSession, organisation_id: str, name: str) -> None:
    same = select(PeopleGroup.id).where(
        PeopleGroup.organisation_id == organisation_id,
        func.lower(PeopleGroup.name) == name.lower(),
    )
    if await session.scalar(same) is not None:
        raise ConfigError("another group has this name", hint="choose another name")


def _checked(name: str) -> str:
    return checked_name(name, "a group's name")


async def _note(
    session: AsyncSession, organisation_id: str, kind: str, by: Actor, details: dict[str, Any]
) -> None:
    await session.flush()
    await audit.append(session, organisation_id, kind, by, details)
