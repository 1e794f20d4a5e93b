"""What every page of the console is built with.

A page is a coroutine `handler(request, visitor) -> Response`, made a route by `Console.page`:

    def routes(console: Console) -> list[Route]:
        async def show(request: Request, visitor: Visitor) -> Response:
            return console.render(request, "keys.html", visitor, active="keys", keys=[...])
        return [console.page("/keys", show), console.page("/keys", create, method="POST")]

`page` finds out who asks, sends strangers to sign in, refuses those whose role is too small, and
for everything but GET requires that a page of ours asked (`origin.py`): forms hold
`{{ p.csrf() }}`, modules send the header `x-tyrian-token` with what stands in the page's
`<meta name="tyrian-token">`. Templates extend `shell.html`. Failures become pages, or JSON for
those who ask for JSON.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import func, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.errors import ConfigError, InputError, StoreError, TyrianError
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.permissions import PERMISSIONS
from tyrian.gateway.console.form import Form, read_form
from tyrian.gateway.console.headers import FOR_PAGES
from tyrian.gateway.console.messages import DONE
from tyrian.gateway.console.navigation import visible
from tyrian.gateway.console.origin import TOKEN_HEADER, check_same_origin, check_token
from tyrian.gateway.console.sign_in.passkeys import Passkeys, site_of
from tyrian.gateway.console.sign_in.people import People
from tyrian.gateway.console.sign_in.seal import Seal
from tyrian.gateway.console.sign_in.sessions import COOKIE, Sessions
from tyrian.gateway.console.sign_in.steps import Steps
from tyrian.gateway.console.sign_in.throttle import Throttle
from tyrian.gateway.console.templates import environment
from tyrian.gateway.console.visitor import Role, Visitor
from tyrian.gateway.context import context_of
from tyrian.gateway.errors import ApiError
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import Project
from tyrian.gateway.store.models.reviews import Review

Handler = Callable[[Request, Visitor], Awaitable[Response]]
PublicHandler = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger("tyrian.console")
_PLAIN = re.compile(r"[\w./:@-]{1,128}", re.ASCII)
_API = ("/v1/", "/compat/", "/llama/")
SETUP_PATH = "/account/secure"
FRESH_S = 15 * 60
"""How old a sign-in may be for adding another way in."""


class Console:
    """Templates, sessions and the store, for all pages."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.sessions = Sessions(store)
        self.keys = settings.keys if isinstance(settings.keys, Keys) else Keys(store)
        self.seal = Seal.at(settings.console.home)
        self.people = People(store, self.seal)
        self.passkeys = Passkeys(store)
        self.steps = Steps(store)
        self.throttle = Throttle(store)
        self._environment = environment()
        self._paths: set[str] = set()
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def page(
        self,
        path: str,
        handler: Handler,
        *,
        method: str = "GET",
        role: Role = Role.VIEWER,
        permission: str = "",
        is_of_project: bool = False,
    ) -> Route:
        """A route for those who are signed in and may do all that this role permits.

        Where a permission is named it is that which they need; `is_of_project` admits whoever
        has it in any project, and the handler, which knows which one it is about, looks again.
        """

        async def answer(request: Request) -> Response:
            visitor = await self.visitor(request)
            if visitor is None:
                return self._ask_to_sign_in(request)
            if method != "GET":
                check_same_origin(request)
                await self._check_token(request, visitor)
            if self._must_settle(visitor) and not path.startswith(("/account", "/sign-out")):
                return RedirectResponse(SETUP_PATH, 303)
            may = visitor.can_somewhere if is_of_project else visitor.can
            if permission and not may(permission):
                raise lacking(permission)
            if not permission and not visitor.may(role):
                raise ApiError(
                    403,
                    f"This needs the role {role.title}; yours is {visitor.role_title}.",
                    code="role_too_small",
                )
            if method == "GET":
                request.state.waiting = await self.count_waiting(visitor.organisation_id)
            return await handler(request, visitor)

        if method == "GET":
            self._paths.add(path)
        return Route(path, self._with_failures(answer), methods=[method])

    def public(self, path: str, handler: PublicHandler, *, method: str = "GET") -> Route:
        """A route for everybody; changes must still come from a page of ours."""

        async def answer(request: Request) -> Response:
            if method != "GET":
                check_same_origin(request)
            return await handler(request)

        return Route(path, self._with_failures(answer), methods=[method])

    def warm(self) -> None:
        """Read all templates, so that the first page is as fast as the next; blocking."""
        for name in self._environment.list_templates(extensions=["html"]):
            self._environment.get_template(name)

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have this called when the gateway ends."""
        self._closers.append(close)

    async def close(self) -> None:
        """End what pages have begun beside the requests."""
        for close in self._closers:
            await close()

    def has(self, path: str) -> bool:
        """Whether this gateway has a page at that path."""
        return path in self._paths

    async def visitor(self, request: Request) -> Visitor | None:
        """Whoever is signed in."""
        return await self.sessions.find(request.cookies.get(COOKIE, ""))

    def render(
        self,
        request: Request,
        template: str,
        visitor: Visitor | None = None,
        *,
        status: int = 200,
        active: str = "",
        **values: Any,
    ) -> Response:
        """A page. `done` (a code of `messages.py`) in the query becomes its notice."""
        theme = request.cookies.get("tyrian-theme", "")
        text = self._environment.get_template(template).render(
            {
                "who": visitor,
                "nav": visible(visitor, frozenset(self._paths)) if visitor else [],
                "active": active,
                "csrf_token": visitor.csrf_token if visitor else "",
                "theme": theme if theme in ("light", "dark") else "",
                "is_guarded": self.settings.firewall is not None,
                "done": DONE.get(request.query_params.get("done", ""), ""),
                "failed": "",
                "waiting": getattr(request.state, "waiting", 0),
                **values,
            }
        )
        headers = {**FOR_PAGES, "content-type": "text/html; charset=utf-8"}
        return Response(text, status, headers=headers)

    @staticmethod
    def is_fresh(visitor: Visitor) -> bool:
        """Whether the visitor signed in lately enough to change how they sign in.

        Who has no way to sign in yet is about to make the first one, and may take their time.
        """
        return not visitor.has_credentials or time.time() - visitor.signed_in_at < FRESH_S

    def address(self, request: Request) -> str:
        """The gateway as the visitor reaches it, for lines and links that people paste."""
        return site_of(request, self.settings.console.origin).origin

    async def model_to_try(self) -> str:
        """The name of a model that is here, fit for a line that people paste into a shell."""
        names = [model.id for model in self.settings.models]
        names += [name for upstream in self.settings.upstreams for name in upstream.model_ids]
        return next((name for name in names if _PLAIN.fullmatch(name)), "MODEL")

    async def count_waiting(self, organisation_id: str) -> int:
        """How many reviews wait for a person of this organisation."""
        if self.settings.reviews is None:
            return 0
        query = (
            select(func.count())
            .select_from(Review)
            .join(Key, Key.id == Review.key_id)
            .join(Project, Project.id == Key.project_id)
            .where(
                Project.organisation_id == organisation_id,
                Review.status == "pending",
                Review.expires_at > int(self.settings.reviews.now()),
            )
        )
        async with self.store.read() as session:
            return await session.scalar(query) or 0

    async def error(self, request: Request, status: int, message: str) -> Response:
        """A page for what went wrong."""
        title = _TITLES.get(status, "This did not work")
        return self.render(request, "error.html", status=status, title=title, message=message)

    async def http_error(self, request: Request, error: Exception) -> Response:
        """A page for an address that is not there, or a method it does not take."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 404:
            return await self.error(request, 404, "The address is wrong, or what it named is gone.")
        return await self.error(request, status, "The request was refused.")

    def wants_page(self, request: Request) -> bool:
        """Whether a person looks at the answer, and not a program."""
        if request.url.path.startswith(_API):
            return False
        return "text/html" in request.headers.get("accept", "")

    def _must_settle(self, visitor: Visitor) -> bool:
        """Who came by an invitation, or over a network by a link, first makes a way to sign in."""
        if visitor.has_credentials:
            return False
        is_loopback = self.settings.console.is_loopback
        return visitor.method == "invitation" or (visitor.method == "link" and not is_loopback)

    async def _check_token(self, request: Request, visitor: Visitor) -> None:
        given = request.headers.get(TOKEN_HEADER)
        if given is None:
            form = await read_form(request)
            request.state.form = form
            given = form.get("token", "")
        check_token(given, visitor.csrf_token)

    def _ask_to_sign_in(self, request: Request) -> Response:
        if not self.wants_page(request):
            raise ApiError(401, "Sign in first.", code="not_signed_in")
        # Only pages can be come back to: what was sent is lost, and must not be sent again unseen.
        target = request.url.path if request.method == "GET" else "/"
        query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
        there = "" if target == "/" and not query else f"?next={quote(target + query)}"
        return RedirectResponse(f"/sign-in{there}", 303, headers={"cache-control": "no-store"})

    def _with_failures(self, handler: PublicHandler) -> PublicHandler:
        async def answer(request: Request) -> Response:
            if "tyrian.context" in request.scope:
                context_of(request.scope).route = "console"
            try:
                return await handler(request)
            except HTTPException:
                raise
            except Exception as error:  # noqa: BLE001 - people get a page, whatever happened
                found = _as_api_error(error)
                if not self.wants_page(request):
                    raise found from None
                return await self.error(request, found.status, found.message)

        return answer


