"""Tells people of spend alerts that have fired: by e-mail, and by a signed webhook.

What is to be told stands in the store with the alert itself, so a worker that dies loses none of
it: another one, or the next start, goes on. A row is claimed before it is told, so that two workers
do not both tell it; one that died in the middle may have told it already, so receivers go by its
id.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
from sqlalchemy import select, update

from tyrian.errors import StoreError
from tyrian.gateway.accounts.prices import NANOS_PER_USD, usd
from tyrian.gateway.accounts.spending import Fired
from tyrian.gateway.alert_channels import Channels
from tyrian.gateway.mail import MailError
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import Organisation, Project
from tyrian.gateway.store.models.spending import FiredAlert

POLL_S: Final = 30.0
"""How often a worker looks for what others have left."""

CLAIM_S: Final = 120
"""How long a worker has for one; after that it counts as dead."""

PAUSES_S: Final = (60, 300, 1_800, 7_200)
"""Before each further try."""

_AT_ONCE: Final = 20
_OUTCOMES: Final = ("sent", "partial", "failed")
_log = logging.getLogger("tyrian.gateway")


class Notes(Protocol):
    """What counts alerts."""

    def spend_alert(self, scope: str) -> None:
        """One has fired, for `organization` or `project`."""

    def spend_alert_told(self, way: str, outcome: str) -> None:
        """One was told by `email` or `webhook`: `sent`, `partial` or `failed`."""


class Courier:
    """Tells of the alerts in a store."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        poll_s: float = POLL_S,
    ) -> None:
        self._store = store
        self._channels = Channels()
        self._clock = clock
        self._poll_s = poll_s
        self._notes: Notes | None = None
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._users = 0

    def fired(self, fired: Fired) -> None:
        """Count an alert that has just fired, and see to it at once."""
        if self._notes is not None:
            self._notes.spend_alert("project" if fired.is_of_project else "organization")
        self._wake.set()

    def start(self, channels: Channels | None = None, notes: Notes | None = None) -> None:
        """Begin, on the running event loop; it goes on until each start has had its `close`.

        A gateway that takes the place of another one starts before that one ends, and may tell by
        other channels.
        """
        self._channels, self._notes = channels or Channels(), notes
        self._users += 1
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; what is left is told by others, or after the next start."""
        self._users -= 1
        if self._users == 0 and self._running is not None:
            running, self._running = self._running, None
            running.cancel()
            await asyncio.wait([running])

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                while await self.tell_due() == _AT_ONCE:
                    pass
            except StoreError:
                pass  # what is due stays due
            except Exception as error:  # noqa: BLE001 - one that cannot be told keeps no other back
                _log.error("spend alerts could not be told: %s", type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._wake.wait()

    async def tell_due(self) -> int:
        """Tell of what is due; how many rows there were."""
        now = int(self._clock())
        async with self._store.read() as session:
            found = await session.execute(
                select(FiredAlert.id, FiredAlert.next_try_at)
                .where(FiredAlert.next_try_at <= now)
                .order_by(FiredAlert.next_try_at, FiredAlert.id)
                .limit(_AT_ONCE)
            )
            due = [(it, at) for it, at in found if at is not None]
        for it, at in due:
            fired = await self._claim(it, at, now)
            if fired is not None:
                await self._tell(fired)
        return len(due)

    async def _claim(self, it: str, at: int, now: int) -> FiredAlert | None:
        change = (
            update(FiredAlert)
            .where(FiredAlert.id == it, FiredAlert.next_try_at == at)
            .values(next_try_at=now + CLAIM_S, tries=FiredAlert.tries + 1)
            .returning(FiredAlert.id)
        )
        async with self._store.write() as session:
            if await session.scalar(change) is None:
                return None
            return await session.get_one(FiredAlert, it, populate_existing=True)

    async def _tell(self, fired: FiredAlert) -> None:
        is_last = fired.tries > len(PAUSES_S)
        email, webhook = fired.email_state, fired.webhook_state
        if email == "pending":
            email = await self._mail(fired)
        if webhook == "pending":
            webhook = await self._post(fired)
        if is_last:
            email, webhook = (s if s != "pending" else "failed" for s in (email, webhook))
        next_try_at = None
        if "pending" in (email, webhook):
            next_try_at = int(self._clock()) + PAUSES_S[fired.tries - 1]
        if "failed" in (email, webhook):
            _log.warning("spend alert %s: not everybody could be told", fired.id)
        for way, before, after in (
            ("email", fired.email_state, email),
            ("webhook", fired.webhook_state, webhook),
        ):
            if self._notes is not None and after != before and after in _OUTCOMES:
                self._notes.spend_alert_told(way, after)
        async with self._store.write() as session:
            await session.execute(
                update(FiredAlert)
                .where(FiredAlert.id == fired.id)
                .values(email_state=email, webhook_state=webhook, next_try_at=next_try_at)
            )

    async def _mail(self, fired: FiredAlert) -> str:
        recipients = fired.channel.get("recipients") or []
        if self._channels.mailer is None or not recipients:
            return "not_configured"
        name = await self._name_of(fired)
        prefix = fired.channel.get("subject_prefix")
        reached = _dollars(fired.threshold_nanos)
        subject = f"{name} has spent {reached} this month"
        month = datetime.fromtimestamp(fired.began_at, UTC).strftime("%B %Y")
        body = (
            f"{name} has spent {_dollars(fired.spent_nanos)} in {month} (UTC), and so reached the"
            f" amount of {reached} at which you wanted to hear of it.\n\n"
            "This is told once in a month for each alert. See the page Usage and spend of the"
            f" gateway's console.\n\nAlert {fired.alert_id}, {fired.id}\n"
        )
        try:
            refused = await self._channels.mailer.send(
                recipients, f"{prefix} {subject}" if prefix else subject, body
            )
        except MailError as error:
            _log.warning("spend alert %s: no e-mail could be sent: %s", fired.id, error.message)
            return "pending"
        return "partial" if refused else "sent"

    async def _post(self, fired: FiredAlert) -> str:
        if self._channels.webhook is None:
            return "not_configured"
        body = msgspec.json.encode(
            {
                "type": "spend_alert.fired",
                "spend_alert": {
                    "id": fired.id,
                    "alert_id": fired.alert_id,
                    "organization_id": fired.organisation_id,
                    "project_id": fired.project_id,
                    "currency": "USD",
                    "interval": fired.period,
                    "interval_started_at": fired.began_at,
                    "threshold_usd": usd(fired.threshold_nanos),
                    "spent_usd": usd(fired.spent_nanos),
                    "fired_at": fired.fired_at,
                },
            }
        )
        return "sent" if await self._channels.webhook.send(body) else "pending"

    async def _name_of(self, fired: FiredAlert) -> str:
        async with self._store.read() as session:
            if fired.project_id is not None:
                project = await session.get(Project, fired.project_id)
                return f"The project {project.name}" if project else "A project"
            organisation = await session.get(Organisation, fired.organisation_id)
        return f"The organisation {organisation.name}" if organisation else "The organisation"


def _dollars(nanos: int) -> str:
    return f"${nanos / NANOS_PER_USD:,.2f}"
