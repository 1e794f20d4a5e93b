"""Backups: one SQLite file, whatever the database is, that goes back into either kind.

What came after a backup must not be undone by it where that would let somebody in again: keys
that were revoked since stay revoked, places, roles and passkeys that were taken away stay away,
what was spent stays spent, and all sessions end.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from tyrian.errors import ConfigError, StoreError
from tyrian.gateway.store.engine import blocking, parse_url
from tyrian.gateway.store.migrate import SCHEMA, current_revision, migrate
from tyrian.gateway.store.models.keys import Key, KeySecret, Revision
from tyrian.gateway.store.models.money import Budget, BudgetLease
from tyrian.gateway.store.models.organisations import Invitation
from tyrian.gateway.store.models.schema import METADATA
from tyrian.gateway.store.models.spending import FiredAlert, Spending
from tyrian.gateway.store.taken import Taken

_AT_ONCE: Final = 500

Url = str | Path


BESIDE: Final = ("files", "console.key")
"""What a data directory keeps outside the database, and no backup holds."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup or a restore did."""

    rows: int
    kept_revoked: int = 0
    """Keys that the backup has as good, and that stay revoked."""
    kept_away: int | None = None
    """Places, roles and ways to sign in that the backup would have given back; None where the
    database knew nothing of what came after the backup, so that all of them are back."""


def backup(url: Url, target: Path) -> Copied:
    """Write a consistent copy to a new file, also while gateways run on the database."""
    if target.exists():
        raise ConfigError(f"the file {target} is there already", hint="choose another name")
    with _beside(target) as draft:
        source = parse_url(url)
        if source.get_backend_name() == "sqlite":
            _copy_file(Path(source.database or ""), draft)
        else:
            _copy_server(url, draft)
        rows = _count(draft)
        _publish(draft, target)
    return Copied(rows)


def restore(source: Path, url: Url, *, is_replacing: bool = False) -> Copied:
    """Put a backup into a database; an older one is brought to the schema of today.

    No gateway may run on the database meanwhile. One that holds keys is replaced only where
    `is_replacing` says so.
    """
    if not source.is_file():
        raise ConfigError(f"there is no file {source}", hint="name a backup")
    with tempfile.TemporaryDirectory(prefix="tyrian-restore-") as place:
        draft = Path(place) / "backup.db"
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        with blocking(parse_url(draft), has_references=False) as engine:
            with engine.connect() as connection:
                if current_revision(connection) is None:
                    raise StoreError(
                        f"{source} is no backup of Tyrian",
                        hint="name a file of tyrian store backup",
                    )
            migrate(engine)
        return _put(draft, url, is_replacing=is_replacing)


def _put(draft: Path, url: Url, *, is_replacing: bool) -> Copied:
    with (
        blocking(parse_url(url), has_references=False) as engine,
        blocking(parse_url(draft)) as old,
    ):
        migrate(engine)
        writing = engine.execution_options(is_write=True)
        with old.connect() as source, writing.begin() as target:
            has_keys = target.execute(select(func.count()).select_from(Key)).scalar_one() > 0
            if has_keys and not is_replacing:
                raise ConfigError(
                    "the database holds keys already", hint="replace them with --replace"
                )
            since = _Since.read(target)
            taken = Taken.read(target, source)
            rows = _copy_tables(source, target)
            kept_away = taken.apply(target) if taken is not None else None
            return Copied(rows, since.apply(target), kept_away)


def change_schema(url: Url, revision: str) -> tuple[str | None, str]:
    """Move a database to a revision; the one before, and the one now."""
    with blocking(parse_url(url), has_references=False) as engine:
        with engine.connect() as connection:
            before = current_revision(connection)
        migrate(engine, revision)
        return before, revision


