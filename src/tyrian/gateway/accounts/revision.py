"""The counter by which workers notice that accounts have changed."""

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.store.models.keys import Revision

ACCOUNTS: Final = "accounts"


async def current(session: AsyncSession) -> int:
    """The number as it is now."""
    return await session.scalar(select(Revision.number).where(Revision.name == ACCOUNTS)) or 0


async def bump(session: AsyncSession) -> None:
    """Count a change; every worker forgets what it knew within a second of the commit."""
    await session.execute(
        update(Revision).where(Revision.name == ACCOUNTS).values(number=Revision.number + 1)
    )
