"""The audit log in the console: readable, filtered, checked, and taken along."""

import asyncio
import html
import re
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.integration.console.test_members import ids, joined, other_organisation
from tests.integration.console.test_roles import defined, first_id

from tyrian.gateway.accounts import audit, checkpoints
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.chain import Checker
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.organisations import Organisations
from tyrian.gateway.console.audit.watch import ChainWatch
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.audit import AuditEvent, AuditHead
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import Membership
from tyrian.gateway.store.models.roles import PeopleGroup
from tyrian.gateway.store.models.spending import SpendAlert

HOME = "org_default"


async def write(store: Store, count: int, organisation: str = HOME, **details: Any) -> None:
    async with store.write() as session:
        for i in range(count):
            by = Actor("session", "user_1", f"ada{i % 3}@example.com", "192.0.2.7")
            told = {"id": f"key_{i}", "name": f"number {i}", **details}
            await audit.append(session, organisation, "api_key.created", by, told)


async def change(store: Store, statement: Any) -> None:
    async with store.write() as session:
        await session.execute(statement)


def settled(visit: Any) -> str:
    """The page once the check has ended."""
    for _ in range(100):
        page: str = visit.get("/audit").text
        if "is being checked" not in page:
            return page
        time.sleep(0.05)
    raise AssertionError("the check does not end")


def test_entries_say_who_did_what_to_what(gateway: Any) -> None:
    visit = gateway.client().sign_in()
    visit.post("/keys", {"name": "billing <b>bot</b>"})
    page = settled(visit)
    key = gateway.once(first_id(gateway, Key))
    assert f'made the key <b title="{key}">billing &lt;b&gt;bot&lt;/b&gt;</b>' in page
    assert "signed in" in page
    assert "127.0.0.1" in page
    assert "The record is whole" in page
    assert "api_key.created" in page
    assert 'href="/audit" aria-current="page"' in page


