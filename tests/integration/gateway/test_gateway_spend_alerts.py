"""Spend alerts, driven by the official client, and that each fires once."""

import asyncio
from typing import Any

import httpx2
import openai
import pytest
from sqlalchemy import select
from tests.integration.gateway.organisation import Site

from tyrian.gateway.accounts.audit import verify
from tyrian.gateway.store.models.audit import AuditEvent
from tyrian.gateway.store.models.organisations import (
    DEFAULT_PROJECT,
)
from tyrian.gateway.store.models.spending import FiredAlert
from tyrian.gateway.webhook import signature

HELLO: Any = [{"role": "user", "content": "hello"}]
CHANNEL: Any = {"type": "email", "recipients": ["cfo@example.com"], "subject_prefix": "[money]"}


def spend_alert(place: Any, *args: str, cents: int = 5) -> Any:
    return place.spend_alerts.create(
        *args,
        currency="USD",
        interval="month",
        threshold_amount=cents,
        notification_channel=CHANNEL,
    )


def test_spend_alerts_are_made_changed_listed_and_deleted(site: Site) -> None:
    root = site.client()
    made = spend_alert(root)
    assert (made.object, made.threshold_amount) == ("organization.spend_alert", 5)
    assert made.notification_channel.recipients == ["cfo@example.com"]
    # Nobody is told by e-mail here, and the object says so.
    assert made.delivery == {"email": "not_configured", "webhook": "configured"}
    more = spend_alert(root, cents=9)
    of_project = spend_alert(root.projects, DEFAULT_PROJECT)
    assert of_project.object == "project.spend_alert"
    assert [a.id for a in root.spend_alerts.list(limit=1)] == [made.id, more.id]
    assert [a.id for a in root.spend_alerts.list(order="desc").data] == [more.id, made.id]
    assert [a.id for a in root.projects.spend_alerts.list(DEFAULT_PROJECT)] == [of_project.id]
    changed = root.spend_alerts.update(
        made.id, currency="USD", interval="month", threshold_amount=70,
        notification_channel={"type": "email", "recipients": ["a@b.example"]},
    )  # fmt: skip
    assert (changed.threshold_amount, changed.notification_channel.subject_prefix) == (70, None)
    assert root.spend_alerts.retrieve(made.id).threshold_amount == 70
    with pytest.raises(openai.NotFoundError):
        root.projects.spend_alerts.retrieve(made.id, project_id=DEFAULT_PROJECT)
    assert root.spend_alerts.delete(made.id).deleted
    assert root.projects.spend_alerts.delete(of_project.id, project_id=DEFAULT_PROJECT).deleted
    with pytest.raises(openai.NotFoundError):
        root.spend_alerts.retrieve(made.id)
    for unfit in (
        {"type": "sms", "recipients": []},
        {"type": "email", "recipients": ["nobody"]},
        {"type": "email", "recipients": "a@b.example"},
        {"type": "email", "recipients": ["a@b.example"] * 3, "url": "http://169.254.169.254"},
        {"type": "email", "recipients": [], "subject_prefix": "x\r\nBcc: eve@example.com"},
        {"type": "email", "recipients": [f"a{n}@b.example" for n in range(21)]},
    ):
        with pytest.raises(openai.BadRequestError):
            root.spend_alerts.create(
                currency="USD", interval="month", threshold_amount=5, notification_channel=unfit
            )
    for cents in (0, -1, 10**30):
        with pytest.raises(openai.BadRequestError):
            spend_alert(root, cents=cents)


async def test_an_alert_fires_once_whichever_worker_spends(site: Site) -> None:
    root = site.client()
    whole = await asyncio.to_thread(spend_alert, root)
    part = await asyncio.to_thread(spend_alert, root.projects, DEFAULT_PROJECT)
    await asyncio.to_thread(spend_alert, root, cents=100_000)

    def ask(number: int) -> None:
        # 1.1 cents each.
        client = site.kit.client_of(site.ports[number % 2], site.model_value)
        assert client.chat.completions.create(model=site.kit.model, messages=HELLO).choices

    await asyncio.gather(*(asyncio.to_thread(ask, number) for number in range(20)))
    await asyncio.sleep(2.5)
    async with site.store.read() as session:
        fired = list(await session.scalars(select(FiredAlert).order_by(FiredAlert.fired_at)))
        told = list(
            await session.scalars(select(AuditEvent).where(AuditEvent.type == "spend_alert.fired"))
        )
    assert {one.alert_id for one in fired} == {whole.id, part.id}
    assert len(fired) == len(told) == 2
    assert all(one.spent_nanos >= one.threshold_nanos == 50_000_000 for one in fired)
    assert {(one.email_state, one.webhook_state) for one in fired} == {("not_configured", "sent")}
    assert sorted(e["spend_alert"]["alert_id"] for e in site.receiver.events) == sorted(
        [whole.id, part.id]
    )
    header, body = site.receiver.signatures[0]
    at = int(header.partition(",")[0].removeprefix("t="))
    assert header == signature("secret", at, body)
    shown = await asyncio.to_thread(root.spend_alerts.retrieve, whole.id)
    assert shown.last_fired["webhook"] == "sent"
    metrics = ""
    for port in site.ports:
        async with httpx2.AsyncClient() as http:
            metrics += (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    counted = [
        float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith("tyrian_spend_alerts_total")
    ]
    assert sum(counted) == 2
    await asyncio.gather(*(asyncio.to_thread(ask, number) for number in range(4)))
    await asyncio.sleep(1.5)
    assert len(site.receiver.events) == 2
    # Another amount is another thing to tell of.
    await asyncio.to_thread(
        lambda: root.spend_alerts.update(
            whole.id, currency="USD", interval="month", threshold_amount=6,
            notification_channel=CHANNEL,
        )
    )  # fmt: skip
    await asyncio.to_thread(ask, 0)
    await asyncio.sleep(2.5)
    assert site.receiver.events[2]["spend_alert"]["threshold_usd"] == pytest.approx(0.06)
    assert (await verify(site.store)).faults == []
