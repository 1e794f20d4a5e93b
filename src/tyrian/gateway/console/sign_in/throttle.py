"""Slows down whoever tries passwords and codes, by account and by address, on every worker."""

import hashlib
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.errors import ApiError
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.sign_in import SignInFailure

FREE: Final = {"account": 5, "address": 20}
"""Failures that cost nothing."""

FIRST_WAIT_S: Final = 30
LONGEST_WAIT_S: Final = 900
FORGET_S: Final = 3_600


class Throttle:
    """Failures in the store. An attempt counts as failed until it has succeeded."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def admit(self, account: str, address: str) -> None:
        """Count an attempt; 429 where it comes too soon after others that failed.

        Counted before it is judged, so that many at once gain nothing. Without an account only the
        address counts: what everybody shares must not be locked by one.
        """
        now = int(self._clock())
        wait = 0
        async with self._store.write() as session:
            await session.execute(
                delete(SignInFailure).where(SignInFailure.last_at < now - FORGET_S)
            )
            for kind, name in _subjects(account, address):
                wait = max(wait, await _wait_of(session, kind, name, now))
            if not wait:
                for kind, name in _subjects(account, address):
                    await _count(session, _subject(kind, name), now)
        if wait:
            told = f"{wait} seconds" if wait < 120 else f"{-(-wait // 60)} minutes"
            raise ApiError(
                429,
                f"Too many attempts failed. Try again in {told}.",
                code="too_many_attempts",
                headers=((b"retry-after", b"%d" % wait),),
            )

    async def succeeded(self, account: str, address: str) -> None:
        """Forget the account's failures; of the address only this attempt."""
        async with self._store.write() as session:
            await session.execute(
                delete(SignInFailure).where(SignInFailure.subject == _subject("account", account))
            )
            row = await session.get(SignInFailure, _subject("address", address))
            if row is not None:
                row.count = max(0, row.count - 1)


async def _wait_of(session: AsyncSession, kind: str, name: str, now: int) -> int:
    row = await session.scalar(
        select(SignInFailure).where(SignInFailure.subject == _subject(kind, name)).with_for_update()
    )
    if row is None or row.count < FREE[kind]:
        return 0
    pause: int = min(LONGEST_WAIT_S, FIRST_WAIT_S << min(row.count - FREE[kind], 10))
    return max(0, row.last_at + pause - now)


async def _count(session: AsyncSession, subject: str, now: int) -> None:
    row = await session.get(SignInFailure, subject)
    if row is None:
        session.add(SignInFailure(subject=subject, count=1, last_at=now))
    else:
        row.count += 1
        row.last_at = now


def _subjects(account: str, address: str) -> list[tuple[str, str]]:
    found = [("address", address)]
    return [("account", account), *found] if account else found


def _subject(kind: str, name: str) -> str:
    """Who, without saying it: whoever reads the table learns no addresses from it."""
    return f"{kind}:{hashlib.sha256(name.lower().encode()).hexdigest()[:40]}"