def said(page: str) -> list[str]:
    """The sentences of the entries, the newest first."""
    found = re.findall(r'<td><span class="wrap">(.*?)</span>', page, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", one)) for one in found]


def test_groups_roles_and_people_are_named_also_those_that_are_gone(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    joined(gateway, owner, "ann@example.com", "viewer")
    ann = gateway.once(ids(gateway))["ann@example.com"]
    assert owner.post("/groups", {"name": "Night <i>watch</i>"}).status_code == 303
    group = gateway.once(first_id(gateway, PeopleGroup))
    role = defined(gateway, owner)
    for path, fields in (
        (f"/groups/{group}/people", {"user": ann}),
        (f"/groups/{group}/roles", {"role": f"|{role}"}),
        (f"/members/{ann}/roles", {"role": "proj_default|role_project_member"}),
        (f"/groups/{group}/name", {"name": "Late watch"}),
        (f"/groups/{group}/people/drop", {"user": ann}),
        (f"/groups/{group}/roles/drop", {"role": f"|{role}"}),
        ("/spend-alerts", {"subject": HOME, "amount": "50", "recipients": ""}),
        ("/budgets", {"subject": HOME, "amount": "5", "period": "month"}),
    ):
        assert owner.post(path, fields).status_code == 303, path
    alert = gateway.once(first_id(gateway, SpendAlert))
    there = settled(owner)
    for path in (
        f"/spend-alerts/{alert}/delete",
        f"/roles/{role}/delete",
        f"/groups/{group}/delete",
        f"/members/{ann}/remove",
    ):
        assert owner.post(path).status_code == 303, path
    gone = settled(owner)
    before = [
        "set the budget of your organisation",
        "created the spend alert $50.00 a month",
        "took the role Auditor from the group Late watch",
        "took ann@example.com out of the group Late watch",
        "named the group Late watch",
        "gave ann@example.com the role member in the project default",
        "gave the group Late watch the role Auditor",
        "put ann@example.com into the group Late watch",
        "created the role Auditor",
        "created the group Night <i>watch</i>",
        "ann@example.com signed in",
        "ann@example.com accepted an invitation",
        "invited ann@example.com",
    ]
    after = [
        "removed ann@example.com",
        "deleted the group Late watch",
        "deleted the role Auditor",
        "deleted the spend alert $50.00 a month",
    ]
    for page, expected in ((there, before), (gone, [*after, *before])):
        for sentence, end in zip(said(page), expected, strict=False):
            assert sentence.endswith(end), (sentence, end)
        assert f'<b title="{group}">Late watch</b>' in page
    assert "$5.00 a month" in gone


def test_a_name_of_another_organisation_is_not_looked_up(gateway: Any) -> None:
    visit = gateway.client().sign_in()
    found = gateway.once(other_organisation(gateway))
    other = gateway.once(Groups(gateway.store).create("org_b", "Hidden group"))

    async def note() -> None:
        async with gateway.store.write() as session:
            for name in (found["key"], found["user"], other.id):
                await audit.append(session, HOME, "group.deleted", Actor("system"), {"id": name})

    gateway.once(note())
    page = settled(visit)
    assert other.id in page
    for value in ("Hidden group", "secret of B", "bea@b.example"):
        assert value not in page


def test_filters_and_pages_lead_through_the_entries(gateway: Any) -> None:
    visit = gateway.client().sign_in()
    gateway.once(write(gateway.store, 120))
    first = visit.get("/audit?event=keys&actor=ada1@example.com").text
    assert "number 118" in first
    assert "number 119" not in first
    assert "ada0@example.com" not in first
    assert "signed in" not in first
    newest = visit.get("/audit?event=keys").text
    older = newest.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    page = visit.get(older.replace("&amp;", "&")).text
    assert "number 119" not in page
    assert "number 69" in page
    assert "Newest" in page
    assert "Nothing fits" in visit.get("/audit?to=2001-01-01").text
    assert "number 119" in visit.get("/audit?from=2001-01-01").text
    for odd in ("before=x", "before=-1", "from=never", "to=9999-12-31", "event=%00", "before=²"):
        assert visit.get(f"/audit?{odd}").status_code == 200


def test_a_change_names_the_first_broken_entry(gateway: Any) -> None:
    visit = gateway.client().sign_in()
    gateway.once(write(gateway.store, 20))
    assert "The record is whole" in settled(visit)
    gateway.once(
        change(
            gateway.store,
            update(AuditEvent).where(AuditEvent.sequence == 7).values(details={"id": "key_0"}),
        )
    )
    page = settled(visit)
    # What was checked is believed until all is read again; the entry itself is looked at each time.
    assert "Changed: the hash does not fit" in page
    assert visit.post("/audit/check").status_code == 303
    page = settled(visit)
    assert "Entry 7 was changed: its hash does not fit." in page
    assert "The 6 entries before it are as they were." in page
    assert "The record is whole" not in page


def test_an_end_that_was_cut_off_contradicts_the_checkpoints(tmp_path: Path, kit: Any) -> None:
    running = kit.run(kit.build(tmp_path))
    try:
        visit = running.client().sign_in()
        running.once(write(running.store, 10))
        points = running.once(audit.heads(running.store))
        checkpoints.append(tmp_path / checkpoints.FILE_NAME, points)
        end = points[0].sequence

        async def cut() -> None:
            async with running.store.write() as session:
                await session.execute(delete(AuditEvent).where(AuditEvent.sequence > end - 2))
                last = await session.get_one(AuditEvent, (HOME, end - 2))
                head = await session.get_one(AuditHead, HOME)
                head.sequence, head.hash = last.sequence, last.hash

        running.once(cut())
        page = settled(visit)
        assert f"Entry {end} is in a checkpoint and no longer in the chain" in page
    finally:
        running.stop()


def test_a_file_of_checkpoints_that_cannot_be_read_is_told(tmp_path: Path, kit: Any) -> None:
    running = kit.run(kit.build(tmp_path))
    try:
        visit = running.client().sign_in()
        (tmp_path / checkpoints.FILE_NAME).write_text("<b>what</b>\n")
        page = settled(visit)
        assert "could not be checked" in page
        assert "this is no checkpoint" in page
        assert "signed in" in page
    finally:
        running.stop()


def test_the_download_is_what_the_command_verifies(gateway: Any, tmp_path: Path) -> None:
    visit = gateway.client().sign_in()
    gateway.once(write(gateway.store, 1_200, note="ä\u202e"))
    answer = visit.post("/audit/export")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="tyrian-audit-')
    file = tmp_path / "export.jsonl"
    file.write_bytes(answer.content)
    checker = Checker()
    for link in checkpoints.read_links(file):
        checker.add(link)
    checker.finish()
    assert checker.faults == []
    assert checker.count > 1_200
    assert b"audit_log.exported" in answer.content.splitlines()[-1]


def test_only_those_who_govern_see_it(gateway: Any) -> None:
    owner = gateway.client().sign_in()

    async def demote(role: str) -> None:
        async with gateway.store.write() as session:
            await session.execute(update(Membership).values(role=role))

    for role, status in (("analyst", 403), ("viewer", 403), ("admin", 200)):
        gateway.once(demote(role))
        assert owner.get("/audit").status_code == status
        assert owner.post("/audit/export").status_code == status
        assert ('href="/audit"' in owner.get("/account").text) == (status == 200)


def test_a_role_that_lets_read_the_log_opens_the_page(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    visit = joined(gateway, owner, "vic@example.com", "viewer")
    vic = gateway.once(ids(gateway))["vic@example.com"]
    assert visit.get("/audit").status_code == 403
    role = defined(gateway, owner)
    assert owner.post(f"/members/{vic}/roles", {"role": f"|{role}"}).status_code == 303
    assert "The record" in visit.get("/audit").text
    assert 'href="/audit"' in visit.get("/account").text
    assert visit.post("/audit/export").status_code == 200


def test_other_organisations_are_neither_shown_nor_taken_along(gateway: Any) -> None:
    other = gateway.once(Organisations(gateway.store).create("Other"))
    gateway.once(write(gateway.store, 3, other.id, email="secret@other.example"))
    visit = gateway.client().sign_in()
    assert "secret@other.example" not in settled(visit)
    assert b"secret@other.example" not in visit.post("/audit/export").content
    assert visit.get("/audit?before=2").text.count("secret@") == 0


def test_a_download_must_come_from_a_page_of_ours(gateway: Any) -> None:
    visit = gateway.client().sign_in()
    assert visit.get("/audit/export").status_code == 405
    assert visit.post("/audit/export", {"token": "wrong"}).status_code == 403


async def test_a_later_look_reads_only_what_is_new(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "tyrian.db")
    now = time.time()
    watch = ChainWatch(store, clock=lambda: now, patience_s=30)
    await write(store, 1_300)
    first = await watch.look(HOME)
    assert (first.count, first.fault, first.reached) == (1_300, None, None)
    await change(store, update(AuditEvent).where(AuditEvent.sequence == 5).values(at=1))
    await write(store, 3)
    later = await watch.look(HOME)
    assert (later.count, later.total, later.fault) == (1_303, 1_303, None)
    now += 2 * 3_600
    found = await watch.look(HOME)
    assert found.fault is not None
    assert (found.fault.sequence, found.count) == (5, 4)
    await watch.close()
    await store.close()


async def test_a_long_check_goes_on_beside_the_page(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "tyrian.db")
    await write(store, 1_500)
    watch = ChainWatch(store, patience_s=0)
    state = await watch.look(HOME)
    assert state.checked_at == 0
    assert state.reached is not None
    for _ in range(200):
        await asyncio.sleep(0.02)
        state = await watch.look(HOME)
        if state.checked_at:
            break
    assert state.count == 1_500
    await watch.close()
    await store.close()


async def test_an_entry_without_a_place_behind_the_end_is_a_fault(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "tyrian.db")
    await write(store, 3)
    watch = ChainWatch(store, patience_s=30)
    async with store.write() as session:
        await _behind(session)
    state = await watch.look(HOME, anew=True)
    assert state.fault is not None
    assert state.fault.sequence == 3
    await watch.close()
    await store.close()


async def _behind(session: AsyncSession) -> None:
    second = await session.get_one(AuditEvent, (HOME, 2))
    await session.execute(update(AuditHead).values(sequence=second.sequence, hash=second.hash))


@pytest.mark.parametrize("kind", ["group.created", "spend_alert.deleted", "odd"])
def test_an_event_without_words_of_its_own_reads_well_enough(gateway: Any, kind: str) -> None:
    visit = gateway.client().sign_in()

    async def note() -> None:
        async with gateway.store.write() as session:
            await audit.append(session, HOME, kind, Actor("system"), {"name": "x", "n": 1})

    gateway.once(note())
    told = {"group.created": "created the group", "spend_alert.deleted": "deleted the spend alert"}
    assert told.get(kind, "odd") in settled(visit)
