"""Groups, roles and spend alerts, driven by the official client; and who may not do what."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import openai
import pytest
import pytest_asyncio
from sqlalchemy import select

from tyrian.gateway.accounts.assignments import Assignments, Holder
from tyrian.gateway.accounts.audit import COMMAND, verify
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.prices import Price, PriceList
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.alert_channels import Channels
from tyrian.gateway.alert_courier import Courier
from tyrian.gateway.reviews import Reviews
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.audit import AuditEvent
from tyrian.gateway.store.models.organisations import (
    DEFAULT_ORGANISATION,
    DEFAULT_PROJECT,
    Membership,
    Organisation,
    Project,
    User,
)
from tyrian.gateway.store.models.reviews import Review
from tyrian.gateway.store.models.spending import FiredAlert
from tyrian.gateway.tokens import KeyKind
from tyrian.gateway.webhook import SIGNATURE, Webhook, signature

Actions = tuple[Callable[[], Any], ...]
HELLO: Any = [{"role": "user", "content": "hello"}]
CHANNEL: Any = {"type": "email", "recipients": ["cfo@example.com"], "subject_prefix": "[money]"}


class Receiver:
    """A server that is told of events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.signatures: list[tuple[str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.signatures.append((self.headers[SIGNATURE], body))
                outer.events.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Closing:
    def __init__(self, *those: Any) -> None:
        self._those = those

    async def close(self) -> None:
        for one in self._those:
            await one.close()


@dataclass
class Site:
    """Two workers of one gateway with accounts, and its database as somebody beside it sees it."""

    kit: Any
    ports: list[int]
    store: Store
    root_value: str
    model_value: str
    people: dict[str, str]
    receiver: Receiver
    url: str
    """Of the database."""

    def client(self, value: str = "") -> Any:
        value = value or self.root_value
        client = openai.OpenAI(
            admin_api_key=value,
            api_key=value,
            base_url=f"http://127.0.0.1:{self.ports[0]}/v1",
            max_retries=0,
        )
        self.kit._clients.append(client)
        return client.admin.organization

    async def key_of(self, name: str) -> Any:
        """The client with an admin key of somebody's."""
        _, value = await Keys(self.store).create(
            f"{name}'s", kind=KeyKind.ADMIN, owner_user_id=self.people[name]
        )
        return self.client(value)


@pytest_asyncio.fixture
async def site(kit: Any, database_url: str) -> AsyncIterator[Site]:
    beside = Store.open(database_url)
    keys = Keys(beside)
    _, root = await keys.create("root", kind=KeyKind.ADMIN)
    _, model = await keys.create("app")
    roles = {"olga": "owner", "adam": "admin", "ann": "analyst", "vic": "viewer"}
    people = {}
    async with beside.write() as session:
        for place, (name, role) in enumerate(roles.items()):
            user = User(id=new_id("user"), email=f"{name}@example.com", name=name, created_at=place)
            session.add(user)
            await session.flush()
            session.add(
                Membership(
                    id=new_id("mem"),
                    organisation_id=DEFAULT_ORGANISATION,
                    user_id=user.id,
                    role=role,
                    created_at=place,
                )
            )
            people[name] = user.id
    receiver = Receiver()
    ports = []
    for _ in range(2):
        store = Store.open(database_url)
        courier = Courier(store, poll_s=0.5)
        webhook = Webhook(f"http://127.0.0.1:{receiver.server.server_port}/", "secret")
        meter = AccountMeter(
            store,
            prices=PriceList({kit.model: Price.per_million(1000, 2000)}),
            on_fired=courier.fired,
        )
        ports.append(
            await asyncio.to_thread(
                kit.start,
                keys=Keys(store),
                meter=meter,
                store=store,
                spend_alerts=courier,
                alert_channels=Channels(webhook=webhook),
                closing=Closing(meter, store),
            )
        )
    yield Site(kit, ports, beside, root, model, people, receiver, database_url)
    await beside.close()
    receiver.close()


def test_groups_are_made_renamed_filled_and_deleted(site: Site) -> None:
    groups = site.client().groups
    made = groups.create(name="Red team")
    other = groups.create(name="Blue team")
    assert (made.group_type, made.is_scim_managed) == ("group", False)
    assert groups.update(made.id, name="Purple team").name == "Purple team"
    assert groups.retrieve(made.id).name == "Purple team"
    assert [group.id for group in groups.list(limit=1)] == [made.id, other.id]
    assert [group.id for group in groups.list(order="desc").data] == [other.id, made.id]
    added = groups.users.create(made.id, user_id=site.people["ann"])
    assert (added.group_id, added.user_id) == (made.id, site.people["ann"])
    groups.users.create(made.id, user_id=site.people["ann"])
    groups.users.create(made.id, user_id=site.people["vic"])
    assert [user.name for user in groups.users.list(made.id, limit=1)] == ["ann", "vic"]
    assert groups.users.retrieve(site.people["ann"], group_id=made.id).email == "ann@example.com"
    assert groups.users.delete(site.people["ann"], group_id=made.id).deleted
    with pytest.raises(openai.NotFoundError):
        groups.users.retrieve(site.people["ann"], group_id=made.id)
    with pytest.raises(openai.BadRequestError, match="Another group has this name"):
        groups.create(name="purple TEAM")
    assert groups.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        groups.retrieve(made.id)


def test_roles_are_defined_changed_and_deleted_and_the_predefined_stay(site: Site) -> None:
    roles = site.client().roles
    predefined = roles.list().data
    assert [role.name for role in predefined] == ["reader", "analyst", "admin", "owner"]
    assert all(role.predefined_role for role in predefined)
    made = roles.create(
        role_name="Auditor", permissions=["audit.read", "keys.manage"], description="Looks on"
    )
    assert (made.resource_type, made.predefined_role) == ("api.organization", False)
    changed = roles.update(made.id, permissions=["audit.read"], role_name="Reader of logs")
    assert (changed.name, changed.permissions) == ("Reader of logs", ["audit.read"])
    assert changed.description == "Looks on"
    assert [role.id for role in roles.list(limit=2)][-1] == made.id
    for unfit in (["everything"], [], ["chat"]):
        with pytest.raises(openai.BadRequestError):
            roles.create(role_name="Odd", permissions=unfit)
    for name in ("owner", "READER", "reader of logs"):
        with pytest.raises(openai.BadRequestError, match="has this name"):
            roles.create(role_name=name, permissions=["audit.read"])
    for role in predefined:
        with pytest.raises(openai.BadRequestError, match="stays as it is"):
            roles.update(role.id, permissions=["audit.read"])
        with pytest.raises(openai.BadRequestError, match="stays as it is"):
            roles.delete(role.id)
    assert roles.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        roles.retrieve(made.id)


async def test_a_role_means_what_it_permits_and_taking_it_ends_that(site: Site) -> None:
    root, vic = site.client(), await site.key_of("vic")

    def run() -> None:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            vic.projects.create(name="mine")
        assert caught.value.code == "permission_denied"
        with pytest.raises(openai.PermissionDeniedError):
            vic.audit_logs.list()
        assert vic.projects.list().data
        role = root.roles.create(role_name="Builder", permissions=["projects.manage"])
        given = root.users.roles.create(site.people["vic"], role_id=role.id)
        assert (given.object, given.user.id, given.role.id) == (
            "user.role", site.people["vic"], role.id,
        )  # fmt: skip
        assert vic.projects.create(name="mine").name == "mine"
        held = root.users.roles.list(site.people["vic"])
        assert [(role.name, role.predefined_role) for role in held] == [
            ("Builder", False), ("reader", True),
        ]  # fmt: skip
        assert root.users.roles.retrieve(role.id, user_id=site.people["vic"]).name == "Builder"
        assert root.users.roles.delete(role.id, user_id=site.people["vic"]).deleted
        with pytest.raises(openai.PermissionDeniedError):
            vic.projects.create(name="more")
        with pytest.raises(openai.NotFoundError):
            root.users.roles.delete(role.id, user_id=site.people["vic"])

    await asyncio.to_thread(run)


async def test_groups_hand_their_roles_on_until_one_leaves(site: Site) -> None:
    root, vic = site.client(), await site.key_of("vic")

    def run() -> None:
        role = root.roles.create(role_name="Logs", permissions=["audit.read"])
        group = root.groups.create(name="Auditors")
        given = root.groups.roles.create(group.id, role_id=role.id)
        assert (given.object, given.group.id, given.role.id) == ("group.role", group.id, role.id)
        assert [r.id for r in root.groups.roles.list(group.id)] == [role.id]
        assert root.groups.roles.retrieve(role.id, group_id=group.id).permissions == ["audit.read"]
        root.groups.users.create(group.id, user_id=site.people["vic"])
        assert vic.audit_logs.list().data
        inherited = root.users.roles.retrieve(role.id, user_id=site.people["vic"])
        assert [(s.principal_type, s.principal_id) for s in inherited.assignment_sources] == [
            ("group", group.id)
        ]
        with pytest.raises(openai.NotFoundError):
            root.users.roles.delete(role.id, user_id=site.people["vic"])
        root.groups.users.delete(site.people["vic"], group_id=group.id)
        with pytest.raises(openai.PermissionDeniedError):
            vic.audit_logs.list()
        root.groups.users.create(group.id, user_id=site.people["vic"])
        assert root.groups.roles.delete(role.id, group_id=group.id).deleted
        with pytest.raises(openai.PermissionDeniedError):
            vic.audit_logs.list()

    await asyncio.to_thread(run)


async def test_a_role_in_one_project_permits_nothing_in_another(site: Site) -> None:
    root, ann = site.client(), await site.key_of("ann")

    def run() -> None:
        first, second = (root.projects.create(name=name) for name in ("first", "second"))
        role = root.projects.roles.create(
            first.id, role_name="Keeper", permissions=["keys.manage", "budgets.manage"]
        )
        assert role.resource_type == "api.project"
        assert [r.name for r in root.projects.roles.list(first.id)] == [
            "member", "owner", "Keeper",
        ]  # fmt: skip
        assert (
            root.projects.roles.update(
                role.id, project_id=first.id, description="Keeps"
            ).description
            == "Keeps"
        )
        with pytest.raises(openai.NotFoundError):
            root.projects.roles.retrieve(role.id, project_id=second.id)
        with pytest.raises(openai.NotFoundError):
            root.users.roles.create(site.people["ann"], role_id=role.id)
        with pytest.raises(openai.BadRequestError):
            root.projects.roles.create(
                first.id, role_name="Too much", permissions=["owners.manage"]
            )
        in_project = root.projects.users.roles
        in_project.create(site.people["ann"], project_id=first.id, role_id=role.id)
        assert ann.projects.service_accounts.create(first.id, name="robot").name == "robot"
        actions: Actions = (
            lambda: ann.projects.service_accounts.create(second.id, name="robot"),
            lambda: ann.projects.update(first.id, name="other"),
            lambda: ann.admin_api_keys.create(name="root of all"),
        )
        for action in actions:
            with pytest.raises(openai.PermissionDeniedError):
                action()
        held = in_project.list(site.people["ann"], project_id=first.id)
        assert [r.name for r in held] == ["Keeper"]
        assert in_project.retrieve(role.id, project_id=first.id, user_id=site.people["ann"]).id
        in_project.delete(role.id, project_id=first.id, user_id=site.people["ann"])
        with pytest.raises(openai.PermissionDeniedError):
            ann.projects.service_accounts.create(first.id, name="again")
        placed = in_project.create(
            site.people["ann"], project_id=first.id, role_id="role_project_owner"
        )
        assert placed.role.name == "owner"
        assert root.projects.users.retrieve(site.people["ann"], project_id=first.id).role == "owner"
        assert ann.projects.update(first.id, name="hers").name == "hers"

    await asyncio.to_thread(run)


async def test_groups_have_places_in_projects(site: Site) -> None:
    root, vic = site.client(), await site.key_of("vic")

    def run() -> None:
        group = root.groups.create(name="Builders")
        root.groups.users.create(group.id, user_id=site.people["vic"])
        groups = root.projects.groups
        placed = groups.create(DEFAULT_PROJECT, group_id=group.id, role="owner")
        assert (placed.group_name, placed.project_id) == ("Builders", DEFAULT_PROJECT)
        assert [g.group_id for g in groups.list(DEFAULT_PROJECT)] == [group.id]
        assert groups.retrieve(group.id, project_id=DEFAULT_PROJECT).group_id == group.id
        assert [r.name for r in groups.roles.list(group.id, project_id=DEFAULT_PROJECT)] == [
            "owner"
        ]
        assert vic.projects.service_accounts.create(DEFAULT_PROJECT, name="robot")
        role = root.projects.roles.create(
            DEFAULT_PROJECT, role_name="Money", permissions=["budgets.manage"]
        )
        groups.roles.create(group.id, project_id=DEFAULT_PROJECT, role_id=role.id)
        assert groups.roles.retrieve(role.id, project_id=DEFAULT_PROJECT, group_id=group.id).id
        assert groups.roles.delete(role.id, project_id=DEFAULT_PROJECT, group_id=group.id).deleted
        assert groups.delete(group.id, project_id=DEFAULT_PROJECT).deleted
        with pytest.raises(openai.NotFoundError):
            groups.retrieve(group.id, project_id=DEFAULT_PROJECT)
        with pytest.raises(openai.PermissionDeniedError):
            vic.projects.service_accounts.create(DEFAULT_PROJECT, name="another")

    await asyncio.to_thread(run)


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


def test_changes_stand_in_the_chain_in_the_clients_own_types(site: Site) -> None:
    root = site.client()
    role = root.roles.create(role_name="Logs", permissions=["audit.read"])
    group = root.groups.create(name="Auditors")
    root.groups.roles.create(group.id, role_id=role.id)
    root.groups.users.create(group.id, user_id=site.people["ann"])
    root.groups.delete(group.id)
    root.roles.delete(role.id)
    events = [e for e in root.audit_logs.list(limit=100) if not e.type.startswith("api_key")]
    assert [event.type for event in reversed(events)] == [
        "role.created", "group.created", "role.assignment.created", "group.updated",
        "group.deleted", "role.deleted",
    ]  # fmt: skip
    assert events[3].role_assignment_created.principal_id == group.id
    assert events[5].role_created.id == role.id


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
