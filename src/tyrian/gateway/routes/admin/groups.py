"""Groups, and which projects they are in, in the shapes of OpenAI's administration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.holdings import Holder, Holdings
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.accounts.roles import PREDEFINED
from tyrian.gateway.errors import bad_request
from tyrian.gateway.routes.admin.request import AdminRequest, cursor_page, not_found
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import User
from tyrian.gateway.store.models.roles import PeopleGroup
from tyrian.gateway.wire import Json

_MOST: Final = 1_000
_KINDS: Final = ("group", "tenant_group")


@dataclass(frozen=True, slots=True)
class _Place:
    """A group's place in a project."""

    group: PeopleGroup
    project_id: str
    since: int


class GroupRoutes:
    """`/groups` with their users, and `/projects/{p}/groups`"""

    def __init__(self, store: Store) -> None:
        self._groups = Groups(store)
        self._people = People(store)
        self._projects = Projects(store)
        self._roles = RoleBook(store)
        self._assignments = Assignments(store)
        self._holdings = Holdings(store)

    async def list(self, request: AdminRequest) -> Json:
        """GET /organization/groups"""
        found = await self._groups.list(request.organisation_id)
        return cursor_page(request, found, group_json, _id, default=100, most=_MOST)

    async def create(self, request: AdminRequest) -> Json:
        """POST /organization/groups"""
        request.only("name")
        name = request.text("name")
        return group_json(await self._groups.create(request.organisation_id, name, by=request.by))

    async def get(self, request: AdminRequest) -> Json:
        """GET /organization/groups/{group}"""
        return group_json(await self._group(request))

    async def update(self, request: AdminRequest) -> Json:
        """POST /organization/groups/{group}"""
        request.only("name")
        group = await self._group(request)
        name = request.text("name")
        return group_json(
            await self._groups.rename(request.organisation_id, group.id, name, by=request.by)
        )

    async def delete(self, request: AdminRequest) -> Json:
        """DELETE /organization/groups/{group}"""
        group = await self._group(request)
        await self._groups.delete(request.organisation_id, group.id, by=request.by)
        return {"object": "group.deleted", "id": group.id, "deleted": True}

    async def list_users(self, request: AdminRequest) -> Json:
        """GET /organization/groups/{group}/users"""
        group = await self._group(request)
        pairs = await self._groups.members(request.organisation_id, group.id)
        users = [user for user, _ in pairs]
        return cursor_page(request, users, _member, _id_of_user, default=100, most=_MOST)

    async def add_user(self, request: AdminRequest) -> Json:
        """POST /organization/groups/{group}/users"""
        request.only("user_id")
        group = await self._group(request)
        user_id = request.text("user_id")
        if await self._people.get(request.organisation_id, user_id) is None:
            raise not_found("member")
        await self._groups.add(request.organisation_id, group.id, user_id, by=request.by)
        return {"object": "group.user", "group_id": group.id, "user_id": user_id}

    async def get_user(self, request: AdminRequest) -> Json:
        """GET /organization/groups/{group}/users/{user}"""
        return {**_member(await self._user(request)), "is_service_account": False}

    async def remove_user(self, request: AdminRequest) -> Json:
        """DELETE /organization/groups/{group}/users/{user}"""
        user = await self._user(request)
        await self._groups.remove(
            request.organisation_id,
            request.ids["group"],
            user.id,
            by=request.by,
        )
        return {"object": "group.user.deleted", "deleted": True}

    async def list_in_project(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/groups"""
        places = await self._places(request)
        return cursor_page(request, places, _place, _id_of_place, default=20, most=_MOST)

    async def add_to_project(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/groups; `role` is the id of a project's role.

        The names `owner` and `member` stand for the predefined ones.
        """
        request.only("group_id", "role")
        project_id = await self._project(request)
        group = await self._groups.get(request.organisation_id, request.text("group_id"))
        if group is None:
            raise not_found("group")
        wanted = request.text("role")
        if f"role_project_{wanted}" in PREDEFINED:
            wanted = f"role_project_{wanted}"
        if await self._roles.get(request.organisation_id, wanted, project_id) is None:
            raise not_found("role")
        await self._assignments.give(
            request.organisation_id,
            Holder("group", group.id),
            wanted,
            project_id=project_id,
            by=request.by,
        )
        found = await self._places(request)
        return next(_place(place) for place in found if place.group.id == group.id)

    async def get_in_project(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/groups/{group}"""
        kind = (request.asked("group_type") or ["group"])[-1]
        if kind not in _KINDS:
            raise bad_request(f"`group_type` knows {', '.join(_KINDS)}.", param="group_type")
        place = await self._in_project(request)
        if kind != "group":
            raise not_found("group")
        return _place(place)

    async def remove_from_project(self, request: AdminRequest) -> Json:
        """DELETE /organization/projects/{project}/groups/{group}"""
        place = await self._in_project(request)
        await self._assignments.take_all_in_project(
            request.organisation_id,
            Holder("group", place.group.id),
            place.project_id,
            by=request.by,
        )
        return {"object": "project.group.deleted", "deleted": True}

    async def _group(self, request: AdminRequest) -> PeopleGroup:
        found = await self._groups.get(request.organisation_id, request.ids["group"])
        if found is None:
            raise not_found("group")
        return found

    async def _user(self, request: AdminRequest) -> User:
        group = await self._group(request)
        for user, _ in await self._groups.members(request.organisation_id, group.id):
            if user.id == request.ids["user"]:
                return user
        raise not_found("member of this group")

    async def _project(self, request: AdminRequest) -> str:
        project_id = request.ids["project"]
        if await self._projects.get(request.organisation_id, project_id) is None:
            raise not_found("project")
        return project_id

    async def _places(self, request: AdminRequest) -> Sequence[_Place]:
        project_id = await self._project(request)
        since = await self._holdings.groups_since(request.organisation_id, project_id)
        groups = await self._groups.list(request.organisation_id)
        return [_Place(g, project_id, since[g.id]) for g in groups if g.id in since]

    async def _in_project(self, request: AdminRequest) -> _Place:
        for place in await self._places(request):
            if place.group.id == request.ids["group"]:
                return place
        raise not_found("group")


def group_json(group: PeopleGroup) -> Json:
    """A group."""
    return {
        "object": "group",
        "id": group.id,
        "name": group.name,
        "created_at": group.created_at,
        "group_type": "group",
        "is_scim_managed": False,
    }


def _member(user: User) -> Json:
    return {
        "object": "group.user",
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "picture": None,
        "user_type": "user",
    }


def _place(place: _Place) -> Json:
    return {
        "object": "project.group",
        "group_id": place.group.id,
        "group_name": place.group.name,
        "group_type": "group",
        "project_id": place.project_id,
        "created_at": place.since,
    }


def _id(group: PeopleGroup) -> str:
    return group.id


def _id_of_user(user: User) -> str:
    return user.id


def _id_of_place(place: _Place) -> str:
    return place.group.id
