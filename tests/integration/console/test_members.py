"""Who may do what, and that nobody sees or changes what belongs to another organisation."""

import re
import time
from typing import Any

import pytest
from sqlalchemy import update

from tyrian.gateway.console.sign_in.sessions import COOKIE
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.decisions import DecisionRow
from tyrian.gateway.store.models.organisations import (
    Invitation,
    Membership,
    Organisation,
    Project,
    User,
)
from tyrian.gateway.store.models.reviews import Review
from tyrian.gateway.store.models.sign_in import Passkey


def invited(owner: Any, email: str, role: str) -> str:
    """The secret of an invitation."""
    page = owner.post("/members/invite", {"email": email, "role": role}).text
    found = re.search(r"/join#([\w-]+)", page)
    assert found, page
    return found[1]


def joined(gateway: Any, owner: Any, email: str, role: str) -> Any:
    """A member with a session and a way to sign in."""
    visit = gateway.client()
    fields = {"secret": invited(owner, email, role), "name": email.partition("@")[0]}
    answer = visit._send("POST", "/join", data=fields)
    assert answer.headers["location"] == "/account/secure", answer.text
    gateway.once(settle(gateway, email))
    return visit


async def settle(gateway: Any, email: str) -> None:
    """Give somebody a passkey in the store."""
    from sqlalchemy import select

    async with gateway.store.write() as session:
        user_id = await session.scalar(select(User.id).where(User.email == email))
        session.add(
            Passkey(
                id=new_id("psk"),
                user_id=user_id,
                credential_digest=user_id.encode()[-32:].rjust(32),
                credential_id=b"x",
                public_key=b"x",
                sign_count=0,
                name="x",
                transports=[],
                created_at=0,
            )
        )


async def other_organisation(gateway: Any) -> dict[str, str]:
    """A second organisation with one of everything; their ids."""
    now = int(time.time())
    async with gateway.store.write() as session:
        session.add(Organisation(id="org_b", name="B", created_at=now))
        user = User(id="user_b", email="bea@b.example", name="Bea", created_at=now)
        session.add(user)
        await session.flush()
        session.add(Project(id="proj_b", organisation_id="org_b", name="B", created_at=now))
        session.add(
            Membership(
                id="mem_b", organisation_id="org_b", user_id="user_b", role="owner", created_at=now
            )
        )
        session.add(
            Invitation(
                id="invite_b",
                organisation_id="org_b",
                email="new@b.example",
                role="viewer",
                projects=[],
                digest=b"b" * 32,
                invited_by="user_b",
                created_at=now,
                expires_at=now + 999,
            )
        )
    key, _ = await gateway.settings.keys.create("secret of B", project_id="proj_b")
    async with gateway.store.write() as session:
        session.add(
            DecisionRow(
                id="dec_b",
                organisation_id="org_b",
                project_id="proj_b",
                key_id=key.id,
                request_id="req_b",
                at_ms=now * 1000,
                stage="input",
                effect="block",
                role="user",
                origin="user",
                model="m",
                rules="|only-in-b|",
                reasons=[],
                runs=[],
                policy="p",
                length=1,
                elapsed_us=1,
                is_cached=False,
            )
        )
        session.add(
            Review(
                id="rev_b",
                key_id=key.id,
                digest=b"0" * 32,
                status="pending",
                stage="tool-call",
                policy="p",
                request_id="req_b",
                payload={"calls": [], "reasons": []},
                created_at=now,
                expires_at=now + 999,
            )
        )
    return {"key": key.id, "decision": "dec_b", "review": "rev_b", "user": "user_b"}


