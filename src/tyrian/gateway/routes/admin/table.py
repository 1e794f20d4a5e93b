"""Every route of the administration, with the permission that its changes need."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.alert_channels import Channels
from tyrian.gateway.routes.admin.alerts import AlertRoutes
from tyrian.gateway.routes.admin.groups import GroupRoutes
from tyrian.gateway.routes.admin.keys import KeyRoutes
from tyrian.gateway.routes.admin.logs import LogRoutes
from tyrian.gateway.routes.admin.money import MoneyRoutes
from tyrian.gateway.routes.admin.people import PeopleRoutes
from tyrian.gateway.routes.admin.projects import ProjectRoutes
from tyrian.gateway.routes.admin.request import AdminRequest
from tyrian.gateway.routes.admin.roles import RoleRoutes
from tyrian.gateway.store.engine import Store
from tyrian.gateway.wire import Json

Handler = Callable[[AdminRequest], Awaitable[Json]]
Methods = Mapping[str, Handler]

READ: Final = "organization.read"
NO_CHANNELS: Final = Channels()


@dataclass(frozen=True, slots=True)
class AdminRoute:
    """The handlers of one path."""

    methods: Methods
    permission: str
    """What a change needs."""
    read: str = READ
    """What looking needs."""


def routes_of(
    store: Store, keys: Keys, channels: Channels = NO_CHANNELS
) -> Mapping[str, AdminRoute]:
    """All of them by path, below the version."""
    found: dict[str, AdminRoute] = {}
    for permission, paths in (
        ("keys.manage", _keys(KeyRoutes(store, keys))),
        ("projects.manage", _projects(ProjectRoutes(store))),
        ("members.manage", _people(PeopleRoutes(store))),
        ("members.manage", _groups(GroupRoutes(store))),
        ("members.manage", _held_roles(RoleRoutes(store))),
        ("roles.manage", _roles(RoleRoutes(store))),
        ("budgets.manage", _money(MoneyRoutes(store))),
        ("budgets.manage", _alerts(AlertRoutes(store, channels))),
    ):
        found |= {path: AdminRoute(methods, permission) for path, methods in paths.items()}
    logs = LogRoutes(store)
    found["organization/audit_logs"] = AdminRoute(
        {"GET": logs.list}, "audit.read", read="audit.read"
    )
    return found


_ORGANISATION: Final = "organization"
_PROJECT: Final = "organization/projects/{project}"


def _keys(own: KeyRoutes) -> Mapping[str, Methods]:
    accounts = f"{_PROJECT}/service_accounts"
    return {
        "organization/admin_api_keys": {"GET": own.list_admin, "POST": own.create_admin},
        "organization/admin_api_keys/{key}": {"GET": own.get_admin, "DELETE": own.delete_admin},
        f"{_PROJECT}/api_keys": {"GET": own.list, "POST": own.create},
        f"{_PROJECT}/api_keys/{{key}}": {
            "GET": own.get,
            "POST": own.update,
            "DELETE": own.delete,
        },
        f"{_PROJECT}/api_keys/{{key}}/rotate": {"POST": own.rotate},
        accounts: {"GET": own.list_accounts, "POST": own.create_account},
        f"{accounts}/{{account}}": {"GET": own.get_account, "DELETE": own.delete_account},
        f"{accounts}/{{account}}/api_keys": {"POST": own.create_account_key},
    }


def _projects(projects: ProjectRoutes) -> Mapping[str, Methods]:
    return {
        "organization/projects": {"GET": projects.list, "POST": projects.create},
        _PROJECT: {"GET": projects.get, "POST": projects.update},
        f"{_PROJECT}/archive": {"POST": projects.archive},
        f"{_PROJECT}/model_permissions": {
            "GET": projects.get_models,
            "POST": projects.set_models,
            "DELETE": projects.drop_models,
        },
        f"{_PROJECT}/rate_limits": {"GET": projects.list_limits},
        f"{_PROJECT}/rate_limits/{{limit}}": {"POST": projects.set_limit},
    }


def _people(people: PeopleRoutes) -> Mapping[str, Methods]:
    return {
        "organization/users": {"GET": people.list},
        "organization/users/{user}": {
            "GET": people.get,
            "POST": people.update,
            "DELETE": people.delete,
        },
        f"{_PROJECT}/users": {"GET": people.list_in_project, "POST": people.add_to_project},
        f"{_PROJECT}/users/{{user}}": {
            "GET": people.get_in_project,
            "POST": people.update_in_project,
            "DELETE": people.delete_from_project,
        },
        "organization/invites": {"GET": people.list_invites, "POST": people.create_invite},
        "organization/invites/{invite}": {
            "GET": people.get_invite,
            "DELETE": people.delete_invite,
        },
    }


def _groups(groups: GroupRoutes) -> Mapping[str, Methods]:
    return {
        "organization/groups": {"GET": groups.list, "POST": groups.create},
        "organization/groups/{group}": {
            "GET": groups.get,
            "POST": groups.update,
            "DELETE": groups.delete,
        },
        "organization/groups/{group}/users": {"GET": groups.list_users, "POST": groups.add_user},
        "organization/groups/{group}/users/{user}": {
            "GET": groups.get_user,
            "DELETE": groups.remove_user,
        },
        f"{_PROJECT}/groups": {"GET": groups.list_in_project, "POST": groups.add_to_project},
        f"{_PROJECT}/groups/{{group}}": {
            "GET": groups.get_in_project,
            "DELETE": groups.remove_from_project,
        },
    }


def _held_roles(roles: RoleRoutes) -> Mapping[str, Methods]:
    found: dict[str, Methods] = {}
    for place in (_ORGANISATION, "projects/{project}"):
        for holder in ("users/{user}", "groups/{group}"):
            path = f"{place}/{holder}/roles"
            found[path] = {"GET": roles.list_held, "POST": roles.give}
            found[f"{path}/{{role}}"] = {"GET": roles.get_held, "DELETE": roles.take}
    return found


def _roles(roles: RoleRoutes) -> Mapping[str, Methods]:
    found: dict[str, Methods] = {}
    for place in (_ORGANISATION, "projects/{project}"):
        found[f"{place}/roles"] = {"GET": roles.list, "POST": roles.create}
        found[f"{place}/roles/{{role}}"] = {
            "GET": roles.get,
            "POST": roles.update,
            "DELETE": roles.delete,
        }
    return found


def _money(money: MoneyRoutes) -> Mapping[str, Methods]:
    limit = {"GET": money.get_limit, "POST": money.set_limit, "DELETE": money.drop_limit}
    return {
        "organization/spend_limit": limit,
        f"{_PROJECT}/spend_limit": limit,
        "organization/usage/completions": {"GET": money.completions},
        "organization/usage/moderations": {"GET": money.moderations},
        "organization/costs": {"GET": money.costs},
    }


def _alerts(alerts: AlertRoutes) -> Mapping[str, Methods]:
    found: dict[str, Methods] = {}
    for place in (_ORGANISATION, _PROJECT):
        found[f"{place}/spend_alerts"] = {"GET": alerts.list, "POST": alerts.create}
        found[f"{place}/spend_alerts/{{alert}}"] = {
            "GET": alerts.get,
            "POST": alerts.update,
            "DELETE": alerts.delete,
        }
    return found
