"""`tyrian store` from the outside: backups, old ones too, and what a restored one brings back."""

import asyncio
import json
import sqlite3
import stat
import sys
import time
from pathlib import Path

from sqlalchemy import select
from tests.integration.store.place import Place

from tyrian.gateway.accounts.alerts import Alerts, Wish
from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.ledger import Ledger
from tyrian.gateway.accounts.spending import Fired
from tyrian.gateway.accounts.till import Till
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.migrate import SCHEMA
from tyrian.gateway.store.models.organisations import (
    DEFAULT_ORGANISATION,
    DEFAULT_PROJECT,
)
from tyrian.gateway.store.models.spending import Spending


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
