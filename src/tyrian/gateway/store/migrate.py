"""Brings a database to the schema of this version, and refuses one from a newer version."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import Engine

from tyrian.errors import StoreError

SCHEMA: Final = "0008"
"""The newest revision under `migrations/versions`; a test holds the two together."""

MIGRATIONS: Final = Path(__file__).with_name("migrations")

_LOCK_ID: Final = 7_416_229_518
"""Any fixed number: processes that start together on one PostgreSQL take turns on it."""


def current_revision(connection: Connection) -> str | None:
    """The revision that the database is stamped with, None for a fresh one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def migrate(engine: Engine, revision: str = SCHEMA) -> None:
    """Bring the schema to a revision, up or down; nothing is left half done when it fails.

    It is one transaction. On SQLite the engine must not enforce foreign keys (`Store.open` sees
    to it): a table is changed there by copying it, and its neighbours
    would be in the way. They are checked before the transaction ends.
    """
    with engine.connect() as connection:
        if current_revision(connection) == revision:
            return
    writing = engine.execution_options(is_write=True)
    with writing.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
        # Another process may have done the work while we waited for the lock.
        if current_revision(connection) != revision:
            _move(connection, revision)
            _check_references(connection)


def _move(connection: Connection, revision: str) -> None:
    # Alembic takes a third of a second to import, so it is loaded only where there is work.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = current_revision(connection)
    if found is not None and found not in known:
        raise StoreError(
            f"the database has schema {found!r}, which is newer than this version of Tyrian knows"
            f" ({SCHEMA!r})",
            hint="upgrade Tyrian, or start with another data directory (--data)",
        )
    if revision not in known:
        raise StoreError(
            f"there is no schema {revision!r}",
            hint=f"known: {', '.join(sorted(known))}",
        )
    if found is not None and found > revision:
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _check_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    lost = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if lost:
        raise StoreError(
            f"the migration was undone: {len(lost)} rows of {lost[0][0]!r} name rows that are not"
            " there",
            hint="restore the database from a backup",
        )
