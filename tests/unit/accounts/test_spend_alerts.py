"""When alerts fire, and how they are told."""

import asyncio
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from tests.unit.accounts.conftest import Clock

from tyrian.gateway.accounts.alerts import Alerts, Wish
from tyrian.gateway.accounts.ledger import Ledger
from tyrian.gateway.accounts.periods import begin_of
from tyrian.gateway.accounts.spending import Fired
from tyrian.gateway.alert_channels import Channels
from tyrian.gateway.alert_courier import CLAIM_S, PAUSES_S, Courier
from tyrian.gateway.mail import Mailer
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import DEFAULT_ORGANISATION, DEFAULT_PROJECT
from tyrian.gateway.store.models.spending import FiredAlert, Spending
from tyrian.gateway.webhook import Webhook

DOLLAR = 1_000_000_000


def entry(nanos: int, at: float, project: str = DEFAULT_PROJECT) -> dict[str, Any]:
    return {
        "id": new_id("led"),
        "request_id": "req",
        "organisation_id": DEFAULT_ORGANISATION,
        "project_id": project,
        "key_id": "key",
        "user_id": None,
        "route": "chat",
        "model": "m",
        "status": 200,
        "effect": "",
        "input_tokens": 1,
        "cached_tokens": 0,
        "output_tokens": 1,
        "cost_nanos": nanos,
        "is_estimate": False,
        "elapsed_ms": 1,
        "created_at": int(at),
    }


async def spend(ledger: Ledger, *entries: dict[str, Any]) -> None:
    for one in entries:
        ledger.note(lambda one=one: one)  # type: ignore[misc]
    await ledger.flush()


async def fired(store: Store) -> list[FiredAlert]:
    async with store.read() as session:
        return list(await session.scalars(select(FiredAlert).order_by(FiredAlert.id)))


async def test_an_alert_fires_in_each_month_once(store: Store, clock: Clock) -> None:
    heard: list[Fired] = []
    ledger = Ledger(store, clock=clock, on_fired=heard.append)
    await Alerts(store, clock=clock).create(DEFAULT_ORGANISATION, Wish(3 * DOLLAR))
    await spend(ledger, entry(2 * DOLLAR, clock.now))
    assert heard == []
    await spend(ledger, entry(DOLLAR, clock.now))
    await spend(ledger, entry(DOLLAR, clock.now))
    assert len(heard) == 1
    clock.now += 40 * 86_400
    await spend(ledger, entry(2 * DOLLAR, clock.now))
    assert len(heard) == 1
    await spend(ledger, entry(5 * DOLLAR, clock.now))
    assert len(heard) == 2
    found = await fired(store)
    assert [one.spent_nanos for one in found] == [3 * DOLLAR, 7 * DOLLAR]
    assert found[1].began_at == begin_of("month", clock.now)
    await ledger.close()


async def test_what_is_written_late_counts_in_its_own_month(store: Store, clock: Clock) -> None:
    ledger = Ledger(store, clock=clock)
    before = clock.now - 40 * 86_400
    await spend(ledger, entry(DOLLAR, clock.now), entry(2 * DOLLAR, before))
    async with store.read() as session:
        rows = await session.execute(
            select(Spending.began_at, Spending.nanos).where(
                Spending.subject_id == DEFAULT_ORGANISATION
            )
        )
        sums = {row[0]: row[1] for row in rows}
    assert sums == {
        begin_of("month", clock.now): DOLLAR,
        begin_of("month", before): 2 * DOLLAR,
    }
    await ledger.close()


async def test_a_projects_alert_hears_of_that_project_alone(store: Store, clock: Clock) -> None:
    ledger = Ledger(store, clock=clock)
    await Alerts(store, clock=clock).create(
        DEFAULT_ORGANISATION, Wish(DOLLAR), project_id=DEFAULT_PROJECT
    )
    await spend(ledger, entry(9 * DOLLAR, clock.now, project="proj_other"))
    assert await fired(store) == []
    await spend(ledger, entry(DOLLAR, clock.now))
    assert [one.project_id for one in await fired(store)] == [DEFAULT_PROJECT]
    await ledger.close()


async def test_two_workers_that_spend_at_once_let_it_fire_once(
    store: Store, other_store: Store, clock: Clock
) -> None:
    await Alerts(store, clock=clock).create(DEFAULT_ORGANISATION, Wish(10 * DOLLAR))
    ledgers = [Ledger(opened, clock=clock) for opened in (store, other_store)]
    for _ in range(8):
        await asyncio.gather(
            *(spend(ledger, entry(DOLLAR, clock.now)) for ledger in ledgers),
        )
    (one,) = await fired(store)
    assert one.spent_nanos >= 10 * DOLLAR
    async with store.read() as session:
        total = await session.scalar(
            select(Spending.nanos).where(Spending.subject_id == DEFAULT_ORGANISATION)
        )
    assert total == 16 * DOLLAR
    for ledger in ledgers:
        await ledger.close()


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server that takes what it is given."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.refused: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Letterbox)


