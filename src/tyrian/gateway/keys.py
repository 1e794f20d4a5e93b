"""API keys: made, listed, rotated, revoked, and verified on every request."""

import asyncio
import hmac
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.keys import Key, KeySecret
from tyrian.gateway.store.models.organisations import DEFAULT_PROJECT
from tyrian.gateway.tokens import KeyKind, digest, is_well_formed, mint, redacted

CACHE_TTL_S: Final = 0.8
"""How long a verified key is believed unasked: revoking takes effect everywhere within 1 s."""

CACHE_SIZE: Final = 10_000
FLUSH_AFTER_S: Final = 60.0
DAY_S: Final = 86_400
MAX_NAME_LENGTH: Final = 200

SCOPES: Final = ("chat", "moderations", "models.read", "admin")
"""What a key may be good for."""

_MODEL_SCOPES: Final = frozenset({"chat", "moderations", "models.read"})


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as everybody may see it: never its value."""

    id: str
    name: str
    kind: KeyKind
    scopes: frozenset[str]
    created_at: int
    """Seconds since 1970, as all times here."""
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None
    redacted_value: str = ""
    """The first 12 and last 4 characters of the newest secret."""
    tier: str = "operator"
    project_id: str = DEFAULT_PROJECT

    def status(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    def allows(self, scope: str) -> bool:
        """Whether the key may be used for that."""
        return scope in self.scopes


class KeyVerifier(Protocol):
    """Tells whose token it is."""

    async def verify(self, token: str) -> KeyRecord | None:
        """The key that this token proves, None where there is none, or no longer."""


@dataclass(slots=True)
class _Cached:
    record: KeyRecord
    secret_id: str
    expires_at: int | None
    checked_at: float


class Keys:
    """The keys in a store. Implements KeyVerifier."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        cache_ttl_s: float = CACHE_TTL_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ttl_s = cache_ttl_s
        self._cache: dict[bytes, _Cached] = {}
        self._asking: dict[bytes, asyncio.Task[_Cached | None]] = {}
        self._used: dict[str, tuple[str, int]] = {}
        self._flushed_at = clock()
        self._flushing: asyncio.Task[None] | None = None

    async def create(
        self,
        name: str,
        *,
        kind: KeyKind = KeyKind.LIVE,
        scopes: Iterable[str] | None = None,
        expires_in_s: int | None = None,
        tier: str | None = None,
    ) -> tuple[KeyRecord, str]:
        """Make a key; the second part is its value, which is never to be had again."""
        now = int(self._clock())
        key = Key(
            id=new_id("key"),
            project_id=DEFAULT_PROJECT,
            name=_checked_name(name),
            kind=str(kind),
            tier=tier,
            scopes=sorted(_checked_scopes(kind, scopes)),
            created_at=now,
            expires_at=None if expires_in_s is None else now + expires_in_s,
        )
        token, secret = _new_secret(kind, key.id, now)
        async with self._store.write() as session:
            session.add(key)
            await session.flush()
            session.add(secret)
        return _record(key, secret), token

    async def list(self) -> list[KeyRecord]:
        """All keys, oldest first, revoked and expired ones too."""
        async with self._store.read() as session:
            keys = (await session.scalars(select(Key).order_by(Key.created_at, Key.id))).all()
            secrets = await session.scalars(select(KeySecret).order_by(KeySecret.created_at))
            newest = {secret.key_id: secret for secret in secrets}
        return [_record(key, newest[key.id]) for key in keys if key.id in newest]

    async def is_empty(self) -> bool:
        """True where no key was ever made."""
        async with self._store.read() as session:
            return (await session.scalar(select(Key.id).limit(1))) is None

    async def rotate(self, key_id: str, *, overlap_s: int = 0) -> tuple[KeyRecord, str]:
        """Give a key a new value; the old one stays good for `overlap_s` more seconds."""
        now = int(self._clock())
        async with self._store.write() as session:
            key = await _active_key(session, key_id, now)
            until = now + overlap_s
            for old in await session.scalars(select(KeySecret).where(KeySecret.key_id == key_id)):
                old.expires_at = until if old.expires_at is None else min(until, old.expires_at)
            token, secret = _new_secret(KeyKind(key.kind), key.id, now)
            session.add(secret)
        self._cache.clear()
        return _record(key, secret), token

    async def revoke(self, key_id: str) -> KeyRecord:
        """End a key with all its values; revoking it again changes nothing."""
        async with self._store.write() as session:
            key = await _known_key(session, key_id)
            if key.revoked_at is None:
                key.revoked_at = int(self._clock())
            secret = await session.scalar(
                select(KeySecret)
                .where(KeySecret.key_id == key_id)
                .order_by(KeySecret.created_at.desc())
            )
        self._cache.clear()
        return _record(key, secret)

    async def verify(self, token: str) -> KeyRecord | None:
        """The key that this token proves, None where there is none, or no longer."""
        if not is_well_formed(token):
            return None
        wanted = digest(token)
        cached = self._cache.get(wanted)
        if cached is None or time.monotonic() - cached.checked_at > self._ttl_s:
            cached = await self._ask_once(wanted)
        now = self._clock()
        if cached is None or cached.record.status(now) != "active" or _is_over(cached, now):
            return None
        self._note_use(cached, int(now))
        return cached.record

    async def _ask_once(self, wanted: bytes) -> _Cached | None:
        """Ask the database; requests that want the same key at the same time share the answer."""
        task = self._asking.get(wanted)
        if task is None:
            task = asyncio.create_task(self._ask(wanted))
            self._asking[wanted] = task
            task.add_done_callback(lambda _: self._asking.pop(wanted, None))
        # One client that leaves must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, wanted: bytes) -> _Cached | None:
        asked_at = time.monotonic()
        async with self._store.read() as session:
            row = (
                await session.execute(
                    select(Key, KeySecret)
                    .join(KeySecret, KeySecret.key_id == Key.id)
                    .where(KeySecret.digest == wanted)
                )
            ).one_or_none()
        if row is None or not hmac.compare_digest(row[1].digest, wanted):
            self._cache.pop(wanted, None)
            return None
        key, secret = row
        cached = _Cached(_record(key, secret), secret.id, secret.expires_at, asked_at)
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        self._cache[wanted] = cached
        return cached

    def _note_use(self, cached: _Cached, now: int) -> None:
        self._used[cached.secret_id] = (cached.record.id, now)
        if now - self._flushed_at >= FLUSH_AFTER_S and self._flushing is None:
            self._flushed_at = now
            self._flushing = asyncio.create_task(self.flush())
            self._flushing.add_done_callback(self._flush_ended)

    def _flush_ended(self, task: asyncio.Task[None]) -> None:
        self._flushing = None
        if not task.cancelled():
            # A time of last use that could not be written is written with the next batch.
            task.exception()

    async def flush(self) -> None:
        """Write the times of last use that have gathered since the last time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with self._store.write() as session:
                for secret_id, (key_id, at) in used.items():
                    await session.execute(
                        update(KeySecret).where(KeySecret.id == secret_id).values(last_used_at=at)
                    )
                    await session.execute(
                        update(Key).where(Key.id == key_id).values(last_used_at=at)
                    )
        except BaseException:
            self._used = used | self._used
            raise

    async def close(self) -> None:
        """Write what is left to write."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        await self.flush()


