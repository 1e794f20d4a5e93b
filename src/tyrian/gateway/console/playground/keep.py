"""What the playground keeps in the store, each in the organisation that it belongs to.

Whatever is asked for by an id of another organisation is simply not there.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import delete, select, update

from tyrian.errors import InputError
from tyrian.gateway.console.playground.recording import Record
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import Project
from tyrian.gateway.store.models.playground import (
    PlaygroundRecord,
    PlaygroundSetup,
    PlaygroundSnapshot,
)
from tyrian.gateway.wire import Json

DAY_S: Final = 86_400
RECORD_LIFE_S: Final = DAY_S
MAX_SETUPS: Final = 200
"""Setups of one project."""
MAX_SNAPSHOTS: Final = 500
"""Snapshots of one organisation that are open at a time."""
MAX_LIFE_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Place:
    """Where something belongs, and who put it there."""

    organisation_id: str
    project_id: str
    by: str
    """The id of a key or of a person."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Columns with their models and settings, under a name."""

    id: str
    name: str
    payload: Json
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A conversation as somebody shared it."""

    id: str
    title: str
    payload: Json | None
    """None where only its head was asked for, or it was revoked."""
    created_by: str
    created_at: int
    expires_at: int
    revoked_at: int | None

    def status(self, now: float) -> str:
        """`open`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now else "open"


