"""What must be remembered between two steps of signing in: a row, and a cookie that names it."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import delete, select
from starlette.requests import Request
from starlette.responses import Response

from tyrian.gateway.console.sign_in.sessions import digest
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.sign_in import SignInStep

COOKIE: Final = "__Host-tyrian-step"
LIFE_S: Final = 600


class Steps:
    """The steps in a store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def put(self, kind: str, payload: Mapping[str, Any]) -> str:
        """Remember; the value of the cookie."""
        secret = secrets.token_urlsafe(32)
        now = int(self._clock())
        async with self._store.write() as session:
            await session.execute(delete(SignInStep).where(SignInStep.expires_at <= now))
            session.add(
                SignInStep(
                    digest=digest(secret),
                    kind=kind,
                    payload=dict(payload),
                    expires_at=now + LIFE_S,
                )
            )
        return secret

    async def look(self, request: Request, kind: str) -> dict[str, Any] | None:
        """What was remembered for this browser, which stays."""
        query = select(SignInStep.payload).where(
            SignInStep.digest == digest(request.cookies.get(COOKIE, "")),
            SignInStep.kind == kind,
            SignInStep.expires_at > int(self._clock()),
        )
        async with self._store.read() as session:
            return await session.scalar(query)

    async def take(self, request: Request, kind: str) -> dict[str, Any] | None:
        """What was remembered for this browser, which is forgotten: nothing is used twice."""
        change = (
            delete(SignInStep)
            .where(
                SignInStep.digest == digest(request.cookies.get(COOKIE, "")),
                SignInStep.kind == kind,
                SignInStep.expires_at > int(self._clock()),
            )
            .returning(SignInStep.payload)
        )
        async with self._store.write() as session:
            return await session.scalar(change)


def set_step(response: Response, secret: str) -> None:
    """Give the browser its step."""
    response.set_cookie(
        COOKIE, secret, max_age=LIFE_S, path="/", secure=True, httponly=True, samesite="lax"
    )
