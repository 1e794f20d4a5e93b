"""Sums of what organisations and projects spend, and the alerts that fire when they grow.

It happens where the ledger is written, once a second and never in the way of a request, within the
same transaction: what is in the ledger is in the sums, and an alert fires with the write by which
spending reached it, whichever worker made that.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.alerts import PERIOD
from tyrian.gateway.accounts.audit import SYSTEM
from tyrian.gateway.accounts.periods import begin_of
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.spending import FiredAlert, SpendAlert


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """An organisation or a project in one period."""

    id: str
    began_at: int


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert that has just fired."""

    id: str
    is_of_project: bool


_ADD: Final = text(
    "INSERT INTO spending (subject_id, period, began_at, nanos)"
    " VALUES (:subject, :period, :began, :nanos)"
    " ON CONFLICT (subject_id, period, began_at)"
    " DO UPDATE SET nanos = spending.nanos + excluded.nanos RETURNING nanos"
)


async def book(
    session: AsyncSession, rows: Sequence[Mapping[str, Any]], now: int
) -> Sequence[Fired]:
    """Add rows of the ledger to the sums; the alerts that this lets fire."""
    amounts: dict[Subject, int] = defaultdict(int)
    organisations: set[str] = set()
    for row in rows:
        if row["cost_nanos"] > 0:
            began_at = begin_of(PERIOD, row["created_at"])
            organisations.add(row["organisation_id"])
            for subject in (row["organisation_id"], row["project_id"]):
                amounts[Subject(subject, began_at)] += row["cost_nanos"]
    totals: dict[Subject, int] = {}
    # In one order, so that two workers never wait for each other.
    for subject in sorted(amounts):
        totals[subject] = int(
            await session.scalar(
                _ADD,
                {
                    "subject": subject.id,
                    "period": PERIOD,
                    "began": subject.began_at,
                    "nanos": amounts[subject],
                },
            )
            or 0
        )
    return await _fire(session, totals, organisations, now) if totals else ()


async def _fire(
    session: AsyncSession, totals: Mapping[Subject, int], organisations: set[str], now: int
) -> Sequence[Fired]:
    alerts = await session.scalars(
        select(SpendAlert)
        .where(SpendAlert.organisation_id.in_(organisations))
        .order_by(SpendAlert.organisation_id, SpendAlert.id)
    )
    made: list[tuple[FiredAlert, SpendAlert]] = []
    for alert in alerts:
        about = alert.project_id or alert.organisation_id
        for subject, total in totals.items():
            if subject.id != about or total < alert.threshold_nanos:
                continue
            # Nobody else can be here: adding to the sum holds its row until the end.
            if not await _has_fired(session, alert, subject.began_at):
                made.append((_fired(alert, subject.began_at, total, now), alert))
    for fired, alert in made:
        session.add(fired)
        alert.fired_at = now
    await session.flush()
    for fired, _ in made:
        await audit.append(
            session,
            fired.organisation_id,
            "spend_alert.fired",
            SYSTEM,
            {
                "id": fired.alert_id,
                "fired_id": fired.id,
                "threshold_nanos": fired.threshold_nanos,
                "spent_nanos": fired.spent_nanos,
                "period": fired.period,
                "began_at": fired.began_at,
            },
            project_id=fired.project_id,
        )
    return [Fired(fired.id, fired.project_id is not None) for fired, _ in made]


async def _has_fired(session: AsyncSession, alert: SpendAlert, began_at: int) -> bool:
    known = select(FiredAlert.id).where(
        FiredAlert.alert_id == alert.id,
        FiredAlert.began_at == began_at,
        FiredAlert.threshold_nanos == alert.threshold_nanos,
    )
    return await session.scalar(known) is not None


def _fired(alert: SpendAlert, began_at: int, total: int, now: int) -> FiredAlert:
    return FiredAlert(
        id=new_id("fired"),
        alert_id=alert.id,
        organisation_id=alert.organisation_id,
        project_id=alert.project_id,
        period=alert.period,
        began_at=began_at,
        threshold_nanos=alert.threshold_nanos,
        spent_nanos=total,
        channel=alert.channel,
        fired_at=now,
        email_state="pending",
        webhook_state="pending",
        tries=0,
        next_try_at=now,
    )