class Playground:
    """Records, setups and snapshots in a store."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        max_setups: int = MAX_SETUPS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._max_setups = max_setups
        self._places: dict[str, Place] = {}

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    async def place_of_key(self, key_id: str) -> Place | None:
        """Where a key belongs; that never changes, so it is asked for once."""
        known = self._places.get(key_id)
        if known is not None:
            return known
        async with self._store.read() as session:
            row = (
                await session.execute(
                    select(Project.organisation_id, Project.id)
                    .join(Key, Key.project_id == Project.id)
                    .where(Key.id == key_id)
                )
            ).one_or_none()
        if row is None:
            return None
        if len(self._places) > 10_000:
            self._places.clear()
        place = self._places[key_id] = Place(row[0], row[1], key_id)
        return place

    async def keep_record(self, place: Place, record: Record) -> None:
        """Keep a record for a day, and forget those whose day is over."""
        now = int(self._clock())
        row = PlaygroundRecord(
            id=record.id,
            organisation_id=place.organisation_id,
            key_id=place.by,
            payload=msgspec.to_builtins(record),
            created_at=now,
            expires_at=now + RECORD_LIFE_S,
        )
        async with self._store.write() as session:
            await session.execute(delete(PlaygroundRecord).where(PlaygroundRecord.expires_at < now))
            session.add(row)

    async def record(self, place: Place, record_id: str) -> Record | None:
        """A record of the same organisation."""
        async with self._store.read() as session:
            row = await session.get(PlaygroundRecord, record_id[:64])
        if row is None or row.organisation_id != place.organisation_id:
            return None
        if row.expires_at <= self._clock():
            return None
        return msgspec.convert(row.payload, Record)

    async def setups(self, place: Place) -> list[Setup]:
        """The setups of a project, the latest first."""
        async with self._store.read() as session:
            rows = await session.scalars(
                select(PlaygroundSetup)
                .where(PlaygroundSetup.project_id == place.project_id)
                .order_by(PlaygroundSetup.updated_at.desc(), PlaygroundSetup.id)
                .limit(self._max_setups)
            )
            return [_setup(row) for row in rows]

    async def save_setup(self, place: Place, name: str, payload: Json, setup_id: str = "") -> Setup:
        """Save under a name: anew, or over what `setup_id` names; InputError where that is gone."""
        now = int(self._clock())
        async with self._store.write() as session:
            if setup_id:
                row = await session.get(PlaygroundSetup, setup_id[:40])
                if row is None or row.project_id != place.project_id:
                    raise InputError("there is no such setup", hint="save it under a new name")
                row.name, row.payload, row.updated_at = name, payload, now
                return _setup(row)
            ids = await session.scalars(
                select(PlaygroundSetup.id)
                .where(PlaygroundSetup.project_id == place.project_id)
                .limit(self._max_setups)
            )
            if len(ids.all()) >= self._max_setups:
                raise InputError(
                    f"this project has {self._max_setups} saved setups already",
                    hint="delete one that nobody needs",
                )
            row = PlaygroundSetup(
                id=new_id("setup"),
                organisation_id=place.organisation_id,
                project_id=place.project_id,
                created_by=place.by,
                name=name,
                payload=payload,
                created_at=now,
                updated_at=now,
            )
            session.add(row)
            return _setup(row)

    async def delete_setup(self, place: Place, setup_id: str) -> bool:
        """Delete a setup; False where there is none."""
        async with self._store.write() as session:
            row = await session.get(PlaygroundSetup, setup_id[:40])
            if row is None or row.project_id != place.project_id:
                return False
            await session.delete(row)
            return True

    async def share(self, place: Place, title: str, payload: Json, life_s: int) -> Snapshot:
        """Keep a snapshot until its time is over."""
        now = int(self._clock())
        async with self._store.write() as session:
            await session.execute(
                delete(PlaygroundSnapshot).where(PlaygroundSnapshot.expires_at < now - 30 * DAY_S)
            )
            await session.execute(
                update(PlaygroundSnapshot)
                .where(PlaygroundSnapshot.expires_at <= now)
                .values(payload=None)
            )
            ids = await session.scalars(
                select(PlaygroundSnapshot.id)
                .where(
                    PlaygroundSnapshot.organisation_id == place.organisation_id,
                    PlaygroundSnapshot.expires_at > now,
                    PlaygroundSnapshot.revoked_at.is_(None),
                )
                .limit(MAX_SNAPSHOTS)
            )
            if len(ids.all()) >= MAX_SNAPSHOTS:
                raise InputError(
                    f"this organisation shares {MAX_SNAPSHOTS} snapshots already",
                    hint="revoke one that nobody needs",
                )
            row = PlaygroundSnapshot(
                id="snap_" + secrets.token_hex(20),
                organisation_id=place.organisation_id,
                project_id=place.project_id,
                created_by=place.by,
                title=title,
                payload=payload,
                created_at=now,
                expires_at=now + life_s,
                revoked_at=None,
            )
            session.add(row)
            return _snapshot(row)

    async def snapshots(self, place: Place) -> list[Snapshot]:
        """The open snapshots of a project, newest first, without their contents."""
        now = int(self._clock())
        async with self._store.read() as session:
            rows = await session.scalars(
                select(PlaygroundSnapshot)
                .where(
                    PlaygroundSnapshot.project_id == place.project_id,
                    PlaygroundSnapshot.expires_at > now,
                    PlaygroundSnapshot.revoked_at.is_(None),
                )
                .order_by(PlaygroundSnapshot.created_at.desc(), PlaygroundSnapshot.id)
                .limit(MAX_SNAPSHOTS)
            )
            return [_snapshot(row, is_whole=False) for row in rows]

    async def snapshot(self, organisation_id: str, snapshot_id: str) -> Snapshot | None:
        """An open snapshot of the organisation."""
        async with self._store.read() as session:
            row = await session.get(PlaygroundSnapshot, snapshot_id[:64])
        if row is None or row.organisation_id != organisation_id or row.payload is None:
            return None
        found = _snapshot(row)
        return found if found.status(self._clock()) == "open" else None

    async def revoke_snapshot(self, place: Place, snapshot_id: str) -> bool:
        """Take a snapshot back, and forget what it held; False where there is none."""
        async with self._store.write() as session:
            row = await session.get(PlaygroundSnapshot, snapshot_id[:64])
            if row is None or row.project_id != place.project_id or row.revoked_at is not None:
                return False
            row.revoked_at = int(self._clock())
            row.payload = None
            return True


def _setup(row: PlaygroundSetup) -> Setup:
    return Setup(row.id, row.name, row.payload, row.created_at, row.updated_at)


def _snapshot(row: PlaygroundSnapshot, *, is_whole: bool = True) -> Snapshot:
    return Snapshot(
        row.id,
        row.title,
        row.payload if is_whole else None,
        row.created_by,
        row.created_at,
        row.expires_at,
        row.revoked_at,
    )
