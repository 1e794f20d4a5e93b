"""Members and invitations, and joining by one."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.names import checked_name
from tyrian.gateway.console.form import read_form
from tyrian.gateway.console.member_roles import overview
from tyrian.gateway.console.members import Members
from tyrian.gateway.console.pages import SETUP_PATH, Console, Handler, actor, form_of, gone, told
from tyrian.gateway.console.views import member_roles
from tyrian.gateway.console.views.sign_in import begin
from tyrian.gateway.console.visitor import Role, Visitor
from tyrian.gateway.errors import ApiError

ROLES = (
    (Role.VIEWER, "Sees decisions, usage, guards and members."),
    (Role.ANALYST, "Also tries models, makes own keys, and decides on reviews."),
    (Role.ADMIN, "Also governs all keys, budgets and members."),
    (Role.OWNER, "Also makes others owners, and puts changed guards to use."),
)


def routes(console: Console) -> list[Route]:
    """`/members` and below, `/join`"""
    pages = _Pages(console)

    def write(path: str, handler: Handler) -> Route:
        return console.page(path, handler, method="POST", permission="members.manage")

    return [
        console.page("/members", pages.list),
        write("/members/invite", pages.invite),
        write("/members/invitations/{id}/withdraw", pages.withdraw),
        write("/members/{id}/role", pages.change_role),
        write("/members/{id}/remove", pages.remove),
        *member_roles.routes(console, pages.list),
        console.public("/join", pages.join_form),
        console.public("/join", pages.join, method="POST"),
    ]


class _Pages:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._members = Members(console.store)

    async def list(
        self, request: Request, visitor: Visitor, failed: str = "", link: str = ""
    ) -> Response:
        """Everybody who belongs, and who is invited."""
        organisation = visitor.organisation_id
        members = await self._members.list(organisation)
        return self._console.render(
            request,
            "members.html",
            visitor,
            status=400 if failed else 200,
            active="members",
            failed=failed,
            members=members,
            names={member.user_id: member.name for member in members},
            invitations=await self._members.invitations(organisation)
            if visitor.can("members.manage")
            else [],
            overview=await overview(self._console.store, visitor),
            roles=[(role.id, role.title) for role, _ in ROLES if visitor.may(role)],
            about=[(role.title, text) for role, text in ROLES],
            link=link,
        )

    async def invite(self, request: Request, visitor: Visitor) -> Response:
        """Make a link to send; it is shown here only."""
        form = form_of(request)
        try:
            role = _role(form.text("role"))
            secret = await self._members.invite(
                visitor, form.text("email"), role, actor(request, visitor)
            )
        except (ConfigError, InputError) as error:
            return await self.list(request, visitor, told(error))
        link = f"{self._console.address(request)}/join#{secret}"
        return await self.list(request, visitor, link=link)

    async def withdraw(self, request: Request, visitor: Visitor) -> Response:
        """Make an invitation worthless."""
        if not await self._members.withdraw(
            visitor.organisation_id, request.path_params["id"][:64], actor(request, visitor)
        ):
            raise gone()
        return RedirectResponse("/members?done=invitation-revoked", 303)

    async def change_role(self, request: Request, visitor: Visitor) -> Response:
        """Give somebody another role."""
        try:
            role = _role(form_of(request).text("role"))
            await self._members.change_role(
                visitor, request.path_params["id"][:64], role, actor(request, visitor)
            )
        except (ConfigError, InputError) as error:
            return await self.list(request, visitor, told(error))
        return RedirectResponse("/members?done=member-changed", 303)

    async def remove(self, request: Request, visitor: Visitor) -> Response:
        """Take somebody out, with their sessions and keys."""
        user_id = request.path_params["id"][:64]
        by = actor(request, visitor)
        try:
            await self._members.remove(visitor, user_id, by)
        except (ConfigError, InputError) as error:
            return await self.list(request, visitor, told(error))
        self._console.keys.ring.forget()
        return RedirectResponse("/members?done=member-removed", 303)

    async def join_form(self, request: Request) -> Response:
        """The secret stands in the fragment; a module puts it into the form."""
        return self._console.render(request, "join.html", fault="", name="")

    async def join(self, request: Request) -> Response:
        """Accept an invitation, and go on to make a way to sign in."""
        form = await read_form(request)
        address = request.client.host if request.client else ""
        try:
            await self._console.throttle.admit("", address)
            name = checked_name(form.text("name"), "a person's name")
            user_id = await self._members.accept(form.text("secret"), name, address)
        except (ConfigError, InputError) as error:
            return self._console.render(
                request, "join.html", status=400, fault=told(error), name=form.text("name")
            )
        if user_id is None:
            raise ApiError(403, "This invitation was used, withdrawn, or is over. Ask for another.")
        await self._console.throttle.succeeded("", address)
        return await begin(self._console, request, user_id, "invitation", SETUP_PATH)


def _role(name: str) -> Role:
    if name.upper() not in Role.__members__:
        raise ConfigError("there is no such role")
    return Role.of(name)
