"""The administration, with OpenAI's names, so that its client drives it."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

import msgspec

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.permissions import BeyondReachError
from tyrian.gateway.accounts.rights import rights_of_key
from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.context import Endpoint, Receive, Scope, Send, context_of
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.responses import send_body
from tyrian.gateway.routes.admin.request import AdminRequest
from tyrian.gateway.routes.admin.table import NO_CHANNELS, Handler, routes_of
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.engine import Store
from tyrian.gateway.wire import Json

PATHS: Final = ("/organization/", "/projects/")
"""OpenAI's client asks for the roles of a project beside the organisation, not below it."""

MAX_BODY_BYTES: Final = 64 << 10
_NO_STORE: Final = ((b"cache-control", b"no-store"),)

_UNSERVED: Final = re.compile(
    r"organization/(certificates|data_retention|external_keys|external_storage"
    r"|workload_identity_providers|usage/.+|projects/[^/]+/(certificates"
    r"|data_retention|hosted_tool_permissions|service_tier_settings).*)(/.*)?"
)
"""What OpenAI's administration has and this one does not: told apart from what is no path."""


class AdminApi:
    """A layer that takes what lies below PATHS; everything else goes on."""

    def __init__(self, app: Endpoint, settings: Settings, keys: Keys, store: Store) -> None:
        self._app = app
        self._settings = settings
        self._store = store
        channels = settings.alert_channels or NO_CHANNELS
        self._routes = [
            (_pattern(path), route) for path, route in routes_of(store, keys, channels).items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        for prefix in ("/v1", "/compat/v1"):
            if path.startswith(tuple(prefix + below for below in PATHS)):
                await self._serve(path.removeprefix(prefix + "/"), scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "admin"
        method: str = scope["method"]
        permission = "admin.read" if method in ("GET", "HEAD") else "admin"
        key = await authenticate(scope, self._settings.keys, context, permission)
        handler, ids, needed = self._find(path, "GET" if method == "HEAD" else method)
        async with self._store.read() as session:
            rights = await rights_of_key(session, key)
        if not rights.may(needed, ids.get("project")):
            message = f"The owner of this key lacks the permission `{needed}`."
            raise ApiError(403, message, code="permission_denied")
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
        except BeyondReachError as error:
            raise ApiError(403, _sentence(error), code="permission_denied") from None
        except (ConfigError, InputError) as error:
            raise bad_request(_sentence(error)) from None
        await send_body(send, msgspec.json.encode(answer), headers=_NO_STORE)

    def _find(self, path: str, method: str) -> tuple[Handler, Mapping[str, str], str]:
        """What answers, the ids in the path, and the permission that it needs."""
        for pattern, route in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            handler = route.methods.get(method)
            if handler is None:
                allow = ((b"allow", ", ".join(sorted(route.methods)).encode()),)
                message = "This method is not allowed here."
                raise ApiError(405, message, code="method_not_allowed", headers=allow)
            return handler, found.groupdict(), route.read if method == "GET" else route.permission
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
