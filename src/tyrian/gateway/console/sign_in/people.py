"""The people behind sessions: their profile, password and authenticator app."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.names import checked_email, checked_name
from tyrian.gateway.console.sign_in.passwords import Passwords, check_strength
from tyrian.gateway.console.sign_in.seal import Seal
from tyrian.gateway.console.sign_in.totp import matching_step
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import Membership, Organisation, User
from tyrian.gateway.store.models.sign_in import (
    OidcIdentity,
    Passkey,
    PasswordCredential,
    TotpCredential,
)


@dataclass(frozen=True, slots=True)
class Ways:
    """How a person can sign in."""

    has_password: bool
    has_totp: bool
    passkeys: int
    identities: int

    @property
    def count(self) -> int:
        """Ways that are each enough."""
        return int(self.has_password and self.has_totp) + self.passkeys + self.identities


class People:
    """The people in a store."""

    def __init__(self, store: Store, seal: Seal, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._seal = seal
        self._clock = clock
        self.passwords = Passwords()

    async def ways(self, user_id: str) -> Ways:
        """How this person can sign in."""
        async with self._store.read() as session:
            return Ways(
                await session.get(PasswordCredential, user_id) is not None,
                await session.get(TotpCredential, user_id) is not None,
                await _count(session, Passkey, user_id),
                await _count(session, OidcIdentity, user_id),
            )

    async def by_password(self, email: str, password: str) -> str | None:
        """Whose password it is, None where it is nobody's; takes as long either way."""
        query = (
            select(User.id, PasswordCredential.hash)
            .join(PasswordCredential, PasswordCredential.user_id == User.id)
            .join(TotpCredential, TotpCredential.user_id == User.id)
            .where(User.email == email.strip().lower()[:320], User.disabled_at.is_(None))
        )
        async with self._store.read() as session:
            row = (await session.execute(query)).one_or_none()
        if not await self.passwords.verify(row[1] if row else None, password) or row is None:
            return None
        user_id: str = row[0]
        if self.passwords.is_outdated(row[1]):
            hashed = await self.passwords.hash(password)
            async with self._store.write() as session:
                (await session.get_one(PasswordCredential, user_id)).hash = hashed
        return user_id

    async def check_code(self, user_id: str, code: str) -> bool:
        """Whether an app's code is right; each is good once."""
        async with self._store.write() as session:
            row = await session.get(TotpCredential, user_id, with_for_update=True)
            if row is None:
                return False
            secret = self._seal.open(row.sealed, _purpose(user_id))
            step = matching_step(secret, code, row.last_step, self._clock)
            if step is None:
                return False
            row.last_step = step
            return True

    async def organisation_of(self, user_id: str) -> str | None:
        """Where a person belongs, the oldest place first."""
        query = (
            select(Membership.organisation_id)
            .join(User, User.id == Membership.user_id)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(
                Membership.user_id == user_id,
                User.disabled_at.is_(None),
                Organisation.archived_at.is_(None),
            )
            .order_by(Membership.created_at, Membership.id)
            .limit(1)
        )
        async with self._store.read() as session:
            return await session.scalar(query)

    async def set_profile(self, user_id: str, name: str, email: str) -> None:
        """Change name and address; InputError where somebody else has the address."""
        name, email = checked_name(name, "a person's name"), checked_email(email)
        async with self._store.write() as session:
            other = select(User.id).where(User.email == email, User.id != user_id)
            if await session.scalar(other) is not None:
                raise InputError("somebody else has this e-mail address")
            user = await session.get_one(User, user_id)
            if user.email != email:
                user.email_verified_at = None
            user.name, user.email = name, email

    @staticmethod
    def check_password(password: str, *known: str) -> None:
        """InputError for a password that is easy to guess."""
        check_strength(password, *known)

    async def set_password(self, user_id: str, password: str, *known: str) -> None:
        """Give a person a password."""
        check_strength(password, *known)
        hashed = await self.passwords.hash(password)
        now = int(self._clock())
        async with self._store.write() as session:
            row = await session.get(PasswordCredential, user_id)
            if row is None:
                session.add(PasswordCredential(user_id=user_id, hash=hashed, changed_at=now))
            else:
                row.hash, row.changed_at = hashed, now

    async def set_totp(self, user_id: str, secret: bytes, code: str) -> bool:
        """Take an app into use, if its first code is right."""
        step = matching_step(secret, code, 0, self._clock)
        if step is None:
            return False
        now = int(self._clock())
        sealed = self._seal.close(secret, _purpose(user_id))
        async with self._store.write() as session:
            row = await session.get(TotpCredential, user_id)
            if row is None:
                session.add(
                    TotpCredential(user_id=user_id, sealed=sealed, last_step=step, created_at=now)
                )
            else:
                row.sealed, row.last_step, row.created_at = sealed, step, now
        return True

    async def note(self, organisation_id: str, kind: str, actor: Actor, **details: str) -> None:
        """Tell the audit chain."""
        async with self._store.write() as session:
            await audit.append(session, organisation_id, kind, actor, details)


async def _count(
    session: AsyncSession, table: type[Passkey] | type[OidcIdentity], user_id: str
) -> int:
    query = select(func.count()).select_from(table).where(table.user_id == user_id)
    return await session.scalar(query) or 0


def _purpose(user_id: str) -> str:
    return f"totp {user_id}"