def test_an_invitation_is_good_once_and_leads_to_making_a_way_in(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    secret = invited(owner, "ann@example.com", "analyst")
    visit, late = gateway.client(), gateway.client()
    answer = visit._send("POST", "/join", data={"secret": secret, "name": "Ann"})
    assert answer.headers["location"] == "/account/secure"
    assert visit.get("/keys").headers["location"] == "/account/secure"
    again = late._send("POST", "/join", data={"secret": secret, "name": "Mallory"})
    assert again.status_code == 403
    assert COOKIE not in late.cookies
    assert "ann@example.com" in owner.get("/members").text


def test_a_withdrawn_expired_or_replaced_invitation_is_worth_nothing(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    first = invited(owner, "ann@example.com", "viewer")
    second = invited(owner, "ann@example.com", "viewer")

    def status(secret: str) -> int:
        fields = {"secret": secret, "name": "x"}
        return int(gateway.client()._send("POST", "/join", data=fields).status_code)

    assert status(first) == 403
    found = re.search(r"/members/invitations/(\w+)/withdraw", owner.get("/members").text)
    assert found
    assert owner.post(f"/members/invitations/{found[1]}/withdraw").status_code == 303
    assert status(second) == 403
    third = invited(owner, "ann@example.com", "viewer")

    async def expire() -> None:
        async with gateway.store.write() as session:
            await session.execute(update(Invitation).values(expires_at=1))

    gateway.once(expire())
    assert status(third) == 403


def test_an_invitation_does_not_open_an_account_that_exists(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    gateway.once(other_organisation(gateway))
    secret = invited(owner, "bea@b.example", "owner")
    answer = gateway.client()._send("POST", "/join", data={"secret": secret, "name": "x"})
    assert answer.status_code == 400
    assert "account already" in answer.text


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", set()),
        ("analyst", {"/keys", "/stack/check"}),
        ("admin", {"/keys", "/stack/check", "/members/invite", "/budgets"}),
    ],
)
def test_each_role_may_do_its_own_and_no_more(shared: Any, role: str, allowed: set[str]) -> None:
    owner = shared.client().sign_in()
    visit = joined(shared, owner, f"{role}@example.com", role)
    forms = {
        "/keys": {"name": "mine"},
        "/stack/check": {"text": "agent: {}"},
        "/members/invite": {"email": f"friend-of-{role}@example.com", "role": "viewer"},
        "/budgets": {"subject": "org_default", "amount": "5", "period": "month"},
    }
    for path, fields in forms.items():
        status = visit.post(path, fields).status_code
        assert (status == 403) is (path not in allowed), (path, status)
    assert visit.post("/keys", {"kind": "adm"}).status_code == {"admin": 200}.get(
        role, 400 if "/keys" in allowed else 403
    )


def test_nobody_lifts_themselves_or_others_above_their_own_role(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    admin = joined(gateway, owner, "adam@example.com", "admin")
    page = admin.get("/members").text
    assert 'value="owner"' not in page
    answer = admin.post("/members/invite", {"email": "x@example.com", "role": "owner"})
    assert answer.status_code == 400
    found = gateway.once(ids(gateway))
    me, boss = found["adam@example.com"], found["owner@localhost"]
    for path in (f"/members/{me}/role", f"/members/{boss}/role", f"/members/{boss}/remove"):
        assert admin.post(path, {"role": "owner"}).status_code == 400, path
    assert admin.post(f"/members/{boss}/role", {"role": "viewer"}).status_code == 400


async def ids(gateway: Any) -> dict[str, str]:
    from sqlalchemy import select

    async with gateway.store.read() as session:
        return {row[0]: row[1] for row in await session.execute(select(User.email, User.id))}


def test_an_organisation_keeps_an_owner(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    mine = gateway.once(ids(gateway))["owner@localhost"]
    assert owner.post(f"/members/{mine}/role", {"role": "viewer"}).status_code == 400
    assert owner.post(f"/members/{mine}/remove").status_code == 400


def test_who_is_removed_loses_sessions_and_keys_at_once(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    visit = joined(gateway, owner, "ann@example.com", "analyst")
    token = visit.post("/keys").text.partition('id="key-value" tabindex="0">')[2].partition("<")[0]
    assert gateway.once(gateway.settings.keys.find(token)).revoked_at is None
    user_id = gateway.once(ids(gateway))["ann@example.com"]
    assert owner.post(f"/members/{user_id}/remove").status_code == 303
    assert visit.get("/keys").status_code == 303
    assert gateway.once(gateway.settings.keys.find(token)).revoked_at is not None


def test_a_changed_role_ends_the_sessions_that_had_the_old_one(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    visit = joined(gateway, owner, "ann@example.com", "analyst")
    user_id = gateway.once(ids(gateway))["ann@example.com"]
    assert owner.post(f"/members/{user_id}/role", {"role": "viewer"}).status_code == 303
    assert visit.get("/keys").headers["location"].startswith("/sign-in")


def test_lines_7_and_8_nothing_of_another_organisation_is_seen_or_changed(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    found = gateway.once(other_organisation(gateway))

    def body(answer: Any) -> tuple[int, str]:
        token = re.compile(r'content="[^"]{20,}"|value="[^"]{30,}"')
        return answer.status_code, token.sub("", answer.text)

    reads = ["/keys/{}", "/decisions/{}"]
    for pattern, name in zip(reads, ("key", "decision"), strict=True):
        theirs, unknown = pattern.format(found[name]), pattern.format("nothing")
        assert body(owner.get(theirs)) == body(owner.get(unknown))
        assert owner.get(theirs).status_code == 404
    writes = [
        (f"/keys/{found['key']}/revoke", {}),
        (f"/keys/{found['key']}/rotate", {"overlap": "0"}),
        (f"/keys/{found['key']}", {"name": "stolen"}),
        (f"/reviews/{found['review']}", {"decision": "approve"}),
        ("/members/invitations/invite_b/withdraw", {}),
        ("/budgets", {"subject": "org_b", "amount": "0", "period": "month"}),
        ("/budgets", {"subject": "proj_b", "amount": "0", "period": "month"}),
        ("/budgets/drop", {"subject": found["key"], "period": "month"}),
        ("/keys", {"project": "proj_b"}),
    ]
    for path, fields in writes:
        assert owner.post(path, fields).status_code == 404, path
    for path in (f"/members/{found['user']}/remove", f"/members/{found['user']}/role"):
        assert owner.post(path, {"role": "viewer"}).status_code == 400
    for path in ("/keys", "/decisions", "/decisions?id=req_b", "/reviews", "/usage", "/members"):
        page = owner.get(path).text
        for value in ("secret of B", "only-in-b", "rev_b", "Bea", "bea@b.example"):
            assert value not in page, (path, value)
    record = gateway.once(gateway.settings.keys.get(found["key"]))
    assert (record.name, record.revoked_at) == ("secret of B", None)


def test_line_9_fields_that_are_not_asked_for_change_nothing(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    visit = joined(gateway, owner, "ann@example.com", "analyst")
    visit.post(
        "/account/profile",
        {"name": "Ann", "email": "ann@example.com", "role": "owner", "organisation_id": "org_b"},
    )
    assert "Analyst" in visit.get("/account").text
    visit.post("/keys", {"name": "k", "tier": "operator", "owner_user_id": "user_x"})
    keys = gateway.once(gateway.settings.keys.list())
    assert keys[-1].owner_user_id == gateway.once(ids(gateway))["ann@example.com"]


def test_a_key_may_get_its_budget_when_it_is_made(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    bad = owner.post("/keys", {"name": "k", "amount": "much", "period": "month"})
    assert bad.status_code == 400
    assert gateway.once(gateway.settings.keys.list()) == []
    assert owner.post("/keys", {"name": "k", "amount": "2.50", "period": "day"}).status_code == 200
    page = owner.get("/usage").text
    assert "$0.00 of $2.50 a day" in page
    (key,) = gateway.once(gateway.settings.keys.list())
    assert owner.post("/budgets/drop", {"subject": key.id, "period": "day"}).status_code == 303
    assert "$2.50" not in owner.get("/usage").text


@pytest.mark.parametrize("amount", ["", "x", "NaN", "1e999", "-5", "Infinity", "1e10"])
def test_an_amount_that_is_none_sets_no_budget(shared: Any, amount: str) -> None:
    owner = shared.client().sign_in()
    fields = {"subject": "org_default", "amount": amount, "period": "week"}
    assert owner.post("/budgets", fields).status_code == 400
    assert "a week" not in owner.get("/usage").text.partition("<dialog")[0]
