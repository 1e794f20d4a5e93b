"""Admin keys, project keys and service accounts, in the shapes of OpenAI's administration."""

import time
from collections.abc import Sequence
from typing import Any

from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.keys import Change, Keys
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.prices import NANOS_PER_USD
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.scopes import MODEL_SCOPES
from tyrian.gateway.errors import bad_request
from tyrian.gateway.routes.admin.request import (
    MAX_SECONDS,
    AdminRequest,
    deleted,
    not_found,
    page_of,
)
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import DEFAULT_PROJECT, ServiceAccount, User
from tyrian.gateway.tokens import KeyKind
from tyrian.gateway.wire import Json


class KeyRoutes:
    """`/admin_api_keys`, `/projects/{p}/api_keys` and `/projects/{p}/service_accounts`"""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._keys = keys
        self._people = People(store)
        self._projects = Projects(store)
        self._budgets = Budgets(store)

    async def list_admin(self, request: AdminRequest) -> Json:
        """GET /organization/admin_api_keys"""
        return page_of(request, await self._admin_keys(request), _admin_key)

    async def create_admin(self, request: AdminRequest) -> Json:
        """POST /organization/admin_api_keys"""
        request.only("name", "expires_in_seconds", "scopes")
        projects = await self._projects.list(request.organisation_id)
        home = next((p for p in projects if p.archived_at is None), None)
        record, value = await self._keys.create(
            request.text("name"),
            kind=KeyKind.ADMIN,
            scopes=request.texts("scopes"),
            expires_in_s=request.number("expires_in_seconds", least=1, most=MAX_SECONDS),
            project_id=home.id if home else DEFAULT_PROJECT,
            # Its maker's: a key that were nobody's could do everything.
            owner_user_id=request.key.owner_user_id,
            by=request.by,
        )
        return {**_admin_key(record), "value": value}

    async def get_admin(self, request: AdminRequest) -> Json:
        """GET /organization/admin_api_keys/{key}"""
        return _admin_key(await self._admin_key(request))

    async def delete_admin(self, request: AdminRequest) -> Json:
        """DELETE /organization/admin_api_keys/{key}"""
        record = await self._admin_key(request)
        await self._keys.revoke(record.id, by=request.by)
        return deleted("organization.admin_api_key", record.id)

    async def list(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/api_keys"""
        owners = await self._owners(request)
        wanted = (request.asked("owner_project_access") or ["any"])[-1]
        keys = [k for k in await self._project_keys(request) if k.revoked_at is None]
        shaped = [_project_key(key, owners) for key in keys]
        fitting = [k for k in shaped if wanted in ("any", k["owner_project_access"])]
        return page_of(request, fitting, dict)

    async def create(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/api_keys; ours, for keys without a console."""
        request.only(
            "name", "expires_in_seconds", "scopes", "models", "networks", "kind", "budget_usd",
            "budget_period", "owner_user_id",
        )  # fmt: skip
        await self._project(request)
        kinds = {kind.value: kind for kind in KeyKind if kind is not KeyKind.ADMIN}
        kind = kinds.get(request.text("kind", default="live"))
        if kind is None:
            raise bad_request(f"`kind` must be one of {', '.join(kinds)}.", param="kind")
        owner = request.body.get("owner_user_id")
        if (
            owner is not None
            and await self._people.get(request.organisation_id, str(owner)) is None
        ):
            raise bad_request("There is no such member.", param="owner_user_id")
        budget = request.body.get("budget_usd")
        if budget is not None and not _is_amount(budget):
            raise bad_request("`budget_usd` must be an amount of dollars.", param="budget_usd")
        record, value = await self._keys.create(
            request.text("name"),
            kind=kind,
            scopes=request.texts("scopes"),
            models=request.texts("models"),
            networks=request.texts("networks"),
            expires_in_s=request.number("expires_in_seconds", least=1, most=MAX_SECONDS),
            project_id=request.ids["project"],
            owner_user_id=None if owner is None else str(owner),
            by=request.by,
        )
        if isinstance(budget, int | float):
            nanos = int(budget * NANOS_PER_USD)
            period = request.text("budget_period", default="month")
            await self._budgets.set(record.id, nanos, period, by=request.by)
        return {**_project_key(record, await self._owners(request)), "value": value}

    async def get(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/api_keys/{key}"""
        return _project_key(await self._project_key(request), await self._owners(request))

    async def update(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/api_keys/{key}"""
        request.only("expires_in_seconds", "scopes", "name", "models")
        record = await self._project_key(request)
        life_s = request.number("expires_in_seconds", least=1, most=MAX_SECONDS)
        scopes, models = request.texts("scopes"), request.texts("models")
        change = Change(
            name=request.text("name") if "name" in request.body else None,
            scopes=None if scopes is None else frozenset(scopes or MODEL_SCOPES),
            models=None if models is None else tuple(models),
            expires_at=None if life_s is None else int(time.time()) + life_s,
        )
        changed = await self._keys.change(record.id, change, by=request.by)
        return _project_key(changed, await self._owners(request))

    async def rotate(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/api_keys/{key}/rotate; ours."""
        request.only("overlap_seconds")
        record = await self._project_key(request)
        overlap_s = request.number("overlap_seconds", most=30 * 86_400) or 0
        rotated, value = await self._keys.rotate(record.id, overlap_s=overlap_s, by=request.by)
        return {**_project_key(rotated, await self._owners(request)), "value": value}

    async def delete(self, request: AdminRequest) -> Json:
        """DELETE /organization/projects/{project}/api_keys/{key}"""
        record = await self._project_key(request)
        await self._keys.revoke(record.id, by=request.by)
        return deleted("organization.project.api_key", record.id)

    async def list_accounts(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/service_accounts"""
        await self._project(request)
        return page_of(request, await self._accounts(request), _account)

    async def create_account(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/service_accounts"""
        request.only("name", "create_service_account_only", "expires_in_seconds")
        await self._project(request)
        is_bare = request.flag("create_service_account_only")
        life_s = request.number("expires_in_seconds", least=1, most=MAX_SECONDS)
        account = await self._people.add_service_account(
            request.organisation_id,
            request.ids["project"],
            request.text("name"),
            "none" if is_bare else "member",
            by=request.by,
        )
        key = None if is_bare else await self._key_for(request, account, life_s)
        return {**_account(account), "api_key": key}

    async def create_account_key(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/service_accounts/{account}/api_keys"""
        request.only("name", "scopes", "expires_in_seconds")
        account = await self._account(request)
        life_s = request.number("expires_in_seconds", least=1, most=MAX_SECONDS)
        return await self._key_for(request, account, life_s)

    async def get_account(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/service_accounts/{account}"""
        return _account(await self._account(request))

    async def delete_account(self, request: AdminRequest) -> Json:
        """DELETE /organization/projects/{project}/service_accounts/{account}"""
        account = await self._account(request)
        await self._people.delete_service_account(
            request.organisation_id, request.ids["project"], account.id, by=request.by
        )
        return deleted("organization.project.service_account", account.id)

    async def _key_for(
        self, request: AdminRequest, account: ServiceAccount, life_s: int | None
    ) -> Json:
        record, value = await self._keys.create(
            request.text("name", default=account.name),
            kind=KeyKind.SERVICE,
            scopes=request.texts("scopes"),
            expires_in_s=life_s,
            project_id=account.project_id,
            owner_service_account_id=account.id,
            by=request.by,
        )
        return {
            "object": "organization.project.service_account.api_key",
            "id": record.id,
            "name": record.name,
            "created_at": record.created_at,
            "expires_at": record.expires_at,
            "value": value,
        }

    async def _admin_keys(self, request: AdminRequest) -> Sequence[KeyRecord]:
        keys = await self._keys.list(organisation_id=request.organisation_id)
        return [k for k in keys if k.kind is KeyKind.ADMIN and k.revoked_at is None]

    async def _admin_key(self, request: AdminRequest) -> KeyRecord:
        wanted = request.ids["key"]
        found = next((k for k in await self._admin_keys(request) if k.id == wanted), None)
        if found is None:
            raise not_found("admin key")
        return found

    async def _project(self, request: AdminRequest) -> None:
        if await self._projects.get(request.organisation_id, request.ids["project"]) is None:
            raise not_found("project")

    async def _project_keys(self, request: AdminRequest) -> Sequence[KeyRecord]:
        await self._project(request)
        keys = await self._keys.list(project_id=request.ids["project"])
        return [key for key in keys if key.kind is not KeyKind.ADMIN]

    async def _project_key(self, request: AdminRequest) -> KeyRecord:
        wanted = request.ids["key"]
        for key in await self._project_keys(request):
            if key.id == wanted and key.revoked_at is None:
                return key
        raise not_found("key")

    async def _accounts(self, request: AdminRequest) -> Sequence[ServiceAccount]:
        return await self._people.service_accounts(request.organisation_id, request.ids["project"])

    async def _account(self, request: AdminRequest) -> ServiceAccount:
        wanted = request.ids["account"]
        found = next((a for a in await self._accounts(request) if a.id == wanted), None)
        if found is None:
            raise not_found("service account")
        return found

    async def _owners(self, request: AdminRequest) -> dict[str, Any]:
        """People and service accounts by their ids."""
        people = await self._people.list(request.organisation_id)
        owners: dict[str, Any] = {user.id: (user, place.role) for user, place in people}
        owners |= {account.id: account for account in await self._accounts(request)}
        return owners


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10**9


def _admin_key(key: KeyRecord) -> Json:
    return {
        "object": "organization.admin_api_key",
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "owner": {"type": "user", "object": "organization.user", "id": key.owner_user_id},
        "scopes": sorted(key.scopes),
    }


def _project_key(key: KeyRecord, owners: dict[str, Any]) -> Json:
    owner: Json = {"type": None}
    user: tuple[User, str] | None = owners.get(key.owner_user_id or "")
    account: ServiceAccount | None = owners.get(key.owner_service_account_id or "")
    if user is not None:
        person, role = user
        shown = {
            "id": person.id,
            "email": person.email,
            "name": person.name,
            "created_at": person.created_at,
            "role": role,
        }
        owner = {"type": "user", "user": shown}
    elif account is not None:
        shown = {
            "id": account.id,
            "name": account.name,
            "created_at": account.created_at,
            "role": account.role,
        }
        owner = {"type": "service_account", "service_account": shown}
    return {
        "object": "organization.project.api_key",
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "owner": owner,
        "owner_project_access": "inactive" if key.disabled_at is not None else "active",
        "kind": str(key.kind),
        "tier": key.tier,
        "scopes": sorted(key.scopes),
        "models": None if key.models is None else list(key.models),
        "networks": None if key.networks is None else list(key.networks),
    }


def _account(account: ServiceAccount) -> Json:
    return {
        "object": "organization.project.service_account",
        "id": account.id,
        "name": account.name,
        "role": account.role,
        "created_at": account.created_at,
    }
