"""What a restored backup lets people do: never what was taken from them since."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select
from tests.integration.store.place import Place

from tyrian.cli.main import run as run_command
from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.holdings import Holder
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.permissions import ORGANISATION_ROLES, PROJECT_ROLES
from tyrian.gateway.accounts.rights import everybodys_rights
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import (
    DEFAULT_ORGANISATION,
    DEFAULT_PROJECT,
    Membership,
    User,
)
from tyrian.gateway.store.models.sign_in import Passkey
from tyrian.gateway.store.taken import ORDER


def member(name: str, role: str, *, passkey: bool) -> list[Any]:
    made: list[Any] = [
        Membership(
            id=f"mem_{name}",
            organisation_id=DEFAULT_ORGANISATION,
            user_id=name,
            role=role,
            created_at=1,
        ),
    ]
    if passkey:
        made.append(
            Passkey(
                id=f"pass_{name}", user_id=name, credential_digest=name.encode().ljust(32),
                credential_id=b"1", public_key=b"1", sign_count=0, name="key", transports=[],
                created_at=1,
            )
        )  # fmt: skip
    return made


async def fill_with_people(_: Keys, store: Store) -> dict[str, str]:
    """An owner; an admin; somebody who leaves; two with roles and groups of their own."""
    home = DEFAULT_ORGANISATION
    async with store.write() as session:
        for name, role in (("olga", "owner"), ("adam", "admin"), ("eve", "admin"),
                           ("vic", "viewer"), ("ann", "analyst")):  # fmt: skip
            email = f"{name}@example.com"
            session.add(User(id=name, email=email, name=name, created_at=1))
            await session.flush()
            session.add_all(member(name, role, passkey=name in ("adam", "vic")))
    roles, groups, given = RoleBook(store), Groups(store), Assignments(store)
    found = {
        "wide": (await roles.create(home, "wide", ["audit.read", "keys.manage"])).id,
        "deleted": (await roles.create(home, "deleted", ["audit.read"])).id,
        "kept": (await roles.create(home, "kept", ["keys.own"])).id,
        "watch": (await groups.create(home, "watch")).id,
        "gone": (await groups.create(home, "gone")).id,
    }
    for name in ("wide", "deleted", "kept"):
        await given.give(home, Holder("user", "vic"), found[name])
    await given.give(home, Holder("group", found["gone"]), "role_admin")
    await given.give(home, Holder("group", found["watch"]), "role_admin")
    for name in ("watch", "gone"):
        await groups.add(home, found[name], "vic")
    await groups.add(home, found["watch"], "ann")
    await People(store).put_in_project(home, DEFAULT_PROJECT, "vic", "owner")
    await People(store).put_in_project(home, DEFAULT_PROJECT, "ann", "owner")
    return found


def rights(place: Place, database: str = "") -> dict[str, tuple[list[str], list[str]]]:
    """What everybody may do in the organisation and in its project."""

    async def ask(_: Keys, store: Store) -> Any:
        async with store.read() as session:
            return await everybodys_rights(session, DEFAULT_ORGANISATION)

    return {
        name: (sorted(held.organisation), sorted(held.projects.get(DEFAULT_PROJECT, ())))
        for name, held in place.do(ask, database).items()
    }


def test_a_restored_backup_gives_nobody_back_what_was_taken_from_them(
    place: Place, tmp_path: Path
) -> None:
    found = place.do(fill_with_people)
    place.create("a key")
    before = rights(place)
    backup = str(tmp_path / "backup.db")
    place.run("store", "backup", backup)

    async def later(_: Keys, store: Store) -> None:
        home, vic = DEFAULT_ORGANISATION, Holder("user", "vic")
        people, roles, groups = People(store), RoleBook(store), Groups(store)
        await people.remove(home, "eve")
        await people.set_role(home, "adam", "viewer")
        await people.set_role(home, "ann", "admin")
        await people.put_in_project(home, DEFAULT_PROJECT, "ann", "member")
        await people.drop_from_project(home, DEFAULT_PROJECT, "vic")
        await roles.update(home, found["wide"], permissions=["audit.read", "budgets.manage"])
        await roles.delete(home, found["deleted"])
        await Assignments(store).take(home, vic, found["kept"])
        await groups.remove(home, found["watch"], "vic")
        await groups.delete(home, found["gone"])
        async with store.write() as session:
            await session.execute(delete(Passkey).where(Passkey.user_id == "adam"))

    place.do(later)
    said = place.run("store", "restore", backup, "--replace", "--format", "json")
    assert json.loads(said)["kept_away"] > 0
    after = rights(place)
    assert "eve" not in after
    assert after["olga"] == before["olga"]
    assert after["adam"] == (["organization.read"], [])
    # What they got since was not in the backup; what they lost is not in the database.
    assert after["vic"] == (["audit.read", "organization.read"], [])
    assert after["ann"] == (before["ann"][0], ["keys.own"])

    async def passkeys(_: Keys, store: Store) -> list[str]:
        async with store.read() as session:
            return list(await session.scalars(select(Passkey.user_id)))

    assert place.do(passkeys) == ["vic"]
    assert "are whole" in place.run("audit", "verify")


def test_where_nothing_is_known_of_what_came_since_all_is_back_and_the_command_says_so(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.do(fill_with_people)
    backup = str(tmp_path / "backup.db")
    place.run("store", "backup", backup)
    before = rights(place)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    command = ["store", "restore", backup, "--database", other, "--data", str(tmp_path)]
    assert run_command([*command, "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["kept_away"] is None
    assert "tyrian keys list" in said.err
    assert rights(place, other) == before
    # One that went another way since does not go on from it either.
    place.do(lambda _, store: People(store).remove(DEFAULT_ORGANISATION, "eve"), other)
    second = str(tmp_path / "second.db")
    place.do(lambda _, store: People(store).remove(DEFAULT_ORGANISATION, "vic"))
    place.run("store", "backup", second)
    assert run_command(["store", "restore", second, *command[3:], "--replace"]) == 0
    assert "not known here" in capsys.readouterr().err
    assert "eve" in rights(place, other)


def test_places_of_people_are_in_the_order_of_what_they_permit() -> None:
    for roles in (ORGANISATION_ROLES, PROJECT_ROLES):
        assert sorted(roles, key=ORDER.index) == list(roles)
