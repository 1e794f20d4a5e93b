"""`tyrian store` and `tyrian audit` from the outside: backups, old ones too, and the chain."""

import asyncio
import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from tyrian.cli.main import run as run_command
from tyrian.gateway.accounts.alerts import Alerts, Wish
from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.holdings import Holder
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.ledger import Ledger
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.permissions import ORGANISATION_ROLES, PROJECT_ROLES
from tyrian.gateway.accounts.rights import everybodys_rights
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.accounts.spending import Fired
from tyrian.gateway.accounts.till import Till
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.migrate import SCHEMA
from tyrian.gateway.store.models.organisations import (
    DEFAULT_ORGANISATION,
    DEFAULT_PROJECT,
    Membership,
    User,
)
from tyrian.gateway.store.models.sign_in import Passkey
from tyrian.gateway.store.models.spending import Spending
from tyrian.gateway.store.taken import ORDER


class Place:
    """A database, and the commands on it."""

    def __init__(self, url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self.home = home
        self._capsys = capsys

    def run(self, *arguments: str, database: str = "", code: int = 0) -> str:
        where = ["--database", database or self.url, "--data", str(self.home)]
        found = run_command([*arguments, *where])
        said = self._capsys.readouterr()
        assert found == code, said
        return said.out if code == 0 else said.out + said.err

    def do(self, act: Callable[[Keys, Store], Awaitable[Any]], database: str = "") -> Any:
        async def done() -> Any:
            store = Store.open(database or self.url)
            try:
                return await act(Keys(store), store)
            finally:
                await store.close()

        return asyncio.run(done())

    def create(self, name: str) -> tuple[str, str]:
        made = json.loads(self.run("keys", "create", name, "--format", "json"))
        return made["id"], made["value"]

    def is_good(self, token: str, database: str = "") -> bool:
        found = self.do(lambda keys, _: keys.verify(token), database)
        return found is not None


@pytest.fixture
def place(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    home = tmp_path / "home"
    home.mkdir()
    return Place(database_url, home, capsys)


def test_a_backup_of_either_kind_is_one_file_that_holds_no_usable_key(
    place: Place, tmp_path: Path
) -> None:
    _, token = place.create("first")
    target = tmp_path / "backup.db"
    assert "rows written" in place.run("store", "backup", str(target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.glob("*backup*")] == ["backup.db"]
    assert token.encode() not in target.read_bytes()
    with sqlite3.connect(target) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert "is there already" in place.run("store", "backup", str(target), code=2)


def test_a_backup_names_what_of_the_data_directory_is_not_in_it(
    place: Place, tmp_path: Path
) -> None:
    place.create("first")
    (tmp_path / "home" / "files").mkdir()
    told = json.loads(place.run("store", "backup", str(tmp_path / "b.db"), "--format", "json"))
    assert told["left_out"] == [str(tmp_path / "home" / "files")]


def test_a_backup_goes_into_an_empty_database_of_the_other_kind(
    place: Place, tmp_path: Path
) -> None:
    key_id, token = place.create("first")
    place.run("store", "backup", str(tmp_path / "backup.db"))
    other = f"sqlite:///{tmp_path / 'other.db'}"
    place.run("store", "restore", str(tmp_path / "backup.db"), database=other)
    assert place.is_good(token, other)
    listed = json.loads(place.run("keys", "list", "--format", "json", database=other))
    assert [key["id"] for key in listed] == [key_id]
    assert "are whole" in place.run("audit", "verify", database=other)


def test_a_restored_backup_brings_no_revoked_key_back_and_no_money(
    place: Place, tmp_path: Path
) -> None:
    bad, bad_token = place.create("leaked")
    rotated, old_token = place.create("rotated")
    poor, poor_token = place.create("poor")
    place.do(lambda keys, store: Budgets(store).set(poor, 1_000, "total"))
    backup = str(tmp_path / "backup.db")
    place.run("store", "backup", backup)

    async def later(keys: Keys, store: Store) -> None:
        await keys.revoke(bad)
        await keys.rotate(rotated)
        key = await keys.verify(poor_token)
        assert key is not None
        till = Till(store)
        held = await till.reserve(key, 900)
        assert held is not None
        booked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        till.settle(held, 900, booked.set_result)
        await booked
        await till.close()

    place.do(later)
    _, lost_token = place.create("made after the backup")
    assert "holds keys already" in place.run("store", "restore", backup, code=2)
    assert "1 keys stay revoked" in place.run("store", "restore", backup, "--replace")
    assert not place.is_good(bad_token)
    assert not place.is_good(old_token)
    assert not place.is_good(lost_token)
    assert place.is_good(poor_token)
    (budget,) = place.do(lambda _, store: Budgets(store).of(poor))
    assert budget.spent_nanos == 900


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


def test_an_alert_that_has_fired_since_the_backup_does_not_fire_again(
    place: Place, tmp_path: Path
) -> None:
    place.do(lambda _, store: Alerts(store).create(DEFAULT_ORGANISATION, Wish(1_000)))
    backup = str(tmp_path / "backup.db")
    place.run("store", "backup", backup)

    async def spend(_: Keys, store: Store) -> int:
        heard: list[Fired] = []
        ledger = Ledger(store, on_fired=heard.append)
        entry = {
            "id": new_id("led"), "request_id": "r", "organisation_id": DEFAULT_ORGANISATION,
            "project_id": DEFAULT_PROJECT, "key_id": "k", "user_id": None, "route": "chat",
            "model": "m", "status": 200, "effect": "", "input_tokens": 1, "cached_tokens": 0,
            "output_tokens": 1, "cost_nanos": 1_000, "is_estimate": False, "elapsed_ms": 1,
            "created_at": int(time.time()),
        }  # fmt: skip
        ledger.note(lambda: entry)
        await ledger.close()
        return len(heard)

    place.create("key")
    assert place.do(spend) == 1
    place.run("store", "restore", backup, "--replace")
    assert place.do(spend) == 0

    async def total(_: Keys, store: Store) -> int | None:
        async with store.read() as session:
            return await session.scalar(
                select(Spending.nanos).where(Spending.subject_id == DEFAULT_ORGANISATION)
            )

    assert place.do(total) == 2_000


def test_a_worker_that_runs_on_notices_what_was_restored(place: Place, tmp_path: Path) -> None:
    _, token = place.create("first")
    backup = str(tmp_path / "backup.db")
    place.run("store", "backup", backup)
    _, later = place.create("later")

    async def later_on(keys: Keys, store: Store) -> None:
        assert await keys.verify(later)
        program = str(Path(sys.executable).parent / "tyrian")
        command = ["store", "restore", backup, "--replace", "--database", place.url]
        done = await asyncio.create_subprocess_exec(program, *command)
        assert await done.wait() == 0
        await asyncio.sleep(1)
        assert await keys.verify(later) is None
        assert await keys.verify(token)

    place.do(later_on)


def test_a_backup_of_an_older_schema_is_brought_up_to_date(place: Place, tmp_path: Path) -> None:
    _, token = place.create("first")
    backup = tmp_path / "backup.db"
    place.run("store", "backup", str(backup))
    place.run("store", "downgrade", "0002", database=f"sqlite:///{backup}")
    other = f"sqlite:///{tmp_path / 'other.db'}"
    place.run("store", "restore", str(backup), database=other)
    assert place.is_good(token, other)
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0002",)
    connection.close()


def test_a_newer_backup_and_a_file_that_is_none_are_refused(place: Place, tmp_path: Path) -> None:
    place.create("first")
    backup = tmp_path / "backup.db"
    place.run("store", "backup", str(backup))
    with sqlite3.connect(backup) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "newer" in place.run("store", "restore", str(backup), "--replace", code=3)
    (tmp_path / "text").write_text("no database at all, but longer than a header would be" * 9)
    assert "not a database" in place.run("store", "restore", str(tmp_path / "text"), code=3)
    assert "no file" in place.run("store", "restore", str(tmp_path / "none"), code=2)
    assert json.loads(place.run("keys", "list", "--format", "json"))


def test_the_schema_goes_back_and_forth(place: Place) -> None:
    _, token = place.create("first")
    assert f"{SCHEMA} -> 0002" in place.run("store", "downgrade", "0002")
    assert f"0002 -> {SCHEMA}" in place.run("store", "upgrade")
    assert place.is_good(token)
    assert "go forward" in place.run("store", "downgrade", "9999", code=2)


def test_leaked_values_are_ended_wherever_they_stand(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leaked, token = place.create("leaked")
    _, other = place.create("other")
    report = tmp_path / "report.txt"
    report.write_text(f'{{"secret":"{token}","url":"https://example.com"}} tyr_live_{"x" * 49}')
    with report.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        said = place.run("keys", "revoke-leaked", "-")
    assert leaked in said
    assert token not in said
    assert not place.is_good(token)
    assert place.is_good(other)
    export = place.run("audit", "verify", "--format", "json")
    assert json.loads(export)["faults"] == []


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ('UPDATE audit_event SET details = \'{"id": "forged"}\' WHERE sequence = 2', "changed"),
        ("UPDATE audit_event SET at = at + 1 WHERE sequence = 2", "changed"),
        ("DELETE FROM audit_event WHERE sequence = 2", "missing"),
        ("DELETE FROM audit_event WHERE sequence = 4", "cut off"),
    ],
)
def test_a_chain_that_was_tampered_with_is_told(place: Place, change: str, sign: str) -> None:
    for number in range(4):
        place.create(f"key {number}")
    assert "4 events in 1 chains are whole" in place.run("audit", "verify")

    async def tamper(_: Keys, store: Store) -> None:
        from sqlalchemy import text

        async with store.write() as session:
            await session.execute(text(change))

    place.do(tamper)
    assert sign in place.run("audit", "verify", code=1)


def test_checkpoints_tell_of_a_cut_and_of_a_fork_that_look_whole(
    place: Place, tmp_path: Path
) -> None:
    place.create("first")
    backup = str(tmp_path / "backup.db")
    place.run("store", "backup", backup)
    place.create("second")
    assert "1 checkpoints written" in place.run("audit", "checkpoint")
    # The older state is whole in itself; only what was noted down contradicts it.
    fork = f"sqlite:///{tmp_path / 'fork.db'}"
    run_command(["store", "restore", backup, "--database", fork, "--data", str(tmp_path)])
    assert "contradicts a checkpoint" in place.run("audit", "verify", database=fork, code=1)
    assert "are whole" in place.run("audit", "verify")


def test_an_export_is_checked_without_the_database(place: Place, tmp_path: Path) -> None:
    for number in range(3):
        place.create(f"key {number}")
    place.run("audit", "checkpoint")
    program = str(Path(sys.executable).parent / "tyrian")
    where = ["--database", place.url, "--data", str(place.home)]
    done = subprocess.run([program, "audit", "export", *where], capture_output=True, check=True)
    export = tmp_path / "export.jsonl"
    export.write_bytes(done.stdout)
    none = f"sqlite:///{tmp_path / 'none' / 'none.db'}"
    assert "3 events" in place.run("audit", "verify", str(export), database=none)
    assert not (tmp_path / "none").exists()
    lines = done.stdout.splitlines(keepends=True)
    for kept, sign in (
        ([lines[1], lines[0], lines[2]], "out of order"),
        (lines[:2], "cut off"),
        ([line.replace(b"key 1", b"key 7") for line in lines], "changed"),
    ):
        export.write_bytes(b"".join(kept))
        assert sign in place.run("audit", "verify", str(export), database=none, code=1)
    export.write_text("{}\n")
    assert "no audit event" in place.run("audit", "verify", str(export), database=none, code=3)


def test_a_full_disk_is_told_and_breaks_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    program = str(Path(sys.executable).parent / "tyrian")
    create = [program, "keys", "create", "key", "--data", str(home)]
    first = subprocess.run(create, capture_output=True, text=True, check=True).stdout.strip()
    with closing(sqlite3.connect(home / "tyrian.db")) as database:
        database.execute("VACUUM")  # what migrations left free would be room for many keys
    size = (home / "tyrian.db").stat().st_size

    def no_more_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    failed = None
    for _ in range(30):
        done = subprocess.run(create, capture_output=True, text=True, preexec_fn=no_more_room)
        if done.returncode:
            failed = done
            break
    assert failed is not None, "the disk never became full"
    assert "hint" in failed.stderr
    assert "Traceback" not in failed.stderr
    place_now = subprocess.run(
        [program, "audit", "verify", "--data", str(home)], capture_output=True, text=True
    )
    assert place_now.returncode == 0, place_now.stdout

    async def is_good() -> bool:
        store = Store.open(home / "tyrian.db")
        try:
            return await Keys(store).verify(first) is not None
        finally:
            await store.close()

    assert asyncio.run(is_good())
    assert os.path.getsize(home / "tyrian.db") >= size
