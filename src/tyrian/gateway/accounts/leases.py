"""The rows behind a till: budgets, and what workers hold of them, within one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tyrian.gateway.accounts.periods import begin_of
from tyrian.gateway.accounts.purse import LEASE_S, Change, Purse
from tyrian.gateway.store.models.money import Budget, BudgetLease

FRESH_S: Final = 3
"""What another worker had free so short a time ago it may be about to give back."""

_AT_ONCE: Final = 500


@dataclass(slots=True)
class Drawer:
    """A budget as it stands within a transaction; amounts in nano-dollars."""

    id: str
    period: str
    limit: int
    began_at: int
    spent: int
    reserved: int
    is_changed: bool = False

    @property
    def left(self) -> int:
        """What neither was spent nor is held by any worker."""
        return self.limit - self.spent - self.reserved

    def apply(self, *, granted: int = 0, returned: int = 0, booked: int = 0) -> None:
        """Let a worker hold more, or less, or book what it has spent."""
        if granted or returned or booked:
            self.reserved = max(0, self.reserved + granted - returned - booked)
            self.spent += booked
            self.is_changed = True


async def open_drawers(
    connection: AsyncConnection, ids: Iterable[str], now: int
) -> dict[str, Drawer]:
    """The budgets of these ids, locked until the transaction ends; those that are gone are not."""
    found: dict[str, Drawer] = {}
    # In one order, so that two workers never wait for each other.
    for some in _chunks(sorted(set(ids))):
        rows = await connection.execute(
            select(
                Budget.id,
                Budget.period,
                Budget.limit_nanos,
                Budget.period_started_at,
                Budget.spent_nanos,
                Budget.reserved_nanos,
            )
            .where(Budget.id.in_(some))
            .order_by(Budget.id)
            .with_for_update()
        )
        found |= {row[0]: Drawer(*row) for row in rows}
    for drawer in found.values():
        began_at = begin_of(drawer.period, now)
        # A clock that was set back does not bring an old period back.
        if began_at > drawer.began_at:
            drawer.began_at, drawer.spent, drawer.is_changed = began_at, 0, True
    return found


async def versions(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, int]:
    """The versions of the leases of these ids; those that are gone have none."""
    found: dict[str, int] = {}
    for some in _chunks(list(ids)):
        rows = await connection.execute(
            select(BudgetLease.id, BudgetLease.version).where(BudgetLease.id.in_(some))
        )
        found |= {row[0]: row[1] for row in rows}
    return found


async def lapsed(
    connection: AsyncConnection, now: int, *, within: Sequence[str] | None = None
) -> list[tuple[str, str, int]]:
    """Ids, budgets and amounts of leases whose workers must have died."""
    query = select(BudgetLease.id, BudgetLease.budget_id, BudgetLease.nanos)
    query = query.where(BudgetLease.expires_at <= now).limit(_AT_ONCE)
    if within is not None:
        query = query.where(BudgetLease.id.in_(within))
    return [(it, budget, nanos) for it, budget, nanos in await connection.execute(query)]


async def free_elsewhere(connection: AsyncConnection, budget_id: str, own: str, now: int) -> int:
    """What other workers had free of a budget a moment ago."""
    total = await connection.scalar(
        select(func.sum(BudgetLease.free_nanos)).where(
            BudgetLease.budget_id == budget_id,
            BudgetLease.id != own,
            BudgetLease.updated_at >= now - FRESH_S,
        )
    )
    return int(total or 0)


async def remove(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Forget leases."""
    for some in _chunks(ids):
        await connection.execute(delete(BudgetLease).where(BudgetLease.id.in_(some)))


async def write(
    connection: AsyncConnection,
    drawers: Mapping[str, Drawer],
    changes: Sequence[tuple[Purse, Change]],
    now: int,
) -> None:
    """Write budgets and leases as they are to be."""
    budgets = [
        {
            "it": drawer.id,
            "began": drawer.began_at,
            "spent": drawer.spent,
            "reserved": drawer.reserved,
            "at": now,
        }
        for drawer in drawers.values()
        if drawer.is_changed
    ]
    if budgets:
        await connection.execute(
            update(Budget)
            .where(Budget.id == bindparam("it"))
            .values(
                period_started_at=bindparam("began"),
                spent_nanos=bindparam("spent"),
                reserved_nanos=bindparam("reserved"),
                updated_at=bindparam("at"),
            ),
            budgets,
        )
    leases = [_row(purse, change, now) for purse, change in changes]
    if new := [row for row in leases if row["version"] == 1]:
        await connection.execute(insert(BudgetLease), new)
    if old := [
        {f"new_{name}": value for name, value in row.items()}
        for row in leases
        if row["version"] > 1
    ]:
        await connection.execute(_UPDATE, old)


_UPDATE: Final = (
    update(BudgetLease)
    .where(BudgetLease.id == bindparam("new_id"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("version", "nanos", "free_nanos", "updated_at", "expires_at")
        }
    )
)


def _row(purse: Purse, change: Change, now: int) -> dict[str, Any]:
    return {
        "id": purse.lease_id,
        "budget_id": purse.budget_id,
        "version": change.version,
        "nanos": purse.total + change.granted - change.returned - change.booked,
        "free_nanos": purse.free + change.ahead,
        "updated_at": now,
        "expires_at": now + LEASE_S,
    }


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
