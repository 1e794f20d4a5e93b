"""Sums of the ledger in buckets of time, for people and for the administration's API."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, select

from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.money import LedgerEntry

WIDTHS: Final = {"1m": 60, "1h": 3_600, "1d": 86_400}

GROUPS: Final = {
    "project_id": LedgerEntry.project_id,
    "user_id": LedgerEntry.user_id,
    "api_key_id": LedgerEntry.key_id,
    "model": LedgerEntry.model,
}
"""What sums can be grouped by, and filtered by."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What some requests used and cost together."""

    group: Mapping[str, str | None]
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_nanos: int


@dataclass(frozen=True, slots=True)
class Question:
    """Which sums are wanted."""

    organisation_id: str
    start: int
    """Seconds since 1970, inclusive."""
    end: int
    """Exclusive."""
    width_s: int = 86_400
    routes: Sequence[str] = ()
    """All where it is empty."""
    group_by: Sequence[str] = ()
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Values to which a group is bounded."""


async def sums(store: Store, question: Question) -> dict[int, list[Sum]]:
    """The sums by the begin of their bucket; buckets begin at whole multiples of the width."""
    # Whole numbers on both databases; `/` would give a fraction on neither.
    bucket = (LedgerEntry.created_at - LedgerEntry.created_at % question.width_s).label("bucket")
    groups = [GROUPS[name] for name in question.group_by]
    query = (
        select(
            bucket,
            func.count(),
            func.coalesce(func.sum(LedgerEntry.input_tokens), 0),
            func.coalesce(func.sum(LedgerEntry.cached_tokens), 0),
            func.coalesce(func.sum(LedgerEntry.output_tokens), 0),
            func.coalesce(func.sum(LedgerEntry.cost_nanos), 0),
            *groups,
        )
        .where(
            LedgerEntry.organisation_id == question.organisation_id,
            LedgerEntry.created_at >= question.start,
            LedgerEntry.created_at < question.end,
        )
        .group_by(bucket, *groups)
        .order_by(bucket, *groups)
    )
    if question.routes:
        query = query.where(LedgerEntry.route.in_(question.routes))
    for name, values in question.only.items():
        query = query.where(GROUPS[name].in_(values))
    found: dict[int, list[Sum]] = defaultdict(list)
    async with store.read() as session:
        for row in await session.execute(query):
            cells: Sequence[Any] = tuple(row)
            group = dict(zip(question.group_by, cells[6:], strict=True))
            counts = [int(value) for value in cells[1:6]]
            found[int(cells[0])].append(Sum(group, *counts))
    return found