def actor(request: Request, visitor: Visitor) -> Actor:
    """The visitor as the audit chain names them."""
    address = request.client.host if request.client else ""
    return Actor("session", visitor.user_id, visitor.email, address)


def told(error: TyrianError) -> str:
    """An error of ours as a sentence for people."""
    hint = f" {error.hint[:1].upper()}{error.hint[1:]}." if error.hint else ""
    return f"{error.message[:1].upper()}{error.message[1:]}.{hint}"


def need(visitor: Visitor, permission: str) -> None:
    """403 for whoever does not hold a permission in the whole organisation."""
    if not visitor.can(permission):
        raise lacking(permission)


def lacking(permission: str) -> ApiError:
    """403 for somebody who does not hold a permission."""
    what = PERMISSIONS[permission]
    message = f"Your roles do not let you do this: {what[:1].lower()}{what[1:]}."
    return ApiError(403, message, code="role_too_small")


def gone() -> ApiError:
    """404, the same for what never was and for what belongs to others."""
    return ApiError(404, "The address is wrong, or what it named is gone.", code="not_found")


def asked(request: Request, name: str) -> str:
    """A word of the address, short, and without what PostgreSQL takes in no text."""
    return request.query_params.get(name, "").replace("\x00", "")[:200].strip()


def form_of(request: Request) -> Form:
    """The form that `page` has read and checked."""
    form: Form = request.state.form
    return form


def safe_next(target: str) -> str:
    """Where to go after signing in: a path of ours, never another host."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    is_path = target.startswith("/") and not target.startswith(("//", "/\\"))
    if parts.scheme or parts.netloc or not is_path or not target.isprintable() or "\\" in target:
        return "/"
    return target


_TITLES = {
    400: "That could not be read",
    403: "You may not do this",
    404: "There is nothing here",
    409: "Somebody was faster",
    413: "That is too much",
    429: "Too many attempts",
    503: "The gateway cannot serve this now",
}


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, StoreError):
        return ApiError(
            503, "The database cannot be reached. Try again shortly.", code="overloaded"
        )
    if isinstance(error, InputError | ConfigError):
        return ApiError(400, told(error))
    if isinstance(error, TyrianError):
        return ApiError(500, "The gateway could not do this.")
    # The type alone: a message could quote what somebody typed.
    _log.error("a page failed: %s", type(error).__name__)
    return ApiError(500, "The gateway could not show this page.", code="internal_error")