def _new_secret(kind: KeyKind, key_id: str, now: int) -> tuple[str, KeySecret]:
    token = mint(kind)
    return token, KeySecret(
        id=new_id("sec"),
        key_id=key_id,
        digest=digest(token),
        redacted_value=redacted(token),
        created_at=now,
    )


def _record(key: Key, secret: KeySecret | None) -> KeyRecord:
    return KeyRecord(
        id=key.id,
        name=key.name,
        kind=KeyKind(key.kind),
        scopes=frozenset(key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
        redacted_value=secret.redacted_value if secret else "",
        tier=key.tier or "operator",
        project_id=key.project_id,
    )


def _is_over(cached: _Cached, now: float) -> bool:
    return cached.expires_at is not None and cached.expires_at <= now


async def _known_key(session: AsyncSession, key_id: str) -> Key:
    key = await session.get(Key, key_id)
    if key is None:
        raise InputError("there is no key with this id", hint="tyrian keys list shows all ids")
    return key


async def _active_key(session: AsyncSession, key_id: str, now: int) -> Key:
    key = await _known_key(session, key_id)
    status = _record(key, None).status(now)
    if status != "active":
        raise InputError(
            f"the key is {status} and cannot be rotated",
            hint="make a new one with tyrian keys create",
        )
    return key


def _checked_name(name: str) -> str:
    cleaned = name.strip()
    if not cleaned or len(cleaned) > MAX_NAME_LENGTH or not cleaned.isprintable():
        raise ConfigError(
            f"a key's name has 1 to {MAX_NAME_LENGTH} printable characters",
            hint="choose another name",
        )
    return cleaned


def _checked_scopes(kind: KeyKind, scopes: Iterable[str] | None) -> frozenset[str]:
    if scopes is None:
        return frozenset({"admin"}) if kind is KeyKind.ADMIN else _MODEL_SCOPES
    wanted = frozenset(scopes)
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        raise ConfigError(
            f"unknown scope {unknown[0]!r}" if unknown else "a key needs a scope",
            hint=f"known scopes: {', '.join(SCOPES)}",
        )
    # No key can do everything: one that governs cannot call models, and the other way round.
    governs = "admin" in wanted
    if governs != (kind is KeyKind.ADMIN) or (governs and len(wanted) > 1):
        raise ConfigError(
            "the scope 'admin' goes with keys of the kind 'adm', and with no other scope",
            hint="make one key for administration and another for models",
        )
    return wanted
