"""Roles and who has them, in the shapes of OpenAI's administration."""

from typing import Final

from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.holdings import Held, Holder, Holdings, Kind
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.accounts.roles import RoleRecord
from tyrian.gateway.errors import bad_request
from tyrian.gateway.routes.admin.people import TO_WIRE, user_json
from tyrian.gateway.routes.admin.request import AdminRequest, cursor_page, not_found
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.roles import PeopleGroup
from tyrian.gateway.wire import Json

_MOST: Final = 1_000


class RoleRoutes:
    """`/organization/roles`, `/projects/{p}/roles`, and the `roles` of users and groups."""

    def __init__(self, store: Store) -> None:
        self._roles = RoleBook(store)
        self._assignments = Assignments(store)
        self._holdings = Holdings(store)
        self._people = People(store)
        self._groups = Groups(store)
        self._projects = Projects(store)

    async def list(self, request: AdminRequest) -> Json:
        """GET /organization/roles and /projects/{project}/roles"""
        found = await self._roles.list(request.organisation_id, await self._project(request))
        return cursor_page(request, found, role_json, _id, default=_MOST, most=_MOST)

    async def create(self, request: AdminRequest) -> Json:
        """POST to the same"""
        request.only("role_name", "permissions", "description")
        permissions = request.texts("permissions")
        if permissions is None:
            raise bad_request("`permissions` is missing.", param="permissions")
        made = await self._roles.create(
            request.organisation_id,
            request.text("role_name"),
            permissions,
            description=request.optional_text("description"),
            project_id=await self._project(request),
            by=request.by,
        )
        return role_json(made)

    async def get(self, request: AdminRequest) -> Json:
        """GET /organization/roles/{role} and /projects/{project}/roles/{role}"""
        return role_json(await self._role(request))

    async def update(self, request: AdminRequest) -> Json:
        """POST to the same"""
        request.only("role_name", "permissions", "description")
        role = await self._role(request)
        changed = await self._roles.update(
            request.organisation_id,
            role.id,
            name=request.optional_text("role_name"),
            permissions=request.texts("permissions"),
            description=request.optional_text("description"),
            project_id=request.ids.get("project"),
            by=request.by,
        )
        return role_json(changed)

    async def delete(self, request: AdminRequest) -> Json:
        """DELETE of the same"""
        role = await self._role(request)
        await self._roles.delete(
            request.organisation_id,
            role.id,
            project_id=request.ids.get("project"),
            by=request.by,
        )
        return {"object": "role.deleted", "id": role.id, "deleted": True}

    async def list_held(self, request: AdminRequest) -> Json:
        """GET .../users/{user}/roles and .../groups/{group}/roles"""
        holder, project_id, _ = await self._holder(request)
        found = await self._holdings.of(request.organisation_id, holder, project_id)
        return cursor_page(request, found, held_json, _id_of_held, default=100, most=_MOST)

    async def get_held(self, request: AdminRequest) -> Json:
        """GET .../roles/{role} of the same"""
        holder, project_id, _ = await self._holder(request)
        for held in await self._holdings.of(request.organisation_id, holder, project_id):
            if held.role.id == request.ids["role"]:
                return held_json(held)
        raise not_found("role")

    async def give(self, request: AdminRequest) -> Json:
        """POST .../users/{user}/roles and .../groups/{group}/roles"""
        request.only("role_id")
        holder, project_id, _ = await self._holder(request)
        wanted = request.text("role_id")
        if await self._roles.get(request.organisation_id, wanted, project_id) is None:
            raise not_found("role")
        role = await self._assignments.give(
            request.organisation_id,
            holder,
            wanted,
            project_id=project_id,
            by=request.by,
        )
        _, _, shown = await self._holder(request)
        return {"object": f"{holder.kind}.role", holder.kind: shown, "role": role_json(role)}

    async def take(self, request: AdminRequest) -> Json:
        """DELETE .../roles/{role} of the same"""
        holder, project_id, _ = await self._holder(request)
        role = await self._role(request, project_id)
        is_done = await self._assignments.take(
            request.organisation_id,
            holder,
            role.id,
            project_id=project_id,
            by=request.by,
        )
        if not is_done:
            raise not_found("role: it was not given to them directly")
        return {"object": f"{holder.kind}.role.deleted", "deleted": True}

    async def _role(self, request: AdminRequest, project_id: str | None = None) -> RoleRecord:
        project_id = project_id or await self._project(request)
        found = await self._roles.get(request.organisation_id, request.ids["role"], project_id)
        if found is None:
            raise not_found("role")
        return found

    async def _project(self, request: AdminRequest) -> str | None:
        project_id = request.ids.get("project")
        if project_id is None:
            return None
        if await self._projects.get(request.organisation_id, project_id) is None:
            raise not_found("project")
        return project_id

    async def _holder(self, request: AdminRequest) -> tuple[Holder, str | None, Json]:
        """Whose roles they are, where, and the holder as it is shown."""
        project_id = await self._project(request)
        kind: Kind = "group" if "group" in request.ids else "user"
        if kind == "group":
            group = await self._groups.get(request.organisation_id, request.ids["group"])
            if group is None:
                raise not_found("group")
            return Holder(kind, group.id), project_id, _group_summary(group)
        found = await self._people.get(request.organisation_id, request.ids["user"])
        if found is None:
            raise not_found("member")
        return Holder(kind, found[0].id), project_id, user_json(found)


def role_json(role: RoleRecord) -> Json:
    """A role."""
    return {
        "object": "role",
        "id": role.id,
        "name": TO_WIRE.get(role.name, role.name) if role.is_predefined else role.name,
        "description": role.description,
        "permissions": sorted(role.permissions),
        "predefined_role": role.is_predefined,
        "resource_type": "api.project" if role.is_of_project else "api.organization",
    }


def held_json(held: Held) -> Json:
    """A role that somebody has, with where they have it from."""
    groups = [source for source in held.sources if source.kind == "group"]
    return {
        **role_json(held.role),
        "assignment_sources": None
        if held.is_own and not groups
        else [
            {"principal_id": source.id, "principal_type": source.kind} for source in held.sources
        ],
        "created_at": held.role.created_at,
        "created_by": held.role.created_by,
        "created_by_user_obj": None,
        "metadata": None,
        "updated_at": held.role.updated_at,
    }


def _group_summary(group: PeopleGroup) -> Json:
    return {
        "object": "group",
        "id": group.id,
        "name": group.name,
        "created_at": group.created_at,
        "scim_managed": False,
    }


def _id(role: RoleRecord) -> str:
    return role.id


def _id_of_held(held: Held) -> str:
    return held.role.id