@dataclass(frozen=True, slots=True)
class _Since:
    """What a database knows that a backup of it may not."""

    keys: Mapping[str, tuple[int | None, int | None]]
    """Times at which keys were revoked and switched off."""
    secrets: Mapping[str, tuple[int | None, int | None]]
    """Times at which secrets were revoked, and end."""
    invitations: frozenset[str]
    """Those that are worth nothing any more."""
    spent: Mapping[tuple[str, int], int]
    sums: Mapping[tuple[str, str, int], int]
    """What was spent in periods, by organisation and project."""
    fired: Sequence[Mapping[str, Any]]
    """Alerts that have fired: none does twice for want of memory."""
    revision: int

    @classmethod
    def read(cls, connection: Connection) -> "_Since":
        keys = connection.execute(select(Key.id, Key.revoked_at, Key.disabled_at))
        secrets = connection.execute(
            select(KeySecret.id, KeySecret.revoked_at, KeySecret.expires_at)
        )
        closed = connection.execute(
            select(Invitation.id).where(
                Invitation.revoked_at.is_not(None) | Invitation.accepted_at.is_not(None)
            )
        )
        budgets = connection.execute(
            select(
                Budget.id,
                Budget.period_started_at,
                Budget.spent_nanos + Budget.reserved_nanos,
            )
        )
        sums = connection.execute(
            select(Spending.subject_id, Spending.period, Spending.began_at, Spending.nanos)
        )
        fired = connection.execute(select(FiredAlert.__table__)).mappings()
        number = connection.execute(select(func.max(Revision.number))).scalar()
        return cls(
            {it: (revoked, off) for it, revoked, off in keys},
            {it: (revoked, end) for it, revoked, end in secrets},
            frozenset(closed.scalars()),
            {(it, began): spent for it, began, spent in budgets},
            {(it, period, began): nanos for it, period, began, nanos in sums},
            [dict(row) for row in fired],
            number or 0,
        )

    def apply(self, connection: Connection) -> int:
        """Hold on to it in what was restored; how many keys were good in the backup."""
        now = int(time.time())
        kept = self._keep_keys(connection)
        for it in self.invitations:
            connection.execute(
                update(Invitation)
                .where(Invitation.id == it, Invitation.revoked_at.is_(None))
                .values(revoked_at=now)
            )
        # The workers of the time of the backup have ended: what they held was spent.
        connection.execute(
            update(Budget).values(
                spent_nanos=Budget.spent_nanos + Budget.reserved_nanos, reserved_nanos=0
            )
        )
        connection.execute(delete(BudgetLease))
        for (it, began), spent in self.spent.items():
            connection.execute(
                update(Budget)
                .where(
                    Budget.id == it,
                    Budget.period_started_at == began,
                    Budget.spent_nanos < spent,
                )
                .values(spent_nanos=spent)
            )
        self._keep_spending(connection)
        sessions = METADATA.tables.get("console_session")
        if sessions is not None and "ended_at" in sessions.c:
            connection.execute(
                sessions.update().where(sessions.c.ended_at.is_(None)).values(ended_at=now)
            )
        connection.execute(
            update(Revision).values(number=func.coalesce(Revision.number, 0) + self.revision + 1)
        )
        return kept

    def _keep_spending(self, connection: Connection) -> None:
        for (it, period, began), nanos in self.sums.items():
            place = (
                Spending.subject_id == it,
                Spending.period == period,
                Spending.began_at == began,
            )
            known = connection.execute(select(Spending.nanos).where(*place)).scalar()
            if known is None:
                row = {"subject_id": it, "period": period, "began_at": began, "nanos": nanos}
                connection.execute(insert(Spending).values(row))
            elif known < nanos:
                connection.execute(update(Spending).where(*place).values(nanos=nanos))
        known_ids = set(connection.execute(select(FiredAlert.id)).scalars())
        for fired in self.fired:
            if fired["id"] not in known_ids:
                connection.execute(insert(FiredAlert).values(fired))

    def _keep_keys(self, connection: Connection) -> int:
        kept = 0
        for it, (revoked, off) in self.keys.items():
            if revoked is not None:
                changed = connection.execute(
                    update(Key)
                    .where(Key.id == it, Key.revoked_at.is_(None))
                    .values(revoked_at=revoked)
                )
                kept += changed.rowcount
            if off is not None:
                connection.execute(
                    update(Key)
                    .where(Key.id == it, Key.disabled_at.is_(None))
                    .values(disabled_at=off)
                )
        for it, (revoked, end) in self.secrets.items():
            if revoked is not None:
                connection.execute(
                    update(KeySecret)
                    .where(KeySecret.id == it, KeySecret.revoked_at.is_(None))
                    .values(revoked_at=revoked)
                )
            if end is not None:
                connection.execute(
                    update(KeySecret)
                    .where(
                        KeySecret.id == it,
                        KeySecret.expires_at.is_(None) | (KeySecret.expires_at > end),
                    )
                    .values(expires_at=end)
                )
        return kept


def _copy_tables(source: Connection, target: Connection) -> int:
    rows = 0
    for table in reversed(METADATA.sorted_tables):
        target.execute(table.delete())
    for table in METADATA.sorted_tables:
        for chunk in _chunks(source, table):
            target.execute(table.insert(), chunk)
            rows += len(chunk)
    return rows


def _chunks(source: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    result = source.execute(select(table)).mappings()
    while chunk := result.fetchmany(_AT_ONCE):
        yield [dict(row) for row in chunk]


def _copy_file(source: Path, draft: Path) -> None:
    if not source.is_file():
        raise StoreError(f"there is no database {source}", hint="check --data or --database")
    try:
        with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as reading:
            writing = sqlite3.connect(draft)
            reading.backup(writing)
            # One file, without a log beside it.
            writing.execute("PRAGMA journal_mode=DELETE")
            found = writing.execute("PRAGMA integrity_check").fetchone()[0]
            writing.close()
        reading.close()
    except sqlite3.Error as error:
        raise StoreError(
            f"the backup failed: {error}", hint="check the database and the disk"
        ) from error
    if found != "ok":
        raise StoreError("the database is damaged", hint="restore it from an earlier backup")


def _copy_server(url: Url, draft: Path) -> None:
    with blocking(parse_url(url)) as server, blocking(parse_url(draft), has_references=False) as to:
        reading = server.execution_options(isolation_level="REPEATABLE READ")
        with reading.connect() as source:
            if (found := current_revision(source)) != SCHEMA:
                raise StoreError(
                    f"the database has schema {found!r}, and not {SCHEMA!r}",
                    hint="bring it up to date with tyrian store upgrade",
                )
            migrate(to)
            with to.execution_options(is_write=True).begin() as target:
                _copy_tables(source, target)


def _count(draft: Path) -> int:
    with blocking(parse_url(draft)) as engine, engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        known = {table.name: table for table in METADATA.sorted_tables}
        return sum(
            connection.execute(select(func.count()).select_from(known[name])).scalar_one()
            for name in names.scalars().all()
            if name in known
        )


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A file in the same directory, for the owner alone, that goes unless it is published."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise ConfigError(
            f"the backup cannot be written to {target.parent}: {error.strerror}",
            hint="choose another place",
        ) from error
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
    finally:
        for left in (draft, Path(f"{name}-wal"), Path(f"{name}-shm"), Path(f"{name}-journal")):
            left.unlink(missing_ok=True)


def _publish(draft: Path, target: Path) -> None:
    # Counting opened it in the mode of a running database; a backup is one plain file.
    with sqlite3.connect(draft) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    try:
        os.link(draft, target)
    except FileExistsError as error:
        raise ConfigError(
            f"the file {target} is there already", hint="choose another name"
        ) from error
