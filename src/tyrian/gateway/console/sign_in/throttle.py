"""Slows down whoever tries passwords and codes, by account and by address, on every worker."""

import hashlib
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import delete, text, update
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
        async with self._store.write() as session:
            await session.execute(
                delete(SignInFailure).where(SignInFailure.last_at < now - FORGET_S)
            )
            waits = [
                await _count(session, kind, name, now) for kind, name in _subjects(account, address)
            ]
            if wait := max(waits):
                # What comes too soon is not counted: the way is free again when it was said to be.
                raise _too_soon(wait)

    async def succeeded(self, account: str, address: str) -> None:
        """Forget the account's failures; of the address only this attempt."""
        async with self._store.write() as session:
            await session.execute(
                delete(SignInFailure).where(SignInFailure.subject == _subject("account", account))
            )
            row = await session.get(SignInFailure, _subject("address", address))
            if row is not None:
                row.count = max(0, row.count - 1)


_COUNT = text(
    "INSERT INTO sign_in_failure (subject, count, last_at) VALUES (:subject, 1, :now)"
    " ON CONFLICT (subject) DO UPDATE SET count = sign_in_failure.count + 1"
    " RETURNING count, last_at"
)
"""Counts and reads in one step, which locks the row: attempts at the same time take turns."""


async def _count(session: AsyncSession, kind: str, name: str, now: int) -> int:
    """Count an attempt; the seconds that it should have waited."""
    subject = _subject(kind, name)
    count, last_at = (await session.execute(_COUNT, {"subject": subject, "now": now})).one()
    before: int = count - 1
    if before >= FREE[kind]:
        pause = min(LONGEST_WAIT_S, FIRST_WAIT_S << min(before - FREE[kind], 10))
        if (left := last_at + pause - now) > 0:
            return int(left)
    change = update(SignInFailure).where(SignInFailure.subject == subject)
    await session.execute(change.values(last_at=now))
    return 0


def _too_soon(wait: int) -> ApiError:
    told = f"{wait} seconds" if wait < 120 else f"{-(-wait // 60)} minutes"
    return ApiError(
        429,
        f"Too many attempts failed. Try again in {told}.",
        code="too_many_attempts",
        headers=((b"retry-after", b"%d" % wait),),
    )


def _subjects(account: str, address: str) -> list[tuple[str, str]]:
    found = [("address", address)]
    return [("account", account), *found] if account else found


def _subject(kind: str, name: str) -> str:
    """Who, without saying it: whoever reads the table learns no addresses from it."""
    return f"{kind}:{hashlib.sha256(name.lower().encode()).hexdigest()[:40]}"
