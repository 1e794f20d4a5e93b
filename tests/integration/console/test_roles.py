"""Roles, groups and spend alerts in the console: made, given, and kept from who may not."""

import re
from typing import Any

from sqlalchemy import select
from tests.integration.console.test_members import ids, joined, other_organisation

from tyrian.gateway.accounts.alerts import Alerts, Wish
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.store.models.organisations import DEFAULT_ORGANISATION
from tyrian.gateway.store.models.roles import CustomRole, PeopleGroup
from tyrian.gateway.store.models.spending import SpendAlert

ONLY_AUDIT = {"name": "Auditor", "permission": "audit.read"}


async def first_id(gateway: Any, table: Any) -> str:
    async with gateway.store.read() as session:
        found: str = await session.scalar(select(table.id).order_by(table.created_at.desc()))
        return found


def defined(gateway: Any, owner: Any, **fields: str) -> str:
    assert owner.post("/roles", {**ONLY_AUDIT, **fields}).status_code == 303
    return str(gateway.once(first_id(gateway, CustomRole)))


def test_a_role_that_is_given_opens_what_it_permits_and_no_more(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    visit = joined(gateway, owner, "vic@example.com", "viewer")
    vic = gateway.once(ids(gateway))["vic@example.com"]
    budget = {"subject": "org_default", "amount": "5", "period": "month"}
    assert visit.post("/budgets", budget).status_code == 403
    assert "Set a budget" not in visit.get("/usage").text
    role = defined(gateway, owner, name="Accountant", permission="budgets.manage")
    assert owner.post(f"/members/{vic}/roles", {"role": f"|{role}"}).status_code == 303
    assert "Accountant" in visit.get("/members").text
    assert visit.post("/budgets", budget).status_code == 303
    assert "Set a budget" in visit.get("/usage").text
    for path, fields in (
        ("/members/invite", {"email": "x@example.com", "role": "viewer"}),
        ("/roles", ONLY_AUDIT),
        ("/groups", {"name": "g"}),
        ("/keys", {"name": "k"}),
    ):
        assert visit.post(path, fields).status_code == 403, path
    assert owner.post(f"/members/{vic}/roles/drop", {"role": f"|{role}"}).status_code == 303
    assert visit.post("/budgets", budget).status_code == 403


def test_a_role_that_lets_try_models_opens_the_playground(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    visit = joined(gateway, owner, "vic@example.com", "viewer")
    vic = gateway.once(ids(gateway))["vic@example.com"]
    assert visit.get("/playground").status_code == 403
    assert "/playground" not in visit.get("/").text
    role = defined(gateway, owner, name="Tester", permission="models.try")
    assert owner.post(f"/members/{vic}/roles", {"role": f"|{role}"}).status_code == 303
    assert visit.get("/playground").status_code == 200
    assert "/playground" in visit.get("/").text
    assert visit.post("/playground/key", {}).status_code == 403
    give = {"role": "proj_default|role_project_member"}
    assert owner.post(f"/members/{vic}/roles", give).status_code == 303
    assert visit.post("/playground/key", {}).status_code == 201


def test_a_place_in_a_project_counts_there_alone(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    visit = joined(gateway, owner, "vic@example.com", "viewer")
    vic = gateway.once(ids(gateway))["vic@example.com"]
    give = {"role": "proj_default|role_project_owner"}
    assert owner.post(f"/members/{vic}/roles", give).status_code == 303
    assert visit.post("/keys", {"name": "k"}).status_code == 200
    month = {"amount": "5", "period": "month"}
    assert visit.post("/budgets", {"subject": "proj_default", **month}).status_code == 303
    assert visit.post("/budgets", {"subject": "org_default", **month}).status_code == 403
    assert visit.post("/keys", {"kind": "adm"}).status_code == 400
    alert = {"amount": "5", "recipients": ""}
    assert visit.post("/spend-alerts", {"subject": "proj_default", **alert}).status_code == 303
    assert visit.post("/spend-alerts", {"subject": "org_default", **alert}).status_code == 403


def test_groups_are_filled_renamed_and_deleted_on_the_page(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    assert "No groups yet" in owner.get("/members").text
    visit = joined(gateway, owner, "ann@example.com", "viewer")
    ann = gateway.once(ids(gateway))["ann@example.com"]
    assert owner.post("/groups", {"name": "Watch"}).status_code == 303
    group = gateway.once(first_id(gateway, PeopleGroup))
    assert "Nobody is in it yet." in owner.get("/members").text
    assert owner.post(f"/groups/{group}/people", {"user": ann}).status_code == 303
    assert owner.post(f"/groups/{group}/roles", {"role": "|role_analyst"}).status_code == 303
    assert visit.post("/keys", {"name": "k"}).status_code == 200
    assert owner.post(f"/groups/{group}/name", {"name": "Night watch"}).status_code == 303
    assert "Night watch" in visit.get("/members").text
    assert owner.post(f"/groups/{group}/people/drop", {"user": ann}).status_code == 303
    assert visit.post("/keys", {"name": "k"}).status_code == 403
    assert owner.post(f"/groups/{group}/delete").status_code == 303
    assert "Night watch" not in owner.get("/members").text


def test_nobody_reaches_above_their_own_rights(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    admin = joined(gateway, owner, "adam@example.com", "admin")
    found = gateway.once(ids(gateway))
    adam, boss = found["adam@example.com"], found["owner@localhost"]
    crown = defined(gateway, owner, name="Crown", permission="owners.manage")
    owner.post("/groups", {"name": "Crowned"})
    group = gateway.once(first_id(gateway, PeopleGroup))
    owner.post(f"/groups/{group}/roles", {"role": f"|{crown}"})
    for path, fields in (
        (f"/members/{adam}/roles", {"role": f"|{crown}"}),
        (f"/members/{adam}/roles", {"role": "|role_owner"}),
        (f"/members/{boss}/roles/drop", {"role": "|role_owner"}),
        (f"/groups/{group}/people", {"user": adam}),
        (f"/groups/{group}/roles/drop", {"role": f"|{crown}"}),
        (f"/groups/{group}/delete", {}),
        ("/roles", {"name": "Mine", "permission": "owners.manage"}),
        (f"/roles/{crown}", {"name": "Mine", "permission": "audit.read"}),
        (f"/roles/{crown}/delete", {}),
        ("/members/invite", {"email": "eve@example.com", "role": "owner"}),
    ):
        assert admin.post(path, fields).status_code == 400, path
    page = admin.get("/members").text
    assert f'value="|{crown}"' not in page
    assert "which you do not hold" in admin.post("/roles/" + crown + "/delete").text
    last = owner.post(f"/members/{boss}/roles/drop", {"role": "|role_owner"})
    assert "at least one owner" in last.text


def test_an_admin_key_of_somebody_above_is_not_rotated_into_ones_hands(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    admin = joined(gateway, owner, "adam@example.com", "admin")
    owner.post("/keys", {"name": "root", "kind": "adm"})
    (key,) = gateway.once(gateway.settings.keys.list())
    assert admin.post(f"/keys/{key.id}/rotate", {"overlap": "0"}).status_code == 403
    assert owner.post(f"/keys/{key.id}/rotate", {"overlap": "0"}).status_code == 200


def test_groups_roles_and_alerts_of_others_are_as_if_they_were_not(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    gateway.once(other_organisation(gateway))
    group = gateway.once(Groups(gateway.store).create("org_b", "only-in-b"))
    role = gateway.once(RoleBook(gateway.store).create("org_b", "only-in-b", ["audit.read"]))
    alert = gateway.once(Alerts(gateway.store).create("org_b", Wish(77, ("bea@b.example",))))
    mine = gateway.once(ids(gateway))["owner@localhost"]

    def answers(group: str, role: str, alert: str, project: str, user: str) -> list[Any]:
        calls: tuple[tuple[str, dict[str, str]], ...] = (
            (f"/groups/{group}/name", {"name": "mine"}),
            (f"/groups/{group}/delete", {}),
            (f"/groups/{group}/people", {"user": mine}),
            (f"/groups/{group}/roles", {"role": "|role_viewer"}),
            (f"/roles/{role}", {"name": "mine", "permission": "audit.read"}),
            (f"/roles/{role}/delete", {}),
            (f"/members/{mine}/roles", {"role": f"|{role}"}),
            (f"/members/{mine}/roles", {"role": f"{project}|role_project_owner"}),
            (f"/members/{user}/roles", {"role": "|role_admin"}),
            (f"/spend-alerts/{alert}/delete", {}),
            ("/spend-alerts", {"subject": project, "amount": "5"}),
        )
        found = [owner.post(path, fields) for path, fields in calls]
        token = re.compile(r'content="[^"]{20,}"|value="[^"]{30,}"')
        return [(one.status_code, token.sub("", one.text)) for one in found]

    foreign = answers(group.id, role.id, alert.id, "proj_b", "user_b")
    assert foreign == answers("group_x", "role_x", "alert_x", "proj_x", "user_x")
    assert {status for status, _ in foreign} == {400, 404}
    for path in ("/members", "/usage"):
        text = owner.get(path).text
        assert "only-in-b" not in text
        assert "bea@b.example" not in text
    assert gateway.once(Alerts(gateway.store).get("org_b", alert.id)) is not None


def test_alerts_are_added_and_deleted_and_the_page_says_who_is_told(gateway: Any) -> None:
    owner = gateway.client().sign_in()
    page = owner.get("/usage").text
    assert "No alert is set." in page
    assert "no mail server" in page
    fields = {"subject": "org_default", "amount": "25", "recipients": "a@x.example, b@x.example"}
    assert owner.post("/spend-alerts", fields).status_code == 303
    page = owner.get("/usage").text
    assert "Everything: $25.00 a month" in page
    assert "to a@x.example, b@x.example" in page
    assert "Not reached" in page
    alert = gateway.once(first_id(gateway, SpendAlert))
    for wrong in ({"amount": "nothing"}, {"amount": "-5"}, {"recipients": "nobody"}):
        assert owner.post("/spend-alerts", {**fields, **wrong}).status_code == 400
    assert owner.post(f"/spend-alerts/{alert}/delete").status_code == 303
    assert "No alert is set." in owner.get("/usage").text
    assert gateway.once(Alerts(gateway.store).list(DEFAULT_ORGANISATION)) == []


def test_the_forms_work_by_keyboard_and_every_field_has_a_name(shared: Any, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(shared.link())
    page.wait_for_url(f"{shared.url}/")
    page.goto(f"{shared.url}/members")
    page.get_by_role("button", name="New role").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="New role")
    dialog.get_by_label("Name").fill("Auditor")
    dialog.get_by_label("Read the audit log").check()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The role is defined.")
    page.get_by_role("button", name="New group").click()
    page.get_by_role("dialog", name="New group").get_by_label("Name").fill("Watch")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The group is made.")
    page.get_by_role("button", name="People in Watch").click()
    page.get_by_role("dialog", name="Watch").get_by_role("button", name="Put in").click()
    page.wait_for_selector("text=The group is changed.")
    page.get_by_role("button", name="Roles of Watch").click()
    dialog = page.get_by_role("dialog", name="Roles of Watch")
    dialog.get_by_label("Give a role").select_option(label="Auditor")
    dialog.get_by_role("button", name="Give it").click()
    page.wait_for_selector("text=The role is given.")
    page.goto(f"{shared.url}/usage")
    page.get_by_role("button", name="Add an alert").click()
    dialog = page.get_by_role("dialog", name="Add an alert")
    dialog.get_by_label("Dollars a month").fill("25")
    dialog.get_by_role("button", name="Add it").click()
    page.wait_for_selector("text=The alert is set.")
    for path in ("/members", "/usage"):
        page.goto(f"{shared.url}{path}")
        nameless = page.eval_on_selector_all(
            "main input:not([type=hidden]), main select, main button",
            "all => all.filter(e => !(e.labels?.length || e.textContent.trim()"
            " || e.getAttribute('aria-label'))).map(e => e.outerHTML)",
        )
        assert nameless == []
        repeated = page.eval_on_selector_all(
            "[id]", "all => all.map(e => e.id).filter((id, i, ids) => ids.indexOf(id) !== i)"
        )
        assert repeated == []
    assert faults == []
    context.close()
