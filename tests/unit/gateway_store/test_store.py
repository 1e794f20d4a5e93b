"""Opening, migrating and refusing databases."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from tyrian.errors import StoreError
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.migrate import MIGRATIONS, SCHEMA
from tyrian.gateway.store.models.schema import METADATA


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "home" / "tyrian.db"


def test_the_newest_migration_is_the_schema_of_the_code() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


def test_the_migrations_make_exactly_the_tables_of_the_models(database: Path) -> None:
    Store.open(database)
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_file_and_directory_are_for_the_owner_alone(database: Path) -> None:
    Store.open(database)
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(database: Path) -> None:
    Store.open(database)
    database.chmod(0o644)
    Store.open(database)
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


async def test_sqlite_runs_with_a_log_full_sync_and_foreign_keys(database: Path) -> None:
    store = Store.open(database)
    async with store.read() as session:
        found = [
            (await session.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    await store.close()
    assert found == ["wal", 2, 1, 5000]


def test_a_current_database_opens_without_alembic(database: Path) -> None:
    Store.open(database)
    code = (
        "import sys; from pathlib import Path; from tyrian.gateway.store.engine import Store;"
        f"Store.open(Path({str(database)!r})); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_newer_schema_is_refused_with_a_hint(database: Path) -> None:
    Store.open(database)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="newer than this version") as caught:
        Store.open(database)
    assert "upgrade Tyrian" in caught.value.hint


def test_a_file_that_is_no_database_is_refused(database: Path) -> None:
    database.parent.mkdir()
    database.write_text(
        "these are not the bytes of a database, though there are enough of them" * 9
    )
    with pytest.raises(StoreError, match="not a database"):
        Store.open(database)


def test_a_damaged_database_is_refused(database: Path) -> None:
    Store.open(database)
    content = bytearray(database.read_bytes())
    content[100:4096] = os.urandom(3996)
    database.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(database)


def test_a_place_that_cannot_hold_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        Store.open(tmp_path / "file" / "tyrian.db")
    assert "--data" in caught.value.hint


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://u:hunter2@host/db", "sqlite://"])
def test_a_url_of_no_use_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(url)
    assert "hunter2" not in str(caught.value)


async def test_a_lock_that_lasts_gives_an_error_with_a_hint(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tyrian.gateway.store.engine._PRAGMAS", ("PRAGMA busy_timeout=50",))
    store = Store.open(database)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        async with store.write() as session:
            await session.execute(text("DELETE FROM key"))
    other.execute("ROLLBACK")
    other.close()
    await store.close()


def test_many_processes_may_make_the_database_at_once(database: Path) -> None:
    code = (
        "from pathlib import Path; from tyrian.gateway.store.engine import Store;"
        f"Store.open(Path({str(database)!r}))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)
    ]
    problems = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], problems