class _Letterbox(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "DATA":
                self._say("354 go on")
                lines = []
                while (part := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(part)
                self.server.messages.append("".join(lines))
                self._say("250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            elif word == "RCPT" and any(name in line for name in self.server.refused):
                self._say("550 unknown")
            else:
                self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


class Notes:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def spend_alert(self, scope: str) -> None:
        self.told.append(("fired", scope))

    def spend_alert_told(self, way: str, outcome: str) -> None:
        self.told.append((way, outcome))


async def reached(store: Store, clock: Clock, *recipients: str) -> None:
    wish = Wish(DOLLAR, recipients, "[money]")
    await Alerts(store, clock=clock).create(DEFAULT_ORGANISATION, wish)
    ledger = Ledger(store, clock=clock)
    await spend(ledger, entry(DOLLAR, clock.now))
    await ledger.close()


def courier_of(store: Store, clock: Clock, channels: Channels, notes: Notes) -> Courier:
    courier = Courier(store, clock=clock, poll_s=3_600)
    courier._channels, courier._notes = channels, notes
    return courier


async def test_an_e_mail_goes_to_everybody_and_says_what_was_spent(
    store: Store, clock: Clock, mailbox: Mailbox
) -> None:
    await reached(store, clock, "a@x.example", "b@x.example")
    mailer = Mailer("127.0.0.1", mailbox.server_address[1], "tyrian@x.example", "none")
    notes = Notes()
    courier = courier_of(store, clock, Channels(mailer), notes)
    assert await courier.tell_due() == 1
    (message,) = mailbox.messages
    assert "Subject: [money] The organisation default has spent $1.00 this month" in message
    assert "To: a@x.example, b@x.example" in message
    (one,) = await fired(store)
    assert (one.email_state, one.webhook_state) == ("sent", "not_configured")
    assert one.next_try_at is None
    assert notes.told == [("email", "sent")]
    assert await courier.tell_due() == 0


async def test_an_address_that_is_refused_is_told_apart(
    store: Store, clock: Clock, mailbox: Mailbox
) -> None:
    mailbox.refused = {"b@x.example"}
    await reached(store, clock, "a@x.example", "b@x.example")
    mailer = Mailer("127.0.0.1", mailbox.server_address[1], "tyrian@x.example", "none")
    await courier_of(store, clock, Channels(mailer), Notes()).tell_due()
    assert (await fired(store))[0].email_state == "partial"


async def test_what_cannot_be_told_is_tried_again_and_given_up_in_the_end(
    store: Store, clock: Clock
) -> None:
    await reached(store, clock, "a@x.example")
    channels = Channels(
        Mailer("127.0.0.1", 9, "tyrian@x.example", "none"),
        Webhook("http://127.0.0.1:9/", pauses_s=(0.0,)),
    )
    notes = Notes()
    courier = courier_of(store, clock, channels, notes)
    for pause in PAUSES_S:
        assert await courier.tell_due() == 1
        (one,) = await fired(store)
        assert (one.email_state, one.webhook_state) == ("pending", "pending")
        assert one.next_try_at == int(clock.now) + pause
        assert await courier.tell_due() == 0
        clock.now += pause
    assert await courier.tell_due() == 1
    (one,) = await fired(store)
    assert (one.email_state, one.webhook_state, one.next_try_at) == ("failed", "failed", None)
    assert notes.told == [("email", "failed"), ("webhook", "failed")]


async def test_what_a_dead_worker_had_claimed_another_one_tells(
    store: Store, other_store: Store, clock: Clock, mailbox: Mailbox
) -> None:
    await reached(store, clock, "a@x.example")
    mailer = Mailer("127.0.0.1", mailbox.server_address[1], "tyrian@x.example", "none")
    (one,) = await fired(store)
    dead = courier_of(store, clock, Channels(mailer), Notes())
    assert await dead._claim(one.id, one.next_try_at or 0, int(clock.now)) is not None
    living = courier_of(other_store, clock, Channels(mailer), Notes())
    assert await living._claim(one.id, one.next_try_at or 0, int(clock.now)) is None
    assert await living.tell_due() == 0
    clock.now += CLAIM_S
    assert await living.tell_due() == 1
    assert len(mailbox.messages) == 1
