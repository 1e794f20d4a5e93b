"""Sessions of the console: rows in the store, and a cookie that only this host gets."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, exists, or_, select, update
from starlette.requests import Request
from starlette.responses import Response

from tyrian.gateway.accounts.rights import rights_of
from tyrian.gateway.console.origin import token_of
from tyrian.gateway.console.visitor import Role, Visitor
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import Membership, Organisation, User
from tyrian.gateway.store.models.sign_in import (
    ConsoleSession,
    OidcIdentity,
    Passkey,
    TotpCredential,
)

COOKIE: Final = "__Host-tyrian-session"
"""Browsers take such a name only with Secure, for one host, and over TLS or loopback."""

IDLE_S: Final = 30 * 60
ABSOLUTE_S: Final = 12 * 3_600
SEEN_EVERY_S: Final = 60
KEPT_S: Final = 30 * 86_400
"""How long the row of an ended session is kept, for whoever looks back."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as its owner may see it."""

    id: str
    method: str
    address: str
    user_agent: str
    created_at: int
    seen_at: int


class Sessions:
    """The sessions in a store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def begin(self, user_id: str, organisation_id: str, method: str, request: Request) -> str:
        """Sign somebody in; the value of the cookie, which is always a new one."""
        secret = secrets.token_urlsafe(32)
        now = int(self._clock())
        row = ConsoleSession(
            id=new_id("sess"),
            digest=digest(secret),
            user_id=user_id,
            organisation_id=organisation_id,
            method=method,
            address=(request.client.host if request.client else "")[:64],
            user_agent=_plain(request.headers.get("user-agent", ""))[:200],
            created_at=now,
            seen_at=now,
            expires_at=now + ABSOLUTE_S,
        )
        async with self._store.write() as session:
            await session.execute(
                delete(ConsoleSession).where(ConsoleSession.expires_at < now - KEPT_S)
            )
            # Whoever was signed in here before no longer is: no session outlives a change of who.
            if old := request.cookies.get(COOKIE):
                await session.execute(
                    update(ConsoleSession)
                    .where(ConsoleSession.digest == digest(old), ConsoleSession.ended_at.is_(None))
                    .values(ended_at=now)
                )
            await session.execute(update(User).where(User.id == user_id).values(last_seen_at=now))
            session.add(row)
        return secret

    async def find(self, secret: str) -> Visitor | None:
        """Whoever holds this cookie; None where the session is over, or its person may not."""
        if not secret or len(secret) > 128:
            return None
        now = int(self._clock())
        has_credentials = or_(
            *(
                exists().where(table.user_id == User.id)
                for table in (TotpCredential, Passkey, OidcIdentity)
            )
        )
        query = (
            select(ConsoleSession, User, Membership.role, Organisation.name, has_credentials)
            .join(User, User.id == ConsoleSession.user_id)
            .join(
                Membership,
                (Membership.user_id == User.id)
                & (Membership.organisation_id == ConsoleSession.organisation_id),
            )
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(
                ConsoleSession.digest == digest(secret),
                ConsoleSession.ended_at.is_(None),
                ConsoleSession.expires_at > now,
                ConsoleSession.seen_at > now - IDLE_S,
                User.disabled_at.is_(None),
                Organisation.archived_at.is_(None),
            )
        )
        async with self._store.read() as session:
            row = (await session.execute(query)).one_or_none()
            if row is None:
                return None
            rights = await rights_of(session, row[0].organisation_id, row[1].id)
        found, user, role, organisation_name, is_settled = row
        if now - found.seen_at >= SEEN_EVERY_S:
            await self._touch(found.id, now)
        return Visitor(
            user_id=user.id,
            name=user.name,
            email=user.email,
            organisation_id=found.organisation_id,
            # Nobody named the first organisation, so its name says nothing.
            organisation_name="your organisation"
            if organisation_name == "default"
            else organisation_name,
            role=Role.of(role),
            session_id=found.id,
            method=found.method,
            csrf_token=token_of(secret),
            signed_in_at=found.created_at,
            has_credentials=bool(is_settled),
            rights=rights,
        )

    async def _touch(self, session_id: str, now: int) -> None:
        async with self._store.write() as session:
            await session.execute(
                update(ConsoleSession).where(ConsoleSession.id == session_id).values(seen_at=now)
            )

    async def list(self, user_id: str) -> list[SessionInfo]:
        """A person's running sessions, the newest first."""
        now = int(self._clock())
        query = (
            select(ConsoleSession)
            .where(
                ConsoleSession.user_id == user_id,
                ConsoleSession.ended_at.is_(None),
                ConsoleSession.expires_at > now,
                ConsoleSession.seen_at > now - IDLE_S,
            )
            .order_by(ConsoleSession.created_at.desc())
        )
        async with self._store.read() as session:
            rows = (await session.scalars(query)).all()
        return [
            SessionInfo(r.id, r.method, r.address, r.user_agent, r.created_at, r.seen_at)
            for r in rows
        ]

    async def end(self, user_id: str, session_id: str = "", *, but: str = "") -> None:
        """End one session of a person, or all of them, or all but one."""
        change = update(ConsoleSession).where(
            ConsoleSession.user_id == user_id, ConsoleSession.ended_at.is_(None)
        )
        if session_id:
            change = change.where(ConsoleSession.id == session_id)
        if but:
            change = change.where(ConsoleSession.id != but)
        async with self._store.write() as session:
            await session.execute(change.values(ended_at=int(self._clock())))


def set_cookie(response: Response, secret: str) -> None:
    """Give the browser its session; it forgets it when it is closed."""
    response.set_cookie(COOKIE, secret, path="/", secure=True, httponly=True, samesite="lax")


def clear_cookie(response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def digest(secret: str) -> bytes:
    """What is stored of a value with 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
