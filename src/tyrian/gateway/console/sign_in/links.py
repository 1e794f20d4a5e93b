"""Links that sign a person in, once: whoever reads the gateway's terminal governs it anyway."""

import secrets
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import InputError
from tyrian.gateway.console.sign_in.sessions import digest
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import (
    DEFAULT_ORGANISATION,
    Membership,
    User,
)
from tyrian.gateway.store.models.sign_in import (
    OidcIdentity,
    Passkey,
    SignInLink,
    TotpCredential,
)

LIFE_S: Final = 3_600
OWNER_EMAIL: Final = "owner@localhost"
"""Of the first owner, until they give their own."""


class Links:
    """The links in a store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def is_settled(self) -> bool:
        """Whether anybody can sign in without a link."""
        query = select(User.id).where(
            User.disabled_at.is_(None),
            or_(
                *(
                    exists().where(table.user_id == User.id)
                    for table in (TotpCredential, Passkey, OidcIdentity)
                )
            ),
        )
        async with self._store.read() as session:
            return (await session.scalar(query.limit(1))) is not None

    async def make(self, email: str = "") -> str:
        """A new link's secret, for the person with that address, or for the first owner."""
        now = int(self._clock())
        secret = secrets.token_urlsafe(32)
        async with self._store.write() as session:
            user = await _person(session, email) if email else await _owner(session, now)
            await session.execute(delete(SignInLink).where(SignInLink.expires_at < now))
            session.add(
                SignInLink(
                    digest=digest(secret),
                    user_id=user.id,
                    created_at=now,
                    expires_at=now + LIFE_S,
                )
            )
        return secret

    async def use(self, secret: str) -> tuple[str, str] | None:
        """Whose link it is, and their organisation; None where it is used, or too old."""
        now = int(self._clock())
        wanted = digest(secret)
        async with self._store.write() as session:
            change = (
                update(SignInLink)
                .where(
                    SignInLink.digest == wanted,
                    SignInLink.used_at.is_(None),
                    SignInLink.expires_at > now,
                )
                .values(used_at=now)
                .returning(SignInLink.user_id)
            )
            user_id = await session.scalar(change)
            if user_id is None:
                return None
            organisation_id = await session.scalar(
                select(Membership.organisation_id)
                .join(User, User.id == Membership.user_id)
                .where(Membership.user_id == user_id, User.disabled_at.is_(None))
                .order_by(Membership.created_at)
                .limit(1)
            )
        return None if organisation_id is None else (user_id, organisation_id)


async def _person(session: AsyncSession, email: str) -> User:
    user = await session.scalar(select(User).where(User.email == email.lower()))
    if user is None or user.disabled_at is not None:
        raise InputError(
            "nobody with this e-mail address may sign in",
            hint="leave the address out for the first owner",
        )
    return user


async def _owner(session: AsyncSession, now: int) -> User:
    """The oldest owner of the first organisation, who is made where there is none."""
    owner = await session.scalar(
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(
            Membership.organisation_id == DEFAULT_ORGANISATION,
            Membership.role == "owner",
            User.disabled_at.is_(None),
        )
        .order_by(User.created_at, User.id)
        .limit(1)
    )
    if owner is not None:
        return owner
    owner = User(id=new_id("user"), email=OWNER_EMAIL, name="Owner", created_at=now)
    session.add(owner)
    await session.flush()
    session.add(
        Membership(
            id=new_id("mem"),
            organisation_id=DEFAULT_ORGANISATION,
            user_id=owner.id,
            role="owner",
            created_at=now,
        )
    )
    return owner
