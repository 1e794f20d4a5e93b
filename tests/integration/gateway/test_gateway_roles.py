"""Roles and who has them, driven by the official client."""

import asyncio
from collections.abc import Callable
from typing import Any

import openai
import pytest
from tests.integration.gateway.organisation import Site

Actions = tuple[Callable[[], Any], ...]


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
