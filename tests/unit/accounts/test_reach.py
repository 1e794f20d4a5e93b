"""What somebody may do is looked up in the transaction of the change that they ask for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.holdings import Holder
from tyrian.gateway.accounts.invitations import Invitations
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.permissions import BeyondReachError
from tyrian.gateway.accounts.projects import lock
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.audit import AuditEvent
from tyrian.gateway.store.models.organisations import (
    DEFAULT_ORGANISATION,
    DEFAULT_PROJECT,
    Membership,
    User,
)
from tyrian.gateway.tokens import KeyKind

HOME, PROJECT = DEFAULT_ORGANISATION, DEFAULT_PROJECT
ADMIN = Actor("session", "adam")
VIC = Holder("user", "vic")


@dataclass
class Place:
    """An owner, an admin and a viewer, with a group, a role and an invitation."""

    store: Store
    group_id: str
    role_id: str
    invitation_id: str
    key_id: str
    """Of an admin key of the admin's."""

    def changes(self, by: Actor) -> Mapping[str, Callable[[], Awaitable[Any]]]:
        """Every change of people, groups and roles, by its name."""
        store, group, role = self.store, Holder("group", self.group_id), self.role_id
        groups, roles, people = Groups(store), RoleBook(store), People(store)
        given, invitations = Assignments(store), Invitations(store)
        return {
            "group.create": lambda: groups.create(HOME, "more", by=by),
            "group.rename": lambda: groups.rename(HOME, group.id, "other", by=by),
            "group.add": lambda: groups.add(HOME, group.id, "adam", by=by),
            "group.remove": lambda: groups.remove(HOME, group.id, "vic", by=by),
            "group.delete": lambda: groups.delete(HOME, group.id, by=by),
            "role.create": lambda: roles.create(HOME, "more", ["keys.own"], by=by),
            "role.update": lambda: roles.update(HOME, role, permissions=["keys.own"], by=by),
            "role.delete": lambda: roles.delete(HOME, role, by=by),
            "give": lambda: given.give(HOME, VIC, role, by=by),
            "take": lambda: given.take(HOME, group, role, by=by),
            "take all": lambda: given.take_all_in_project(HOME, group, PROJECT, by=by),
            "place": lambda: people.set_role(HOME, "vic", "analyst", by=by),
            "remove": lambda: people.remove(HOME, "vic", by=by),
            "put in": lambda: people.put_in_project(HOME, PROJECT, "adam", "member", by=by),
            "put out": lambda: people.drop_from_project(HOME, PROJECT, "vic", by=by),
            "invite": lambda: invitations.create(HOME, "x@example.com", "viewer", [], by=by),
            "withdraw": lambda: invitations.withdraw(HOME, self.invitation_id, by=by),
        }

    async def events(self) -> int:
        async with self.store.read() as session:
            return await session.scalar(select(func.count()).select_from(AuditEvent)) or 0


@pytest_asyncio.fixture
async def place(store: Store) -> Place:
    async with store.write() as session:
        for name, rank in (("olga", "owner"), ("adam", "admin"), ("vic", "viewer")):
            email = f"{name}@example.com"
            session.add(User(id=name, email=email, name=name, created_at=1))
            await session.flush()
            session.add(
                Membership(
                    id=f"mem_{name}", organisation_id=HOME, user_id=name, role=rank, created_at=1
                )
            )
    group = await Groups(store).create(HOME, "watch")
    role = await RoleBook(store).create(HOME, "logs", ["audit.read"])
    given = Assignments(store)
    await given.give(HOME, Holder("group", group.id), role.id)
    await given.give(HOME, Holder("group", group.id), "role_project_member", project_id=PROJECT)
    await Groups(store).add(HOME, group.id, "vic")
    await People(store).put_in_project(HOME, PROJECT, "vic", "member")
    invitation, _ = await Invitations(store).create(HOME, "eve@example.com", "viewer", [])
    key, _ = await Keys(store).create("adam's", kind=KeyKind.ADMIN, owner_user_id="adam")
    return Place(store, group.id, role.id, invitation.id, key.id)


async def demote(session: AsyncSession, name: str = "adam") -> None:
    await session.execute(
        update(Membership).where(Membership.user_id == name).values(role="viewer")
    )


async def test_a_right_that_is_gone_changes_nothing_by_any_way(place: Place) -> None:
    async with place.store.write() as session:
        await demote(session)
    before = await place.events()
    for by in (ADMIN, Actor("api_key", place.key_id), Actor("session", "nobody"), Actor("robot")):
        for change in place.changes(by).values():
            with pytest.raises(BeyondReachError):
                await change()
    assert await place.events() == before


async def test_a_right_that_is_there_suffices_for_each_of_them(place: Place) -> None:
    for name in ("take", "take all", "give", "place", "put in", "put out", "invite", "withdraw",
                 "group.create", "group.rename", "group.add", "group.remove", "role.create",
                 "role.update", "role.delete", "group.delete", "remove"):  # fmt: skip
        before = await place.events()
        await place.changes(ADMIN)[name]()
        assert await place.events() > before, name
    assert len(place.changes(ADMIN)) == 17


@pytest.mark.parametrize("change", ["give", "group.add", "role.update", "place", "put in"])
@pytest.mark.parametrize("kind", ["session", "api_key"])
async def test_who_loses_a_right_while_their_change_waits_does_not_make_it(
    place: Place, other_store: Store, change: str, kind: str
) -> None:
    by = ADMIN if kind == "session" else Actor("api_key", place.key_id)
    async with other_store.write() as session:
        await lock(session, HOME)
        await demote(session)
        waiting = asyncio.ensure_future(place.changes(by)[change]())
        # Long enough for it to come to the lock; were it later, it would be refused all the more.
        await asyncio.sleep(0.2)
        assert not waiting.done()
    with pytest.raises(BeyondReachError):
        await waiting


async def test_a_key_that_is_revoked_or_of_another_organisation_changes_nothing(
    place: Place,
) -> None:
    key, _ = await Keys(place.store).create("root", kind=KeyKind.ADMIN)
    by = Actor("api_key", key.id)
    await place.changes(by)["group.create"]()
    await Keys(place.store).revoke(key.id)
    with pytest.raises(BeyondReachError):
        await place.changes(by)["group.rename"]()
    with pytest.raises(BeyondReachError):
        await Groups(place.store).create("org_other", "theirs", by=Actor("api_key", place.key_id))


async def test_all_roles_of_a_group_in_a_project_are_taken_or_none(place: Place) -> None:
    holder = Holder("group", place.group_id)
    given = Assignments(place.store)
    await given.give(HOME, holder, "role_project_owner", project_id=PROJECT)
    narrow = await RoleBook(place.store).create(
        HOME, "narrow", ["members.manage", "keys.own"], project_id=PROJECT
    )
    await given.give(HOME, VIC, narrow.id, project_id=PROJECT)
    await Groups(place.store).remove(HOME, place.group_id, "vic")
    by, before = Actor("session", "vic"), await place.events()
    with pytest.raises(BeyondReachError):
        await given.take_all_in_project(HOME, holder, PROJECT, by=by)
    assert await place.events() == before
    assert await given.take_all_in_project(HOME, holder, PROJECT, by=ADMIN)
    assert not await given.take_all_in_project(HOME, holder, PROJECT, by=ADMIN)
