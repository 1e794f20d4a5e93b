"""Nobody gives, takes or sees what is beyond their own rights."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.integration.gateway.organisation import Closing, Site

from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.audit import COMMAND
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.holdings import Holder
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.reviews import Reviews
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import (
    DEFAULT_ORGANISATION,
    Membership,
    Organisation,
    Project,
    User,
)
from tyrian.gateway.store.models.reviews import Review
from tyrian.gateway.tokens import KeyKind

Actions = tuple[Callable[[], Any], ...]
CHANNEL: Any = {"type": "email", "recipients": ["cfo@example.com"], "subject_prefix": "[money]"}


async def test_nobody_grants_takes_or_changes_more_than_they_hold(site: Site) -> None:
    root, adam = site.client(), await site.key_of("adam")
    olga, own, vic = site.people["olga"], site.people["adam"], site.people["vic"]

    def run() -> None:
        strong = root.roles.create(role_name="Crown", permissions=["owners.manage"])
        crowned = root.groups.create(name="Crowned")
        root.groups.roles.create(crowned.id, role_id=strong.id)
        weak = adam.roles.create(role_name="Weak", permissions=["audit.read"])
        attempts: Actions = (
            lambda: adam.roles.create(role_name="Mine", permissions=["owners.manage"]),
            lambda: adam.roles.update(weak.id, permissions=["owners.manage"]),
            lambda: adam.roles.update(strong.id, permissions=["audit.read"]),
            lambda: adam.roles.delete(strong.id),
            lambda: adam.users.roles.create(own, role_id=strong.id),
            lambda: adam.users.roles.create(own, role_id="role_owner"),
            lambda: adam.users.update(own, role="owner"),
            lambda: adam.users.update(own, role_id=strong.id),
            lambda: adam.users.update(olga, role="reader"),
            lambda: adam.users.delete(olga),
            lambda: adam.users.roles.delete("role_owner", user_id=olga),
            lambda: adam.groups.users.create(crowned.id, user_id=own),
            lambda: adam.groups.roles.delete(strong.id, group_id=crowned.id),
            lambda: adam.groups.delete(crowned.id),
            lambda: adam.invites.create(email="eve@example.com", role="owner"),
        )
        for place, attempt in enumerate(attempts):
            with pytest.raises(openai.PermissionDeniedError) as caught:
                attempt()
            assert caught.value.code == "permission_denied", place
        root.groups.users.create(crowned.id, user_id=vic)
        with pytest.raises(openai.PermissionDeniedError):
            adam.users.delete(vic)
        with pytest.raises(openai.PermissionDeniedError):
            adam.groups.users.delete(vic, group_id=crowned.id)

    await asyncio.to_thread(run)


async def test_an_admin_key_makes_no_key_that_may_do_more(site: Site) -> None:
    adam = await site.key_of("adam")
    made = await asyncio.to_thread(adam.admin_api_keys.create, name="second")
    second = site.client(made.value)
    with pytest.raises(openai.PermissionDeniedError):
        await asyncio.to_thread(second.users.update, site.people["adam"], role="owner")
    await asyncio.to_thread(site.client().users.update, site.people["adam"], role="reader")
    with pytest.raises(openai.PermissionDeniedError):
        await asyncio.to_thread(second.groups.create, name="late")


async def test_the_last_owner_stays_one_by_every_way(site: Site) -> None:
    root, olga = site.client(), site.people["olga"]

    def run() -> None:
        attempts: Actions = (
            lambda: root.users.roles.delete("role_owner", user_id=olga),
            lambda: root.users.update(olga, role="reader"),
            lambda: root.users.delete(olga),
        )
        for attempt in attempts:
            with pytest.raises(openai.BadRequestError, match="at least one owner"):
                attempt()
        root.users.roles.create(site.people["adam"], role_id="role_owner")
        assert root.users.retrieve(site.people["adam"]).role == "owner"
        assert root.users.roles.delete("role_owner", user_id=olga).deleted
        assert root.users.retrieve(olga).role == "reader"
        with pytest.raises(openai.BadRequestError, match="holds that role already"):
            root.users.roles.create(site.people["adam"], role_id="role_analyst")

    await asyncio.to_thread(run)


async def test_two_owners_who_step_down_at_once_leave_one(site: Site) -> None:
    people = People(site.store)
    await people.set_role(DEFAULT_ORGANISATION, site.people["adam"], "owner")
    results = await asyncio.gather(
        *(
            people.set_role(DEFAULT_ORGANISATION, site.people[name], "viewer")
            for name in ("olga", "adam")
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Exception) for result in results) == 1
    left = await people.list(DEFAULT_ORGANISATION)
    assert [place.role for _, place in left].count("owner") == 1


async def test_groups_roles_and_alerts_of_another_organisation_are_as_if_they_were_not(
    site: Site,
) -> None:
    async with site.store.write() as session:
        session.add(Organisation(id="org_b", name="b", created_at=1))
        await session.flush()
        session.add(Project(id="proj_b", organisation_id="org_b", name="b", created_at=1))
        session.add(User(id="user_b", email="b@b.example", name="b", created_at=1))
        await session.flush()
        session.add(
            Membership(
                id="mem_b", organisation_id="org_b", user_id="user_b", role="owner", created_at=1
            )
        )
    group = await Groups(site.store).create("org_b", "theirs", by=COMMAND)
    role = await RoleBook(site.store).create("org_b", "theirs", ["audit.read"])
    await Assignments(site.store).give("org_b", Holder("group", group.id), role.id)
    _, admin_b = await Keys(site.store).create("b", kind=KeyKind.ADMIN, project_id="proj_b")
    alert = await asyncio.to_thread(
        site.client(admin_b).spend_alerts.create,
        currency="USD", interval="month", threshold_amount=5, notification_channel=CHANNEL,
    )  # fmt: skip
    own_group = await asyncio.to_thread(site.client().groups.create, name="ours")
    own_role = await RoleBook(site.store).create(DEFAULT_ORGANISATION, "ours", ["audit.read"])
    ours, own = own_group.id, site.people["ann"]
    wish = {"threshold_amount": 5, "notification_channel": CHANNEL}

    def answers(group: str, role: str, alert: str, project: str, user: str) -> list[Any]:
        o = "/organization"
        calls = [
            ("GET", f"{o}/groups/{group}", None),
            ("POST", f"{o}/groups/{group}", {"name": "mine"}),
            ("DELETE", f"{o}/groups/{group}", None),
            ("GET", f"{o}/groups/{group}/users", None),
            ("POST", f"{o}/groups/{group}/users", {"user_id": own}),
            ("POST", f"{o}/groups/{ours}/users", {"user_id": user}),
            ("GET", f"{o}/groups/{group}/users/{user}", None),
            ("DELETE", f"{o}/groups/{group}/users/{user}", None),
            ("GET", f"{o}/groups/{group}/roles", None),
            ("POST", f"{o}/groups/{group}/roles", {"role_id": own_role.id}),
            ("POST", f"{o}/groups/{ours}/roles", {"role_id": role}),
            ("GET", f"{o}/groups/{group}/roles/{role}", None),
            ("DELETE", f"{o}/groups/{group}/roles/{role}", None),
            ("GET", f"{o}/roles/{role}", None),
            ("POST", f"{o}/roles/{role}", {"role_name": "mine"}),
            ("DELETE", f"{o}/roles/{role}", None),
            ("GET", f"{o}/users/{user}/roles", None),
            ("POST", f"{o}/users/{user}/roles", {"role_id": own_role.id}),
            ("POST", f"{o}/users/{own}/roles", {"role_id": role}),
            ("GET", f"{o}/users/{own}/roles/{role}", None),
            ("DELETE", f"{o}/users/{own}/roles/{role}", None),
            ("POST", f"{o}/users/{own}", {"role_id": role}),
            ("GET", f"/projects/{project}/roles", None),
            ("POST", f"/projects/{project}/roles", {"role_name": "x", "permissions": ["keys.own"]}),
            ("GET", f"/projects/{project}/users/{own}/roles", None),
            ("POST", f"/projects/{project}/users/{own}/roles", {"role_id": "role_project_owner"}),
            ("GET", f"/projects/{project}/groups/{ours}/roles", None),
            ("GET", f"{o}/projects/{project}/groups", None),
            ("POST", f"{o}/projects/{project}/groups", {"group_id": ours, "role": "owner"}),
            ("POST", f"{o}/projects/proj_default/groups", {"group_id": group, "role": "owner"}),
            ("DELETE", f"{o}/projects/{project}/groups/{ours}", None),
            ("GET", f"{o}/spend_alerts/{alert}", None),
            ("POST", f"{o}/spend_alerts/{alert}", wish),
            ("DELETE", f"{o}/spend_alerts/{alert}", None),
            ("GET", f"{o}/projects/{project}/spend_alerts", None),
            ("POST", f"{o}/projects/{project}/spend_alerts", wish),
        ]
        headers = {"authorization": f"Bearer {site.root_value}"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{site.ports[0]}/v1") as http:
            found = [http.request(m, path, json=body, headers=headers) for m, path, body in calls]
        assert [
            (c[0], c[1]) for c, f in zip(calls, found, strict=True) if f.status_code != 404
        ] == []
        return [answer.json() for answer in found]

    foreign = await asyncio.to_thread(answers, group.id, role.id, alert.id, "proj_b", "user_b")
    unknown = await asyncio.to_thread(
        answers, "group_none", "role_none", "alert_none", "proj_none", "user_none"
    )
    assert foreign == unknown
    assert await Groups(site.store).get("org_b", group.id) is not None
    shown = await asyncio.to_thread(lambda: site.client().groups.list().data)
    assert [g.id for g in shown] == [ours]


async def test_reviews_are_decided_where_the_keys_owner_may_and_never_elsewhere(
    site: Site,
) -> None:
    async with site.store.write() as session:
        session.add(Organisation(id="org_b", name="b", created_at=1))
        await session.flush()
        session.add(Project(id="proj_b", organisation_id="org_b", name="b", created_at=1))
    keys = Keys(site.store)
    foreign, _ = await keys.create("b's", project_id="proj_b")
    own = next(key for key in await keys.list() if key.name == "app")
    now = int(time.time())
    async with site.store.write() as session:
        session.add_all(
            Review(
                id=f"rev_{number}",
                key_id=key_id,
                digest=bytes([number]) * 32,
                status="pending",
                stage="output",
                policy="p",
                request_id="req",
                payload={"calls": [], "reasons": [], "message": None},
                created_at=now,
                expires_at=now + 900,
            )
            for number, key_id in ((1, own.id), (2, foreign.id))
        )
    opened = Store.open(site.url)
    port = await asyncio.to_thread(
        site.kit.start, keys=Keys(opened), store=opened, reviews=Reviews(opened), closing=opened
    )
    _, vics = await keys.create("v", kind=KeyKind.ADMIN, owner_user_id=site.people["vic"])
    _, anns = await keys.create("a", kind=KeyKind.ADMIN, owner_user_id=site.people["ann"])
    approve = {"decision": "approve"}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1") as http:

        async def ask(method: str, path: str, value: str, body: Any = None) -> Any:
            headers = {"authorization": f"Bearer {value}"}
            return await http.request(method, f"/reviews{path}", headers=headers, json=body)

        listed = (await ask("GET", "", site.root_value)).json()["data"]
        assert [review["id"] for review in listed] == ["rev_1"]
        for path in ("/rev_2", "/rev_none"):
            assert (await ask("GET", path, site.root_value)).status_code == 404
            assert (await ask("POST", path, site.root_value, approve)).status_code == 404
        refused = await ask("POST", "/rev_1", vics, approve)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
        assert (await ask("POST", "/rev_1", anns, approve)).status_code == 200


class Interrupted(Store):
    """A store in which something happens just before the next change begins."""

    before: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        if (happens := self.before) is not None:
            self.before = None
            await happens()
        async with super().write() as session:
            yield session


async def test_a_right_taken_away_between_the_look_and_the_change_is_not_used(site: Site) -> None:
    store, keys = Interrupted.open(site.url), Store.open(site.url)
    port = await asyncio.to_thread(
        site.kit.start, keys=Keys(keys), store=store, closing=Closing(store, keys)
    )
    people, own, vic = People(site.store), site.people["adam"], site.people["vic"]
    _, value = await Keys(site.store).create("a", kind=KeyKind.ADMIN, owner_user_id=own)

    async def demote() -> None:
        # On the gateway's own loop.
        async with Store.write(store) as session:
            await session.execute(
                update(Membership).where(Membership.user_id == own).values(role="viewer")
            )

    headers = {"authorization": f"Bearer {value}"}
    url = f"http://127.0.0.1:{port}/v1/organization"
    async with httpx2.AsyncClient(base_url=url, headers=headers) as http:
        for path, body in (
            ("/groups", {"name": "late"}),
            ("/roles", {"role_name": "late", "permissions": ["audit.read"]}),
            (f"/users/{vic}", {"role": "admin"}),
            (f"/users/{vic}/roles", {"role_id": "role_admin"}),
            ("/projects/proj_default/users", {"user_id": vic, "role": "owner"}),
            ("/invites", {"email": "eve@example.com", "role": "admin"}),
        ):
            await people.set_role(DEFAULT_ORGANISATION, own, "admin")
            store.before = demote
            answer = await http.post(path, json=body)
            assert (answer.status_code, path) == (403, path)
            assert answer.json()["error"]["code"] == "permission_denied"
            assert store.before is None
