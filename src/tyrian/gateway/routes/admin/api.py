"""/v1/organization: the administration, with OpenAI's names, so that its client drives it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import parse_qs

import msgspec

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.context import Endpoint, Receive, Scope, Send, context_of
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.responses import send_body
from tyrian.gateway.routes.admin.keys import KeyRoutes
from tyrian.gateway.routes.admin.logs import LogRoutes
from tyrian.gateway.routes.admin.money import MoneyRoutes
from tyrian.gateway.routes.admin.people import PeopleRoutes
from tyrian.gateway.routes.admin.projects import ProjectRoutes
from tyrian.gateway.routes.admin.request import AdminRequest
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.engine import Store
from tyrian.gateway.wire import Json

Handler = Callable[[AdminRequest], Awaitable[Json]]

PATH: Final = "/organization/"
MAX_BODY_BYTES: Final = 64 << 10
_NO_STORE: Final = ((b"cache-control", b"no-store"),)

_UNSERVED: Final = re.compile(
    r"(certificates|data_retention|external_keys|external_storage|groups|roles|spend_alerts"
    r"|workload_identity_providers|usage/.+|users/[^/]+/roles.*|projects/[^/]+/(certificates"
    r"|data_retention|groups|hosted_tool_permissions|service_tier_settings|spend_alerts).*)(/.*)?"
)
"""What OpenAI's administration has and this one does not: told apart from what is no path."""


def routes_of(store: Store, keys: Keys) -> Mapping[str, Mapping[str, Handler]]:
    """Handlers by path, below `/organization/`, and method."""
    own, projects, people = KeyRoutes(store, keys), ProjectRoutes(store), PeopleRoutes(store)
    money, logs = MoneyRoutes(store), LogRoutes(store)
    project = "projects/{project}"
    limit = {"GET": money.get_limit, "POST": money.set_limit, "DELETE": money.drop_limit}
    return {
        "admin_api_keys": {"GET": own.list_admin, "POST": own.create_admin},
        "admin_api_keys/{key}": {"GET": own.get_admin, "DELETE": own.delete_admin},
        "projects": {"GET": projects.list, "POST": projects.create},
        project: {"GET": projects.get, "POST": projects.update},
        f"{project}/archive": {"POST": projects.archive},
        f"{project}/model_permissions": {
            "GET": projects.get_models,
            "POST": projects.set_models,
            "DELETE": projects.drop_models,
        },
        f"{project}/rate_limits": {"GET": projects.list_limits},
        f"{project}/rate_limits/{{limit}}": {"POST": projects.set_limit},
        f"{project}/spend_limit": limit,
        "spend_limit": limit,
        f"{project}/api_keys": {"GET": own.list, "POST": own.create},
        f"{project}/api_keys/{{key}}": {
            "GET": own.get,
            "POST": own.update,
            "DELETE": own.delete,
        },
        f"{project}/api_keys/{{key}}/rotate": {"POST": own.rotate},
        f"{project}/service_accounts": {"GET": own.list_accounts, "POST": own.create_account},
        f"{project}/service_accounts/{{account}}": {
            "GET": own.get_account,
            "DELETE": own.delete_account,
        },
        f"{project}/service_accounts/{{account}}/api_keys": {"POST": own.create_account_key},
        "users": {"GET": people.list},
        "users/{user}": {"GET": people.get, "POST": people.update, "DELETE": people.delete},
        f"{project}/users": {"GET": people.list_in_project, "POST": people.add_to_project},
        f"{project}/users/{{user}}": {
            "GET": people.get_in_project,
            "POST": people.update_in_project,
            "DELETE": people.delete_from_project,
        },
        "invites": {"GET": people.list_invites, "POST": people.create_invite},
        "invites/{invite}": {"GET": people.get_invite, "DELETE": people.delete_invite},
        "usage/completions": {"GET": money.completions},
        "usage/moderations": {"GET": money.moderations},
        "costs": {"GET": money.costs},
        "audit_logs": {"GET": logs.list},
    }


class AdminApi:
    """A layer that takes what lies below `/organization/`; everything else goes on."""

    def __init__(self, app: Endpoint, settings: Settings, keys: Keys, store: Store) -> None:
        self._app = app
        self._settings = settings
        self._routes = [
            (_pattern(path), methods) for path, methods in routes_of(store, keys).items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        for prefix in ("/v1", "/compat/v1"):
            if path.startswith(prefix + PATH):
                await self._serve(path[len(prefix + PATH) :], scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "admin"
        method: str = scope["method"]
        permission = "admin.read" if method in ("GET", "HEAD") else "admin"
        key = await authenticate(scope, self._settings.keys, context, permission)
        handler, ids = self._find(path, "GET" if method == "HEAD" else method)
        body: Json = {}
        if method == "POST":
            limits = self._settings.limits
            if _has_body(scope):
                _, body = await read_json(
                    scope, receive, limit=MAX_BODY_BYTES, timeout_s=limits.body_s
                )
        address = (scope.get("client") or ("",))[0]
        by = Actor("api_key", key.id, address=address)
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=500)
        try:
            answer = await handler(AdminRequest(key, by, ids, query, body))
        except (ConfigError, InputError) as error:
            raise bad_request(_sentence(error)) from None
        await send_body(send, msgspec.json.encode(answer), headers=_NO_STORE)

    def _find(self, path: str, method: str) -> tuple[Handler, Mapping[str, str]]:
        for pattern, methods in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            handler = methods.get(method)
            if handler is None:
                allow = ((b"allow", ", ".join(sorted(methods)).encode()),)
                message = "This method is not allowed here."
                raise ApiError(405, message, code="method_not_allowed", headers=allow)
            return handler, found.groupdict()
        if _UNSERVED.fullmatch(path):
            message = "This gateway does not serve this part of the administration."
            raise ApiError(501, message, code="not_implemented")
        raise ApiError(404, "There is no such route.", code="not_found")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]{1,200})", path))


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def _sentence(error: ConfigError | InputError) -> str:
    text = f"{error.message[:1].upper()}{error.message[1:]}"
    return f"{text}: {error.hint}." if error.hint else f"{text}."
