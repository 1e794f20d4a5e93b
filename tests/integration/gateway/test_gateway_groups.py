"""Groups, driven by the official client."""

import asyncio

import openai
import pytest
from tests.integration.gateway.organisation import Site

from tyrian.gateway.store.models.organisations import (
    DEFAULT_PROJECT,
)


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
