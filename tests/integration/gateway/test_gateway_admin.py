"""The administration, driven by the official client."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
import pytest
import pytest_asyncio
from tests.integration.gateway.organisation import Closing, joined

from tyrian.gateway.accounts.audit import COMMAND, verify
from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.prices import Price, PriceList
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import (
    DEFAULT_PROJECT,
    Organisation,
    Project,
)
from tyrian.gateway.tokens import KeyKind

HELLO: Any = [{"role": "user", "content": "hello"}]


@dataclass
class Site:
    """A gateway with accounts, and its database as somebody beside it sees it."""

    kit: Any
    port: int
    store: Store
    admin_value: str
    model_value: str

    @property
    def admin(self) -> Any:
        return self.client(self.admin_value).admin.organization

    def client(self, value: str = "") -> openai.OpenAI:
        made: openai.OpenAI = self.kit.client_of(self.port, value or self.model_value)
        return made

    def ask(self, value: str = "", **options: Any) -> Any:
        return self.client(value).chat.completions.create(
            model=self.kit.model, messages=HELLO, **options
        )


@pytest_asyncio.fixture
async def site(kit: Any, database_url: str) -> AsyncIterator[Site]:
    beside = Store.open(database_url)
    keys = Keys(beside)
    _, admin = await keys.create("boss", kind=KeyKind.ADMIN)
    _, model = await keys.create("app")
    store = Store.open(database_url)
    meter = AccountMeter(store, prices=PriceList({kit.model: Price.per_million(1000, 2000)}))
    port = await asyncio.to_thread(
        kit.start, keys=Keys(store), meter=meter, store=store, closing=Closing(meter, store)
    )
    yield Site(kit, port, beside, admin, model)
    await beside.close()


@pytest.fixture
def http(site: Site) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"http://127.0.0.1:{site.port}/v1/organization") as client:
        client.headers["authorization"] = f"Bearer {site.admin_value}"
        yield client


def test_admin_keys_are_made_shown_once_listed_and_deleted(site: Site) -> None:
    made = site.admin.admin_api_keys.create(name="second", expires_in_seconds=3_600)
    assert made.value.startswith("tyr_adm_")
    assert made.expires_at - made.created_at == 3_600
    listed = site.admin.admin_api_keys.list().data
    assert [key.name for key in listed] == ["boss", "second"]
    assert made.value not in repr(listed)
    assert site.admin.admin_api_keys.retrieve(made.id).redacted_value == made.redacted_value
    assert site.admin.admin_api_keys.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        site.admin.admin_api_keys.retrieve(made.id)


def test_model_keys_cannot_administer_and_admin_keys_cannot_ask_models(site: Site) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        site.client(site.model_value).admin.organization.projects.list()
    assert caught.value.code == "insufficient_scope"
    with pytest.raises(openai.PermissionDeniedError) as caught:
        site.ask(site.admin_value)
    assert caught.value.code == "insufficient_scope"


async def test_an_admin_key_that_only_reads_changes_nothing(site: Site) -> None:
    _, value = await Keys(site.store).create("eye", kind=KeyKind.ADMIN, scopes=["admin.read"])
    site.admin_value = value
    assert await asyncio.to_thread(site.admin.projects.list)
    with pytest.raises(openai.PermissionDeniedError):
        await asyncio.to_thread(site.admin.projects.create, name="new")


def test_projects_are_made_renamed_bounded_and_archived_with_their_keys(site: Site) -> None:
    project = site.admin.projects.create(name="first")
    assert site.admin.projects.update(project.id, name="renamed").name == "renamed"
    account = site.admin.projects.service_accounts.create(project.id, name="robot")
    value = account.api_key.value
    assert value.startswith("tyr_svc_")
    assert site.ask(value).choices
    permissions = site.admin.projects.model_permissions
    permissions.update(project.id, mode="deny_list", model_ids=[site.kit.model])
    assert permissions.retrieve(project.id).mode == "deny_list"
    time.sleep(1)
    with pytest.raises((openai.PermissionDeniedError, openai.NotFoundError)):
        site.ask(value)
    assert permissions.delete(project.id).deleted
    time.sleep(1)
    assert site.ask(value).choices
    assert site.admin.projects.archive(project.id).status == "archived"
    assert project.id not in [p.id for p in site.admin.projects.list()]
    assert project.id in [p.id for p in site.admin.projects.list(include_archived=True)]
    time.sleep(1)
    with pytest.raises(openai.AuthenticationError):
        site.ask(value)


def test_project_keys_are_listed_changed_and_deleted(site: Site) -> None:
    keys = site.admin.projects.api_keys
    (key,) = keys.list(DEFAULT_PROJECT).data
    assert key.name == "app"
    assert key.owner_project_access == "active"
    changed = keys.update(key.id, project_id=DEFAULT_PROJECT, scopes=["models.read"])
    assert changed.scopes == ["models.read"]
    time.sleep(1)
    with pytest.raises(openai.PermissionDeniedError):
        site.ask()
    assert keys.delete(key.id, project_id=DEFAULT_PROJECT).deleted
    with pytest.raises(openai.NotFoundError):
        keys.retrieve(key.id, project_id=DEFAULT_PROJECT)


def test_a_key_with_a_budget_is_made_in_one_step_and_rotated(
    site: Site, http: httpx2.Client
) -> None:
    path = f"/projects/{DEFAULT_PROJECT}/api_keys"
    wish = {"name": "small", "models": ["org/*"], "budget_usd": 0.0001, "expires_in_seconds": 60}
    made = http.post(path, json=wish).json()
    assert made["models"] == ["org/*"]
    with pytest.raises(openai.RateLimitError) as caught:
        site.ask(made["value"])
    assert caught.value.code == "insufficient_quota"
    assert caught.value.response.headers["x-should-retry"] == "false"
    rotated = http.post(f"{path}/{made['id']}/rotate", json={"overlap_seconds": 60}).json()
    assert rotated["id"] == made["id"]
    assert rotated["value"] != made["value"]


def test_service_accounts_end_with_their_keys(site: Site) -> None:
    accounts = site.admin.projects.service_accounts
    made = accounts.create(DEFAULT_PROJECT, name="robot")
    bare = accounts.create(DEFAULT_PROJECT, name="bare", create_service_account_only=True)
    assert bare.api_key is None
    assert [a.name for a in accounts.list(DEFAULT_PROJECT)] == ["robot", "bare"]
    owner = site.admin.projects.api_keys.retrieve(made.api_key.id, project_id=DEFAULT_PROJECT).owner
    assert owner.service_account.id == made.id
    assert accounts.delete(made.id, project_id=DEFAULT_PROJECT).deleted
    time.sleep(1)
    with pytest.raises(openai.AuthenticationError):
        site.ask(made.api_key.value)


def test_rate_limits_hold_and_are_told(site: Site) -> None:
    limits = site.admin.projects.rate_limits
    made = limits.update_rate_limit("rl-*", project_id=DEFAULT_PROJECT, max_requests_per_1_minute=2)
    assert made.max_requests_per_1_minute == 2
    assert [limit.model for limit in limits.list_rate_limits(DEFAULT_PROJECT)] == ["*"]
    time.sleep(1)
    raw = site.client().chat.completions.with_raw_response
    remaining = [
        raw.create(model=site.kit.model, messages=HELLO).headers["x-ratelimit-remaining-requests"]
        for _ in range(2)
    ]
    assert remaining == ["1", "0"]
    with pytest.raises(openai.RateLimitError) as caught:
        site.ask()
    headers = caught.value.response.headers
    assert caught.value.code == "rate_limit_exceeded"
    assert headers["x-ratelimit-limit-requests"] == "2"
    assert 55 <= int(headers["retry-after"]) <= 60


async def test_64_requests_at_a_budgets_edge_spend_not_a_cent_too_much(site: Site) -> None:
    limit = site.admin.projects.spend_limit
    await asyncio.to_thread(
        limit.update, DEFAULT_PROJECT, currency="USD", interval="month", threshold_amount=50
    )
    await asyncio.sleep(1)

    def ask() -> bool:
        try:
            return bool(site.ask(max_tokens=4).choices)
        except openai.RateLimitError as error:
            refused.add(error.code)
            return False

    refused: set[str | None] = set()

    found = await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(64)))
    await asyncio.sleep(1.5)
    # Three tokens in and four out, at 0.1 and 0.2 cents each.
    cost = 3 * 1_000_000 + 4 * 2_000_000
    budget = (await Budgets(site.store).of(DEFAULT_PROJECT))[0]
    assert budget.spent_nanos == sum(found) * cost <= 500_000_000
    assert budget.reserved_nanos == 0
    assert 0 < sum(found) < 64
    assert refused == {"insufficient_quota"}
    shown = await asyncio.to_thread(limit.retrieve, DEFAULT_PROJECT)
    assert shown.threshold_amount == 50
    assert (await asyncio.to_thread(limit.delete, DEFAULT_PROJECT)).deleted


def test_usage_and_costs_are_summed_by_what_is_asked_for(site: Site) -> None:
    started = int(time.time()) - 60
    for _ in range(3):
        site.ask()
    time.sleep(2)
    page = site.admin.usage.completions(
        start_time=started, bucket_width="1d", group_by=["model", "project_id"]
    )
    (result,) = [r for bucket in page.data for r in bucket.results]
    assert (result.input_tokens, result.output_tokens, result.num_model_requests) == (9, 12, 3)
    assert (result.model, result.project_id) == (site.kit.model, DEFAULT_PROJECT)
    costs = site.admin.usage.costs(start_time=started)
    (cost,) = [r for bucket in costs.data for r in bucket.results]
    assert cost.amount.value == pytest.approx(3 * 0.011)
    none = site.admin.usage.completions(start_time=started, project_ids=["proj_other"])
    assert [r for bucket in none.data for r in bucket.results] == []


async def test_users_and_invites(site: Site) -> None:
    people = list((await joined(site.store, ann="owner", bob="analyst")).values())
    admin = site.admin
    listed = await asyncio.to_thread(lambda: list(admin.users.list(limit=1)))
    assert [user.email for user in listed] == ["ann@example.com", "bob@example.com"]
    changed = await asyncio.to_thread(admin.users.update, people[1], role="reader")
    assert changed.role == "reader"
    project_users = admin.projects.users
    placed = await asyncio.to_thread(
        project_users.create, DEFAULT_PROJECT, user_id=people[1], role="member"
    )
    assert placed.email == "bob@example.com"
    _, value = await Keys(site.store).create("bob's", owner_user_id=people[1])
    assert (await asyncio.to_thread(site.ask, value)).choices
    assert (await asyncio.to_thread(admin.users.delete, people[1])).deleted
    await asyncio.sleep(1)
    with pytest.raises(openai.AuthenticationError):
        await asyncio.to_thread(site.ask, value)
    with pytest.raises(openai.BadRequestError, match="at least one owner"):
        await asyncio.to_thread(admin.users.delete, people[0])
    invite = await asyncio.to_thread(admin.invites.create, email="Eve@Example.com", role="reader")
    assert (invite.email, invite.status) == ("eve@example.com", "pending")
    assert [i.id for i in await asyncio.to_thread(lambda: list(admin.invites.list()))] == [
        invite.id
    ]
    assert (await asyncio.to_thread(admin.invites.delete, invite.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await asyncio.to_thread(admin.invites.retrieve, invite.id)


async def test_what_the_administration_does_is_in_the_chain(site: Site) -> None:
    project = await asyncio.to_thread(site.admin.projects.create, name="first")
    await asyncio.to_thread(site.admin.projects.archive, project.id)
    logs = site.admin.audit_logs
    found = await asyncio.to_thread(lambda: list(logs.list(limit=1)))
    assert [event.type for event in found] == [
        "project.archived", "project.created", "api_key.created", "api_key.created",
    ]  # fmt: skip
    assert found[0].actor.type == "api_key"
    only = await asyncio.to_thread(
        lambda: list(logs.list(event_types=["project.created"], project_ids=[project.id]))
    )
    assert [event.type for event in only] == ["project.created"]
    assert only[0].project_created.id == project.id
    checked = await verify(site.store)
    assert (checked.count, checked.faults) == (4, [])


async def test_nothing_of_another_organisation_can_be_seen_or_touched(
    site: Site, http: httpx2.Client
) -> None:
    async with site.store.write() as session:
        session.add(Organisation(id="org_b", name="b", created_at=1))
        await session.flush()
        session.add(Project(id="proj_b", organisation_id="org_b", name="b", created_at=1))
    keys = Keys(site.store)
    foreign, _ = await keys.create("b's", project_id="proj_b")
    _, admin_b = await keys.create("boss of b", kind=KeyKind.ADMIN, project_id="proj_b")
    own = (await keys.list(project_id=DEFAULT_PROJECT))[1]
    await Projects(site.store).create("org_b", "more", by=COMMAND)
    for project, key in (("proj_b", foreign.id), ("proj_none", "key_none")):
        paths = [
            ("GET", f"/projects/{project}", None),
            ("POST", f"/projects/{project}", {"name": "mine"}),
            ("POST", f"/projects/{project}/archive", None),
            ("GET", f"/projects/{project}/api_keys", None),
            ("POST", f"/projects/{project}/api_keys", {"name": "mine"}),
            ("GET", f"/projects/{project}/api_keys/{key}", None),
            ("POST", f"/projects/{project}/api_keys/{key}", {"name": "mine"}),
            ("DELETE", f"/projects/{project}/api_keys/{key}", None),
            ("POST", f"/projects/{project}/api_keys/{key}/rotate", None),
            ("GET", f"/projects/{DEFAULT_PROJECT}/api_keys/{key}", None),
            ("DELETE", f"/projects/{DEFAULT_PROJECT}/api_keys/{key}", None),
            ("POST", f"/projects/{project}/service_accounts", {"name": "mine"}),
            ("GET", f"/projects/{project}/spend_limit", None),
            ("POST", f"/projects/{project}/spend_limit", {"threshold_amount": 1}),
            ("GET", f"/projects/{project}/rate_limits", None),
            ("POST", f"/projects/{project}/rate_limits/rl-*", {"max_requests_per_1_minute": 1}),
            ("GET", f"/projects/{project}/users", None),
            ("GET", f"/projects/{project}/model_permissions", None),
        ]
        for method, path, body in paths:
            answer = await asyncio.to_thread(http.request, method, path, json=body)
            assert answer.status_code == 404, (method, path, answer.text)
            assert "_b" not in answer.text
    assert await keys.get(foreign.id) == foreign
    http.headers["authorization"] = f"Bearer {admin_b}"
    for path in ("/projects", "/audit_logs", "/admin_api_keys", "/users"):
        text = (await asyncio.to_thread(http.get, path)).text
        assert DEFAULT_PROJECT not in text
        assert own.id not in text


def test_fields_that_nobody_may_set_are_refused(http: httpx2.Client) -> None:
    for field in ("org_id", "organisation_id", "tier", "role", "spent", "is_admin", "owner"):
        answer = http.post(
            f"/projects/{DEFAULT_PROJECT}/api_keys", json={"name": "x", field: "operator"}
        )
        assert answer.status_code == 400
        answer = http.post("/projects", json={"name": "x", field: "operator"})
        assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/projects", {"name": "a\nb"}, 400),
        ("POST", "/projects", {"name": 7}, 400),
        ("POST", "/projects", {}, 400),
        ("POST", "/admin_api_keys", {"name": "x", "scopes": ["chat"]}, 400),
        ("POST", "/admin_api_keys", {"name": "x", "expires_in_seconds": -1}, 400),
        ("POST", "/admin_api_keys", {"name": "x", "expires_in_seconds": 10**400}, 400),
        ("POST", "/invites", {"email": "nobody", "role": "reader"}, 400),
        ("POST", "/spend_limit", {"threshold_amount": -1}, 400),
        ("POST", "/spend_limit", {"threshold_amount": 10**30}, 400),
        ("GET", "/projects?limit=0", None, 400),
        ("GET", "/projects?limit=9999999999999999999999", None, 400),
        ("GET", "/projects?after=proj_nothing", None, 400),
        ("GET", "/audit_logs?after=audit_log_nothing", None, 400),
        ("GET", "/usage/completions", None, 400),
        ("GET", "/usage/completions?start_time=1&group_by=password", None, 400),
        ("GET", "/costs?start_time=999999999999999", None, 200),
        ("PUT", "/projects", {"name": "x"}, 405),
        ("GET", "/certificates", None, 501),
        ("GET", "/usage/images?start_time=1", None, 501),
        ("GET", "/nothing", None, 404),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_envelope(
    http: httpx2.Client, method: str, path: str, body: Any, status: int
) -> None:
    answer = http.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["error"]["message"]
