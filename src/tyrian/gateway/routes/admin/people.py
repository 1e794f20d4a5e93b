"""Users, project users and invitations, in the shapes of OpenAI's administration."""

import time
from collections.abc import Sequence
from typing import Any, Final

from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.holdings import Holder
from tyrian.gateway.accounts.invitations import Invitations, status_of
from tyrian.gateway.accounts.people import People
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.errors import bad_request
from tyrian.gateway.routes.admin.request import AdminRequest, deleted, not_found, page_of
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import (
    Invitation,
    Membership,
    ProjectMembership,
    User,
)
from tyrian.gateway.wire import Json

_FROM_WIRE: Final = {"reader": "viewer"}
TO_WIRE: Final = {"viewer": "reader"}
"""OpenAI knows owners and readers; the roles between them have our names."""


class PeopleRoutes:
    """`/users`, `/projects/{p}/users` and `/invites`"""

    def __init__(self, store: Store) -> None:
        self._people = People(store)
        self._roles = RoleBook(store)
        self._assignments = Assignments(store)
        self._projects = Projects(store)
        self._invitations = Invitations(store)

    async def list(self, request: AdminRequest) -> Json:
        """GET /organization/users"""
        emails = {email.lower() for email in request.asked("emails")}
        found = await self._people.list(request.organisation_id)
        shown = [pair for pair in found if not emails or pair[0].email in emails]
        return page_of(request, shown, user_json)

    async def get(self, request: AdminRequest) -> Json:
        """GET /organization/users/{user}"""
        return user_json(await self._user(request))

    async def update(self, request: AdminRequest) -> Json:
        """POST /organization/users/{user}"""
        request.only("role", "role_id")
        user, _ = await self._user(request)
        if (role := request.optional_text("role")) is not None:
            role = _FROM_WIRE.get(role, role)
            await self._people.set_role(request.organisation_id, user.id, role, by=request.by)
        if (role_id := request.optional_text("role_id")) is not None:
            if await self._roles.get(request.organisation_id, role_id) is None:
                raise not_found("role")
            await self._assignments.give(
                request.organisation_id,
                Holder("user", user.id),
                role_id,
                by=request.by,
            )
        elif role is None:
            raise bad_request("`role` or `role_id` is missing.", param="role")
        return user_json(await self._user(request))

    async def delete(self, request: AdminRequest) -> Json:
        """DELETE /organization/users/{user}"""
        user, _ = await self._user(request)
        await self._people.remove(request.organisation_id, user.id, by=request.by)
        return deleted("organization.user", user.id)

    async def list_in_project(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/users"""
        return page_of(request, await self._in_project(request), _project_user)

    async def add_to_project(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/users"""
        request.only("user_id", "role")
        await self._in_project(request)
        return await self._put(request, request.text("user_id"))

    async def get_in_project(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/users/{user}"""
        return _project_user(await self._project_user(request))

    async def update_in_project(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/users/{user}"""
        request.only("role")
        user, _ = await self._project_user(request)
        return await self._put(request, user.id)

    async def delete_from_project(self, request: AdminRequest) -> Json:
        """DELETE /organization/projects/{project}/users/{user}"""
        user, _ = await self._project_user(request)
        await self._people.drop_from_project(
            request.organisation_id, request.ids["project"], user.id, by=request.by
        )
        return deleted("organization.project.user", user.id)

    async def list_invites(self, request: AdminRequest) -> Json:
        """GET /organization/invites"""
        return page_of(request, await self._invitations.list(request.organisation_id), _invite)

    async def create_invite(self, request: AdminRequest) -> Json:
        """POST /organization/invites; the answer alone has the `token` of the link to join by."""
        request.only("email", "role", "projects")
        role = request.text("role")
        projects = await self._invited_to(request)
        invitation, token = await self._invitations.create(
            request.organisation_id,
            request.text("email"),
            _FROM_WIRE.get(role, role),
            projects,
            by=request.by,
        )
        return {**_invite(invitation), "token": token}

    async def get_invite(self, request: AdminRequest) -> Json:
        """GET /organization/invites/{invite}"""
        return _invite(await self._invite(request))

    async def delete_invite(self, request: AdminRequest) -> Json:
        """DELETE /organization/invites/{invite}"""
        invitation = await self._invite(request)
        if not await self._invitations.withdraw(
            request.organisation_id, invitation.id, by=request.by
        ):
            raise bad_request("The invitation is no longer open.", code="invite_closed")
        return deleted("organization.invite", invitation.id)

    async def _invited_to(self, request: AdminRequest) -> Sequence[dict[str, Any]]:
        wanted = request.body.get("projects") or []
        if not isinstance(wanted, list):
            raise bad_request("`projects` must be a list.", param="projects")
        own = {project.id for project in await self._projects.list(request.organisation_id)}
        found = []
        for item in wanted:
            if (
                not isinstance(item, dict)
                or item.get("id") not in own
                or item.get("role") not in ("member", "owner")
            ):
                raise bad_request(
                    "Each of `projects` has the `id` of a project and a `role`, `member` or"
                    " `owner`.",
                    param="projects",
                )
            found.append({"id": item["id"], "role": item["role"]})
        return found

    async def _put(self, request: AdminRequest, user_id: str) -> Json:
        if await self._people.get(request.organisation_id, user_id) is None:
            raise not_found("member")
        project_id, role = request.ids["project"], request.text("role")
        await self._people.put_in_project(
            request.organisation_id,
            project_id,
            user_id,
            role,
            by=request.by,
        )
        found = await self._in_project(request)
        return next(_project_user(pair) for pair in found if pair[0].id == user_id)

    async def _user(self, request: AdminRequest) -> tuple[User, Membership]:
        found = await self._people.get(request.organisation_id, request.ids["user"])
        if found is None:
            raise not_found("member")
        return found

    async def _in_project(self, request: AdminRequest) -> Sequence[tuple[User, ProjectMembership]]:
        project = request.ids["project"]
        if await self._projects.get(request.organisation_id, project) is None:
            raise not_found("project")
        return await self._people.in_project(request.organisation_id, project)

    async def _project_user(self, request: AdminRequest) -> tuple[User, ProjectMembership]:
        for pair in await self._in_project(request):
            if pair[0].id == request.ids["user"]:
                return pair
        raise not_found("member")

    async def _invite(self, request: AdminRequest) -> Invitation:
        found = await self._invitations.get(request.organisation_id, request.ids["invite"])
        if found is None:
            raise not_found("invitation")
        return found


def user_json(pair: tuple[User, Membership]) -> Json:
    """A member."""
    user, membership = pair
    return {
        "object": "organization.user",
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": TO_WIRE.get(membership.role, membership.role),
        "added_at": membership.created_at,
        "created": user.created_at,
    }


def _project_user(pair: tuple[User, ProjectMembership]) -> Json:
    user, membership = pair
    return {
        "object": "organization.project.user",
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": membership.role,
        "added_at": membership.created_at,
    }


def _invite(invitation: Invitation) -> Json:
    return {
        "object": "organization.invite",
        "id": invitation.id,
        "email": invitation.email,
        "role": TO_WIRE.get(invitation.role, invitation.role),
        "status": status_of(invitation, time.time()),
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "accepted_at": invitation.accepted_at,
        "projects": invitation.projects,
    }
