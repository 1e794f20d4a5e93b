"""Spend alerts as people set them, and what came of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.names import checked_email
from tyrian.gateway.accounts.projects import open_project
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.spending import FiredAlert, SpendAlert

PERIOD: Final = "month"
"""The one period that alerts are for."""

MAX_NANOS: Final = 10**18
MAX_ALERTS: Final = 100
"""In one organisation."""

MAX_RECIPIENTS: Final = 20
MAX_PREFIX: Final = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """What an alert is to be."""

    threshold_nanos: int
    recipients: tuple[str, ...] = ()
    """E-mail addresses."""
    subject_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """An alert, and the last time that it fired."""

    id: str
    project_id: str | None
    """None for the whole organisation."""
    threshold_nanos: int
    recipients: tuple[str, ...]
    subject_prefix: str | None
    created_at: int
    fired: FiredAlert | None


class Alerts:
    """The spend alerts in a store; every question names the organisation that asks."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def list(self, organisation_id: str) -> Sequence[AlertRecord]:
        """All of them, oldest first: those of projects too."""
        async with self._store.read() as session:
            alerts = await session.scalars(
                select(SpendAlert)
                .where(SpendAlert.organisation_id == organisation_id)
                .order_by(SpendAlert.created_at, SpendAlert.id)
            )
            found = alerts.all()
            fired = await session.scalars(
                select(FiredAlert)
                .where(FiredAlert.alert_id.in_([alert.id for alert in found]))
                .order_by(FiredAlert.fired_at, FiredAlert.id)
            )
            last = {one.alert_id: one for one in fired}
        return [_record(alert, last.get(alert.id)) for alert in found]

    async def get(self, organisation_id: str, alert_id: str) -> AlertRecord | None:
        """The alert of that id, None where the organisation has none such."""
        found = await self.list(organisation_id)
        return next((alert for alert in found if alert.id == alert_id), None)

    async def fired(self, organisation_id: str, limit: int = 20) -> Sequence[FiredAlert]:
        """The last times that one fired, the newest first; also of alerts that are gone."""
        async with self._store.read() as session:
            found = await session.scalars(
                select(FiredAlert)
                .where(FiredAlert.organisation_id == organisation_id)
                .order_by(FiredAlert.fired_at.desc(), FiredAlert.id.desc())
                .limit(limit)
            )
            return found.all()

    async def create(
        self,
        organisation_id: str,
        wish: Wish,
        *,
        project_id: str | None = None,
        by: Actor = COMMAND,
    ) -> AlertRecord:
        """Tell of it once spending reaches an amount, in each month once."""
        threshold, channel = _checked(wish)
        alert = SpendAlert(
            id=new_id("alert"),
            organisation_id=organisation_id,
            project_id=project_id,
            threshold_nanos=threshold,
            period=PERIOD,
            channel=channel,
            created_at=int(self._clock()),
        )
        async with self._store.write() as session:
            if project_id is not None:
                await open_project(session, organisation_id, project_id)
            count = select(func.count()).select_from(SpendAlert)
            own = count.where(SpendAlert.organisation_id == organisation_id)
            if (await session.scalar(own) or 0) >= MAX_ALERTS:
                raise ConfigError(f"there are at most {MAX_ALERTS} alerts", hint="delete one")
            session.add(alert)
            await _note(session, alert, "spend_alert.created", by, threshold_nanos=threshold)
        return _record(alert, None)

    async def update(
        self, organisation_id: str, alert_id: str, wish: Wish, *, by: Actor = COMMAND
    ) -> None:
        """Change an alert; one with another amount may fire again in the same month."""
        threshold, channel = _checked(wish)
        async with self._store.write() as session:
            alert = await _known(session, organisation_id, alert_id)
            alert.threshold_nanos, alert.channel = threshold, channel
            await _note(session, alert, "spend_alert.updated", by, threshold_nanos=threshold)

    async def delete(self, organisation_id: str, alert_id: str, *, by: Actor = COMMAND) -> None:
        """Delete an alert; what it has told of stays known."""
        async with self._store.write() as session:
            alert = await _known(session, organisation_id, alert_id)
            await session.delete(alert)
            await _note(session, alert, "spend_alert.deleted", by)


def _checked(wish: Wish) -> tuple[int, dict[str, Any]]:
    if not 0 < wish.threshold_nanos <= MAX_NANOS:
        raise ConfigError(
            "a threshold is more than nothing, and at most a billion dollars",
            hint="choose another amount",
        )
    recipients = list(dict.fromkeys(checked_email(address) for address in wish.recipients))
    if len(recipients) > MAX_RECIPIENTS:
        raise ConfigError(
            f"an alert goes to at most {MAX_RECIPIENTS} addresses", hint="use a mailing list"
        )
    prefix = (wish.subject_prefix or "").strip()
    if len(prefix) > MAX_PREFIX or not prefix.isprintable():
        raise ConfigError(
            f"the prefix of a subject has at most {MAX_PREFIX} printable characters",
            hint="shorten it",
        )
    channel = {"type": "email", "recipients": recipients, "subject_prefix": prefix or None}
    return wish.threshold_nanos, channel


async def _known(session: AsyncSession, organisation_id: str, alert_id: str) -> SpendAlert:
    alert = await session.get(SpendAlert, alert_id, with_for_update=True)
    if alert is None or alert.organisation_id != organisation_id:
        raise InputError("there is no spend alert with this id", hint="list them")
    return alert


async def _note(
    session: AsyncSession, alert: SpendAlert, kind: str, by: Actor, **details: int
) -> None:
    await session.flush()
    await audit.append(
        session,
        alert.organisation_id,
        kind,
        by,
        {"id": alert.id, **details},
        project_id=alert.project_id,
    )


def _record(alert: SpendAlert, fired: FiredAlert | None) -> AlertRecord:
    return AlertRecord(
        alert.id,
        alert.project_id,
        alert.threshold_nanos,
        tuple(alert.channel.get("recipients", ())),
        alert.channel.get("subject_prefix"),
        alert.created_at,
        fired,
    )
