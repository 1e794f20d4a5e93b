"""API keys: made, listed, changed, rotated, revoked."""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit, revision
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.load import newest_secrets, record_by_digest, records_of
from tyrian.gateway.accounts.names import checked_name
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.ring import BELIEVED_S, KeyRing
from tyrian.gateway.accounts.scopes import checked_scopes
from tyrian.gateway.accounts.tiers import checked_tier
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.keys import Key, KeySecret
from tyrian.gateway.store.models.organisations import DEFAULT_PROJECT, Project
from tyrian.gateway.tokens import KeyKind, digest, mint, redacted

DAY_S: Final = 86_400
MAX_MODELS: Final = 100
MAX_NETWORKS: Final = 100


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different about a key; what is left out stays as it is."""

    name: str | None = None
    scopes: frozenset[str] | None = None
    models: tuple[str, ...] | None = None
    """An empty one lifts the restriction."""
    expires_at: int | None = None
    is_disabled: bool | None = None


class Keys:
    """The keys in a store. Implements KeyVerifier."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        believed_s: float = BELIEVED_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self.ring = KeyRing(store, clock=clock, believed_s=believed_s)

    async def verify(self, token: str) -> KeyRecord | None:
        """The key that this token proves, None where there is none, or no longer."""
        return await self.ring.verify(token)

    async def check(self) -> None:
        """StoreError where the store cannot be asked."""
        await self.ring.refresh()

    async def ended(self, records: Iterable[KeyRecord]) -> Collection[str]:
        """The ids of those secrets that are no longer good, of keys that were verified by them."""
        return await self.ring.ended(records)

    async def create(
        self,
        name: str,
        *,
        kind: KeyKind = KeyKind.LIVE,
        scopes: Iterable[str] | None = None,
        expires_in_s: int | None = None,
        tier: str | None = None,
        models: Iterable[str] | None = None,
        networks: Iterable[str] | None = None,
        project_id: str = DEFAULT_PROJECT,
        owner_user_id: str | None = None,
        owner_service_account_id: str | None = None,
        by: Actor = COMMAND,
    ) -> tuple[KeyRecord, str]:
        """Make a key; the second part is its value, which is never to be had again."""
        now = int(self._clock())
        key = Key(
            id=new_id("key"),
            project_id=project_id,
            name=checked_name(name),
            kind=str(kind),
            tier=None if tier is None else checked_tier(tier),
            scopes=sorted(checked_scopes(kind, scopes)),
            models=_checked_models(models),
            networks=_checked_networks(networks),
            owner_user_id=owner_user_id,
            owner_service_account_id=owner_service_account_id,
            created_by=by.id or None,
            created_at=now,
            expires_at=None if expires_in_s is None else now + expires_in_s,
        )
        token, secret = _new_secret(kind, key.id, now)
        async with self._store.write() as session:
            project = await _open_project(session, project_id)
            session.add(key)
            await session.flush()
            session.add(secret)
            details = {"id": key.id, "name": key.name, "kind": key.kind, "scopes": key.scopes}
            await _audit(session, key, project.organisation_id, "api_key.created", by, details)
            await session.flush()
            record = (await records_of(session, [key], {key.id: secret}, now))[0]
        return record, token

    async def list(
        self,
        *,
        organisation_id: str | None = None,
        project_id: str | None = None,
        owner_user_id: str | None = None,
    ) -> list[KeyRecord]:
        """The keys, oldest first, revoked and expired ones too."""
        question = select(Key).join(Project, Project.id == Key.project_id)
        for column, wanted in (
            (Project.organisation_id, organisation_id),
            (Key.project_id, project_id),
            (Key.owner_user_id, owner_user_id),
        ):
            if wanted is not None:
                question = question.where(column == wanted)
        async with self._store.read() as session:
            keys = (await session.scalars(question.order_by(Key.created_at, Key.id))).all()
            newest = await newest_secrets(session, [key.id for key in keys])
            return await records_of(session, keys, newest, self._clock())

    async def get(self, key_id: str) -> KeyRecord | None:
        """The key of that id, None where there is none."""
        async with self._store.read() as session:
            key = await session.get(Key, key_id)
            return None if key is None else await self._record(session, key)

    async def find(self, token: str) -> KeyRecord | None:
        """The key that has, or had, this value, be it still good or not."""
        async with self._store.read() as session:
            return await record_by_digest(session, digest(token), self._clock())

    async def is_empty(self) -> bool:
        """True where no key was ever made."""
        async with self._store.read() as session:
            return (await session.scalar(select(Key.id).limit(1))) is None

    async def change(self, key_id: str, change: Change, *, by: Actor = COMMAND) -> KeyRecord:
        """Change a key; running gateways heed it within a second."""
        now = int(self._clock())
        async with self._store.write() as session:
            key = await _active_key(session, key_id, now, "changed")
            details = _apply(change, key, now)
            await _audit(session, key, None, "api_key.updated", by, details)
            record = await self._record(session, key)
        self.ring.forget()
        return record

    async def rotate(
        self, key_id: str, *, overlap_s: int = 0, by: Actor = COMMAND
    ) -> tuple[KeyRecord, str]:
        """Give a key a new value; the old one stays good for `overlap_s` more seconds."""
        now = int(self._clock())
        async with self._store.write() as session:
            key = await _active_key(session, key_id, now, "rotated")
            until = now + overlap_s
            for old in await session.scalars(select(KeySecret).where(KeySecret.key_id == key_id)):
                old.expires_at = until if old.expires_at is None else min(until, old.expires_at)
                if old.expires_at <= now and old.revoked_at is None:
                    old.revoked_at = now
            token, secret = _new_secret(KeyKind(key.kind), key.id, now)
            session.add(secret)
            details = {"id": key.id, "overlap_s": overlap_s}
            await _audit(session, key, None, "api_key.rotated", by, details)
            record = (await records_of(session, [key], {key.id: secret}, now))[0]
        self.ring.forget()
        return record, token

    async def revoke(self, key_id: str, *, by: Actor = COMMAND, reason: str = "asked") -> KeyRecord:
        """End a key with all its values; revoking it again changes nothing."""
        async with self._store.write() as session:
            key = await _known_key(session, key_id)
            if key.revoked_at is None:
                await end_key(session, key, int(self._clock()), by=by, reason=reason)
            record = await self._record(session, key)
        self.ring.forget()
        return record

    async def bound(
        self, key_id: str, limit_nanos: int, period: str = "month", *, by: Actor = COMMAND
    ) -> None:
        """Let a key spend at most so many nano-dollars in each period."""
        await Budgets(self._store, clock=self._clock).set(key_id, limit_nanos, period, by=by)
        self.ring.forget()

    async def flush(self) -> None:
        """Write the times of last use that have gathered since the last time."""
        await self.ring.last_used.flush()

    async def close(self) -> None:
        """Write what is left to write."""
        await self.ring.close()

    async def _record(self, session: AsyncSession, key: Key) -> KeyRecord:
        newest = await newest_secrets(session, [key.id])
        return (await records_of(session, [key], newest, self._clock()))[0]


