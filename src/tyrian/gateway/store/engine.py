"""The database behind the gateway: SQLite by default, PostgreSQL by URL."""

import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from tyrian.errors import MissingDependencyError, StoreError
from tyrian.gateway.store.migrate import migrate

BUSY_TIMEOUT_MS = 5_000

_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode=WAL",
    # A key that was shown to somebody must survive the loss of power, so every commit is synced.
    "PRAGMA synchronous=FULL",
)


class Store:
    """An open, migrated database. Sessions are short: one per question."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._reading = engine
        self._writing = engine.execution_options(is_write=True)

    @classmethod
    def open(cls, url: str | Path) -> Self:
        """Migrate the database at a URL (or the SQLite file at a path) and open it.

        Blocking, and meant for the start of a program; no event loop is needed, and the first
        connection is made on the loop that first asks.
        """
        target = parse_url(url)
        with blocking(target, has_references=False) as sync_engine:
            migrate(sync_engine)
        try:
            engine = create_async_engine(
                _with_driver(target, sync=False),
                # A server may have been restarted since; a file cannot.
                pool_pre_ping=target.get_backend_name() != "sqlite",
            )
        except SQLAlchemyError as exc:
            raise _translated(exc, target) from exc
        _listen(engine.sync_engine)
        return cls(engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads."""
        async with self._session(self._reading) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session that writes; it commits at the end, and rolls back on any error."""
        async with self._session(self._writing) as session, session.begin():
            yield session

    @asynccontextmanager
    async def _session(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        try:
            async with AsyncSession(engine, expire_on_commit=False) as session:
                yield session
        except SQLAlchemyError as exc:
            raise _translated(exc, engine.url) from exc

    async def close(self) -> None:
        """Close all connections; the store may be used again, also on another event loop."""
        await self._reading.dispose()


@contextmanager
def blocking(target: URL, *, has_references: bool = True) -> Iterator[Engine]:
    """An engine without an event loop, for commands and changes of the schema.

    Without references SQLite does not enforce foreign keys, so that tables can be copied. What
    the database refuses comes out as StoreError, here as everywhere.
    """
    if target.get_backend_name() == "sqlite":
        _prepare_file(target)
    try:
        engine = create_engine(_with_driver(target, sync=True))
        _listen(engine, has_references=has_references)
        try:
            yield engine
        finally:
            engine.dispose()
    except SQLAlchemyError as exc:
        raise _translated(exc, target) from exc
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            "PostgreSQL needs the psycopg driver, which is not installed",
            hint="pip install 'tyrian[postgres]'",
        ) from exc


def parse_url(url: str | Path) -> URL:
    """The database that a URL, or the path of an SQLite file, names; StoreError for no such."""
    if isinstance(url, Path):
        return URL.create("sqlite", database=str(url))
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        # The URL may hold a password, so it is not repeated here.
        raise StoreError("the database URL cannot be read", hint=_URL_HINT) from exc
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            f"databases of the kind {parsed.get_backend_name()!r} are not supported",
            hint=_URL_HINT,
        )
    return parsed


_URL_HINT = "use sqlite:///path/to/tyrian.db or postgresql://user@host/name"


def _with_driver(url: URL, *, sync: bool) -> URL:
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url.set(drivername="sqlite" if sync else "sqlite+aiosqlite")


def _prepare_file(url: URL) -> None:
    """Make the directory (0700) and the file (0600), so that nobody else can read either."""
    if not url.database or url.database == ":memory:":
        raise StoreError("SQLite needs a file", hint=_URL_HINT)
    path = Path(url.database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        # SQLite writes its log beside the file.
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError(13, "the directory is not writable")
    except OSError as exc:
        raise StoreError(
            f"the database file {path} cannot be opened: {exc.strerror or exc}",
            hint="choose a directory that you may write to with --data or TYRIAN_HOME",
        ) from exc


def _listen(engine: Engine, *, has_references: bool = True) -> None:
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        # The driver must not open transactions on its own; `begin` below does it.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.execute(f"PRAGMA foreign_keys={'ON' if has_references else 'OFF'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: two that start as readers would deadlock later.
        is_write = connection.get_execution_options().get("is_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


_CAUSES = (
    ("locked", "the database is locked by another process", "stop the other process, then retry"),
    (
        "not a database",
        "the file is not a database",
        "move it away, or choose another data directory (--data)",
    ),
    (
        "malformed",
        "the database is damaged",
        "restore it from a backup, or choose another data directory (--data)",
    ),
    ("readonly", "the database is read-only", "check who owns the file and its directory"),
    ("unable to open", "the database cannot be opened", "check the data directory (--data)"),
    ("disk is full", "the disk is full", "make room, then retry"),
    ("connection failed", "the database server cannot be reached", "check the database URL"),
)


def _translated(error: SQLAlchemyError, url: URL) -> StoreError:
    """Our error for theirs; neither statement nor parameters nor password come along."""
    if isinstance(error, NoSuchModuleError):
        return StoreError("this kind of database is not supported", hint=_URL_HINT)
    cause = str(getattr(error, "orig", None) or type(error).__name__)
    place = url.database if url.get_backend_name() == "sqlite" else url.host
    for sign, message, hint in _CAUSES:
        if sign in cause:
            return StoreError(f"{message} ({place})", hint=hint)
    return StoreError(
        f"the database refused ({place}): {type(getattr(error, 'orig', error)).__name__}",
        hint="look at the database's own log, or check its file",
    )
