"""Groups, and roles beside everybody's place: what people change on the members' page."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.holdings import Holder, Kind
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.console.member_roles import SEPARATOR
from tyrian.gateway.console.pages import Console, actor, form_of, gone, told
from tyrian.gateway.console.visitor import Visitor

Change = Callable[[Request, Visitor], Awaitable[None]]


class ListPage(Protocol):
    """The page of members."""

    def __call__(self, request: Request, visitor: Visitor, failed: str = "") -> Awaitable[Response]:
        """The page, with what did not work."""


def routes(console: Console, page: ListPage) -> list[Route]:
    """`/members/{id}/roles`, `/groups` and `/roles`, and what lies below them"""
    changes = _Changes(console)

    def write(path: str, change: Change, done: str, permission: str = "members.manage") -> Route:
        async def answer(request: Request, visitor: Visitor) -> Response:
            try:
                await change(request, visitor)
            except (ConfigError, InputError) as error:
                return await page(request, visitor, told(error))
            return RedirectResponse(f"/members?done={done}", 303)

        return console.page(path, answer, method="POST", permission=permission)

    return [
        write("/members/{id}/roles", changes.give("user"), "role-given"),
        write("/members/{id}/roles/drop", changes.take("user"), "role-taken"),
        write("/groups", changes.create_group, "group-made"),
        write("/groups/{id}/name", changes.rename_group, "group-changed"),
        write("/groups/{id}/delete", changes.delete_group, "group-deleted"),
        write("/groups/{id}/people", changes.add, "group-changed"),
        write("/groups/{id}/people/drop", changes.remove, "group-changed"),
        write("/groups/{id}/roles", changes.give("group"), "role-given"),
        write("/groups/{id}/roles/drop", changes.take("group"), "role-taken"),
        write("/roles", changes.create_role, "role-made", "roles.manage"),
        write("/roles/{id}", changes.update_role, "role-changed", "roles.manage"),
        write("/roles/{id}/delete", changes.delete_role, "role-deleted", "roles.manage"),
    ]


class _Changes:
    def __init__(self, console: Console) -> None:
        self._groups = Groups(console.store)
        self._roles = RoleBook(console.store)
        self._assignments = Assignments(console.store)

    def give(self, kind: Kind) -> Change:
        """Give a role to a person or a group."""

        async def change(request: Request, visitor: Visitor) -> None:
            project_id, role_id = _role_of(request)
            await self._assignments.give(
                visitor.organisation_id,
                Holder(kind, _id(request)),
                role_id,
                project_id=project_id,
                by=actor(request, visitor),
            )

        return change

    def take(self, kind: Kind) -> Change:
        """Take a role from a person or a group."""

        async def change(request: Request, visitor: Visitor) -> None:
            project_id, role_id = _role_of(request)
            if not await self._assignments.take(
                visitor.organisation_id,
                Holder(kind, _id(request)),
                role_id,
                project_id=project_id,
                by=actor(request, visitor),
            ):
                raise gone()

        return change

    async def create_group(self, request: Request, visitor: Visitor) -> None:
        """Make a group."""
        name = form_of(request).text("name")
        await self._groups.create(visitor.organisation_id, name, by=actor(request, visitor))

    async def rename_group(self, request: Request, visitor: Visitor) -> None:
        """Give a group another name."""
        name, by = form_of(request).text("name"), actor(request, visitor)
        await self._groups.rename(visitor.organisation_id, _id(request), name, by=by)

    async def delete_group(self, request: Request, visitor: Visitor) -> None:
        """Delete a group."""
        await self._groups.delete(
            visitor.organisation_id,
            _id(request),
            by=actor(request, visitor),
        )

    async def add(self, request: Request, visitor: Visitor) -> None:
        """Put somebody into a group."""
        await self._groups.add(
            visitor.organisation_id,
            _id(request),
            form_of(request).text("user")[:64],
            by=actor(request, visitor),
        )

    async def remove(self, request: Request, visitor: Visitor) -> None:
        """Take somebody out of a group."""
        await self._groups.remove(
            visitor.organisation_id,
            _id(request),
            form_of(request).text("user")[:64],
            by=actor(request, visitor),
        )

    async def create_role(self, request: Request, visitor: Visitor) -> None:
        """Define a role."""
        form = form_of(request)
        await self._roles.create(
            visitor.organisation_id,
            form.text("name"),
            form.all("permission"),
            description=form.text("description"),
            by=actor(request, visitor),
        )

    async def update_role(self, request: Request, visitor: Visitor) -> None:
        """Change a role for all who have it."""
        form = form_of(request)
        await self._roles.update(
            visitor.organisation_id,
            _id(request),
            name=form.text("name"),
            permissions=form.all("permission"),
            description=form.text("description"),
            by=actor(request, visitor),
        )

    async def delete_role(self, request: Request, visitor: Visitor) -> None:
        """Delete a role."""
        await self._roles.delete(
            visitor.organisation_id,
            _id(request),
            by=actor(request, visitor),
        )


def _id(request: Request) -> str:
    found: str = request.path_params["id"]
    return found[:64]


def _role_of(request: Request) -> tuple[str | None, str]:
    """The project, None for the organisation, and the role that a form names."""
    project_id, _, role_id = form_of(request).text("role")[:128].partition(SEPARATOR)
    return project_id or None, role_id