async def end_key(
    session: AsyncSession, key: Key, now: int, *, by: Actor, reason: str = "asked"
) -> None:
    """Revoke a key and all its secrets, within a transaction."""
    key.revoked_at, key.revoked_reason = now, reason
    await session.execute(
        update(KeySecret)
        .where(KeySecret.key_id == key.id, KeySecret.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    kind = "api_key.leaked" if reason == "leaked" else "api_key.deleted"
    await _audit(session, key, None, kind, by, {"id": key.id, "reason": reason})


async def _audit(
    session: AsyncSession,
    key: Key,
    organisation_id: str | None,
    kind: str,
    by: Actor,
    details: dict[str, Any],
) -> None:
    if organisation_id is None:
        project = await session.get_one(Project, key.project_id)
        organisation_id = project.organisation_id
    await audit.append(session, organisation_id, kind, by, details, project_id=key.project_id)
    await revision.bump(session)


def _apply(change: Change, key: Key, now: int) -> dict[str, Any]:
    """Write the change into the row; what the audit event tells of it."""
    details: dict[str, Any] = {"id": key.id}
    if change.name is not None:
        details["name"] = key.name = checked_name(change.name)
    if change.scopes is not None:
        details["scopes"] = key.scopes = sorted(checked_scopes(KeyKind(key.kind), change.scopes))
    if change.models is not None:
        details["models"] = key.models = _checked_models(change.models)
    if change.expires_at is not None:
        details["expires_at"] = key.expires_at = change.expires_at
    if change.is_disabled is not None:
        key.disabled_at = now if change.is_disabled else None
        details["is_disabled"] = change.is_disabled
    return details


def _new_secret(kind: KeyKind, key_id: str, now: int) -> tuple[str, KeySecret]:
    token = mint(kind)
    return token, KeySecret(
        id=new_id("sec"),
        key_id=key_id,
        digest=digest(token),
        redacted_value=redacted(token),
        created_at=now,
    )


async def _open_project(session: AsyncSession, project_id: str) -> Project:
    project = await session.get(Project, project_id)
    if project is None:
        raise InputError("there is no project with this id", hint="tyrian keys list shows ids")
    if project.archived_at is not None:
        raise InputError("the project is archived", hint="make the key in another project")
    return project


async def _known_key(session: AsyncSession, key_id: str) -> Key:
    key = await session.get(Key, key_id, with_for_update=True)
    if key is None:
        raise InputError("there is no key with this id", hint="tyrian keys list shows all ids")
    return key


async def _active_key(session: AsyncSession, key_id: str, now: int, verb: str) -> Key:
    key = await _known_key(session, key_id)
    is_expired = key.expires_at is not None and key.expires_at <= now
    if key.revoked_at is not None or is_expired:
        status = "expired" if key.revoked_at is None else "revoked"
        raise InputError(
            f"the key is {status} and cannot be {verb}",
            hint="make a new one with tyrian keys create",
        )
    return key


def _checked_models(models: Iterable[str] | None) -> list[str] | None:
    wanted = sorted(set(models or ()))
    if (
        any(not m or len(m) > 200 or not m.isprintable() for m in wanted)
        or len(wanted) > MAX_MODELS
    ):
        raise ConfigError(
            f"a key's models are at most {MAX_MODELS} names of up to 200 printable characters",
            hint="use * and ? as wildcards, or leave them out to allow every model",
        )
    return wanted or None


def _checked_networks(networks: Iterable[str] | None) -> list[str] | None:
    try:
        wanted = sorted({str(ip_network(network, strict=False)) for network in networks or ()})
    except ValueError as error:
        raise ConfigError(
            "a key's networks are addresses in CIDR notation",
            hint="for example 10.0.0.0/8 or 2001:db8::/32",
        ) from error
    if len(wanted) > MAX_NETWORKS:
        raise ConfigError(f"a key has at most {MAX_NETWORKS} networks", hint="sum them up")
    return wanted or None
