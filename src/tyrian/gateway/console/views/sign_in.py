"""Coming and going: the link from the terminal, password and code, passkey, signing out."""

import logging

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.console.form import read_form, read_object
from tyrian.gateway.console.headers import FOR_PAGES
from tyrian.gateway.console.pages import SETUP_PATH, Console, safe_next
from tyrian.gateway.console.sign_in.links import Links
from tyrian.gateway.console.sign_in.passkeys import site_of
from tyrian.gateway.console.sign_in.sessions import clear_cookie, set_cookie
from tyrian.gateway.console.sign_in.steps import set_step
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.errors import ApiError

_log = logging.getLogger("tyrian.console")
_WRONG = "E-mail address or password is wrong."


def routes(console: Console) -> list[Route]:
    """`/setup`, `/sign-in` and below, `/sign-out`"""
    pages = _Pages(console)
    return [
        console.public("/setup", pages.setup),
        console.public("/setup", pages.use_link, method="POST"),
        console.public("/sign-in", pages.sign_in),
        console.public("/sign-in", pages.password, method="POST"),
        console.public("/sign-in/code", pages.ask_code),
        console.public("/sign-in/code", pages.code, method="POST"),
        console.public("/sign-in/passkey/options", pages.passkey_options, method="POST"),
        console.public("/sign-in/passkey", pages.passkey, method="POST"),
        console.page("/sign-out", pages.sign_out, method="POST"),
    ]


class _Pages:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._links = Links(console.store)

    async def setup(self, request: Request) -> Response:
        """The secret stands in the fragment, so that no log and no proxy's history has it."""
        return self._console.render(request, "setup.html", fault="")

    async def use_link(self, request: Request) -> Response:
        """Sign in with the link; on a network the way leads on to making an account."""
        form = await read_form(request)
        found = await self._links.use(form.text("secret"))
        if found is None:
            fault = "This link was used already, or is more than an hour old."
            return self._console.render(request, "setup.html", status=403, fault=fault)
        user_id, _ = found
        target = "/" if self._console.settings.console.is_loopback else SETUP_PATH
        return await self.begin(request, user_id, "link", target)

    async def sign_in(self, request: Request) -> Response:
        """The ways in."""
        target = safe_next(request.query_params.get("next", "/"))
        if await self._console.visitor(request) is not None:
            return RedirectResponse(target, 303)
        return self._form(request, target)

    async def password(self, request: Request) -> Response:
        """What somebody knows, which is the first half."""
        form = await read_form(request)
        target = safe_next(form.text("next"))
        email = form.text("email")[:320]
        throttle = self._console.throttle
        try:
            await throttle.admit(email, _address(request))
        except ApiError as error:
            return self._form(request, target, email, error.message, error.status)
        user_id = await self._console.people.by_password(email, form.get("password", ""))
        if user_id is None:
            _log.warning("sign-in refused: wrong password, from %s", _address(request))
            return self._form(request, target, email, _WRONG, 403)
        await throttle.succeeded(email, _address(request))
        payload = {"user_id": user_id, "next": target}
        response = RedirectResponse("/sign-in/code", 303, headers=FOR_PAGES)
        set_step(response, await self._console.steps.put("code", payload))
        return response

    async def ask_code(self, request: Request) -> Response:
        """The second half."""
        if await self._console.steps.look(request, "code") is None:
            return RedirectResponse("/sign-in", 303)
        return self._console.render(request, "sign_in_code.html", fault="")

    async def code(self, request: Request) -> Response:
        """What somebody has."""
        form = await read_form(request)
        step = await self._console.steps.look(request, "code")
        if step is None:
            return RedirectResponse("/sign-in", 303)
        user_id = step["user_id"]
        throttle, account = self._console.throttle, f"code of {user_id}"
        try:
            await throttle.admit(account, _address(request))
        except ApiError as error:
            return self._console.render(
                request, "sign_in_code.html", status=error.status, fault=error.message
            )
        if not await self._console.people.check_code(user_id, form.text("code")):
            _log.warning("sign-in refused: wrong code, from %s", _address(request))
            fault = "This code is wrong, or was used already. Wait for the next one."
            return self._console.render(request, "sign_in_code.html", status=403, fault=fault)
        if await self._console.steps.take(request, "code") is None:
            return RedirectResponse("/sign-in", 303)
        await throttle.succeeded(account, _address(request))
        return await self.begin(request, user_id, "password+totp", step["next"])

    async def passkey_options(self, request: Request) -> Response:
        """What a browser needs to prove a passkey."""
        site = site_of(request, self._console.settings.console.origin)
        options, challenge = self._console.passkeys.options_to_prove(site)
        response = Response(options, headers={**FOR_PAGES, "content-type": "application/json"})
        set_step(response, await self._console.steps.put("passkey", {"challenge": challenge}))
        return response

    async def passkey(self, request: Request) -> Response:
        """A passkey's proof; it stands for both halves."""
        body = await read_object(request)
        step = await self._console.steps.take(request, "passkey")
        credential = body.get("credential")
        if step is None or not isinstance(credential, dict):
            raise ApiError(400, "This took too long. Try again.")
        await self._console.throttle.admit("", _address(request))
        site = site_of(request, self._console.settings.console.origin)
        user_id = await self._console.passkeys.prove(credential, step["challenge"], site)
        if user_id is None:
            raise ApiError(403, "This passkey is not known here.")
        await self._console.throttle.succeeded("", _address(request))
        target = safe_next(str(body.get("next") or "/"))
        return as_json(await self.begin(request, user_id, "passkey", target))

    async def sign_out(self, request: Request, visitor: Visitor) -> Response:
        """End this session."""
        await self._console.sessions.end(visitor.user_id, visitor.session_id)
        response = RedirectResponse("/sign-in?done=signed-out", 303, headers=FOR_PAGES)
        response.headers["clear-site-data"] = '"cache", "storage"'
        clear_cookie(response)
        return response

    async def begin(self, request: Request, user_id: str, method: str, target: str) -> Response:
        """A new session for somebody who has proved who they are."""
        return await begin(self._console, request, user_id, method, target)

    def _form(
        self, request: Request, target: str, email: str = "", fault: str = "", status: int = 200
    ) -> Response:
        options = self._console.settings.console
        return self._console.render(
            request,
            "sign_in.html",
            status=status,
            next=target,
            email=email,
            fault=fault,
            oidc=options.oidc.name if options.oidc else "",
            has_passkeys=site_of(request, options.origin).has_passkeys,
        )


async def begin(
    console: Console, request: Request, user_id: str, method: str, target: str
) -> Response:
    """A new session for somebody who has proved who they are, and on to where they wanted to go."""
    organisation_id = await console.people.organisation_of(user_id)
    if organisation_id is None:
        raise ApiError(403, "This account belongs to no organisation any more.")
    secret = await console.sessions.begin(user_id, organisation_id, method, request)
    actor = Actor("session", user_id, address=_address(request))
    await console.people.note(organisation_id, "login.succeeded", actor, method=method)
    response = RedirectResponse(safe_next(target), 303, headers=FOR_PAGES)
    set_cookie(response, secret)
    return response


def as_json(response: Response) -> Response:
    """A redirect for a module, which follows it by itself."""
    body = msgspec.json.encode({"location": response.headers["location"]})
    answer = Response(body, headers={**FOR_PAGES, "content-type": "application/json"})
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            answer.raw_headers.append((name, value))
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
