"""Your own account: set up, profile, ways to sign in, sessions."""

import base64

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.console.form import Form, read_object
from tyrian.gateway.console.headers import FOR_PAGES
from tyrian.gateway.console.pages import Console, actor, form_of, gone, told
from tyrian.gateway.console.sign_in.links import OWNER_EMAIL
from tyrian.gateway.console.sign_in.passkeys import site_of
from tyrian.gateway.console.sign_in.people import Ways
from tyrian.gateway.console.sign_in.steps import set_step
from tyrian.gateway.console.sign_in.totp import new_secret, picture, readable
from tyrian.gateway.console.views.sign_in import as_json, begin
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.errors import ApiError


def routes(console: Console) -> list[Route]:
    """`/account` and below"""
    pages = _Pages(console)
    return [
        console.page("/account", pages.show),
        console.page("/account/profile", pages.profile, method="POST"),
        console.page("/account/secure", pages.secure),
        console.page("/account/secure", pages.set_password, method="POST"),
        console.page("/account/passkeys/options", pages.passkey_options, method="POST"),
        console.page("/account/passkeys", pages.add_passkey, method="POST"),
        console.page("/account/passkeys/{id}/remove", pages.remove_passkey, method="POST"),
        console.page("/account/sessions/end", pages.end_sessions, method="POST"),
    ]


class _Pages:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Everything about your account."""
        return await self._page(request, visitor)

    async def profile(self, request: Request, visitor: Visitor) -> Response:
        """Change name and address."""
        form = form_of(request)
        try:
            await self._console.people.set_profile(
                visitor.user_id, form.text("name"), form.text("email")
            )
        except (ConfigError, InputError) as error:
            return await self._page(request, visitor, told(error))
        return RedirectResponse("/account?done=profile-changed", 303)

    async def secure(self, request: Request, visitor: Visitor) -> Response:
        """Make a way to sign in without a link."""
        secret = new_secret()
        step = await self._console.steps.put("totp", self._sealed(secret, visitor))
        response = self._secure_page(request, visitor, secret, Form([]), "")
        set_step(response, step)
        return response

    async def set_password(self, request: Request, visitor: Visitor) -> Response:
        """Password and authenticator app, together: neither is enough alone."""
        await self._check_fresh(visitor)
        form = form_of(request)
        step = await self._console.steps.look(request, "totp")
        if step is None or step["user_id"] != visitor.user_id:
            return RedirectResponse("/account/secure", 303)
        secret = self._console.seal.open(base64.b64decode(step["sealed"]), "totp of a step")
        people, user_id = self._console.people, visitor.user_id
        name, email = form.text("name"), form.text("email")
        try:
            await people.set_profile(user_id, name, email)
            people.check_password(form.get("password", ""), email, name)
            if not await people.set_totp(user_id, secret, form.text("code")):
                raise InputError("the code is wrong", hint="type what the app shows now")
            await people.set_password(user_id, form.get("password", ""), email, name)
        except (ConfigError, InputError) as error:
            return self._secure_page(request, visitor, secret, form, told(error))
        await self._console.steps.take(request, "totp")
        return await self._renewed(request, visitor, "password+totp", "password", "account-secured")

    async def passkey_options(self, request: Request, visitor: Visitor) -> Response:
        """What a browser needs to make a passkey; the profile comes along where it is new."""
        await self._check_fresh(visitor)
        site = site_of(request, self._console.settings.console.origin)
        if not site.has_passkeys:
            raise ApiError(400, "Browsers make passkeys only for a host name, not for an address.")
        body = await read_object(request)
        if body.get("email"):
            name, email = str(body.get("name", "")), str(body["email"])
            await self._console.people.set_profile(visitor.user_id, name, email)
            visitor = await self._console.visitor(request) or visitor
        options, challenge = await self._console.passkeys.options_to_make(visitor, site)
        response = Response(options, headers={**FOR_PAGES, "content-type": "application/json"})
        payload = {"challenge": challenge, "user_id": visitor.user_id}
        set_step(response, await self._console.steps.put("new-passkey", payload))
        return response

    async def add_passkey(self, request: Request, visitor: Visitor) -> Response:
        """Keep the passkey that the browser made."""
        await self._check_fresh(visitor)
        body = await read_object(request)
        step = await self._console.steps.take(request, "new-passkey")
        credential = body.get("credential")
        if step is None or step["user_id"] != visitor.user_id or not isinstance(credential, dict):
            raise ApiError(400, "This took too long. Try again.")
        site = site_of(request, self._console.settings.console.origin)
        label = str(body.get("label") or "")
        await self._console.passkeys.add(
            visitor.user_id, credential, step["challenge"], site, label
        )
        code = "passkey-added" if visitor.has_credentials else "account-secured"
        return as_json(await self._renewed(request, visitor, "passkey", "passkey", code))

    async def remove_passkey(self, request: Request, visitor: Visitor) -> Response:
        """Forget a passkey, if it is not the last way in."""
        ways = await self._console.people.ways(visitor.user_id)
        if ways.count < 2:
            failed = "This is your only way to sign in. Add another one first."
            return await self._page(request, visitor, failed)
        if not await self._console.passkeys.remove(visitor.user_id, request.path_params["id"][:64]):
            raise gone()
        await self._note(request, visitor, "passkey.removed")
        return RedirectResponse("/account?done=passkey-removed", 303)

    async def end_sessions(self, request: Request, visitor: Visitor) -> Response:
        """Sign out everywhere else."""
        await self._console.sessions.end(visitor.user_id, but=visitor.session_id)
        return RedirectResponse("/account?done=sessions-ended", 303)

    async def _check_fresh(self, visitor: Visitor) -> None:
        """Adding a way in needs a proof that is not old: a forgotten session must not be enough."""
        if not self._console.is_fresh(visitor):
            message = "For this, sign out and sign in again: your last proof is too old."
            raise ApiError(403, message, code="sign_in_again")

    async def _renewed(
        self, request: Request, visitor: Visitor, method: str, what: str, code: str
    ) -> Response:
        """A new session where the means of signing in have changed; all others end."""
        await self._note(request, visitor, "credential.added", way=what)
        await self._console.sessions.end(visitor.user_id, but=visitor.session_id)
        target = "/" if code == "account-secured" else "/account"
        return await begin(self._console, request, visitor.user_id, method, f"{target}?done={code}")

    async def _note(self, request: Request, visitor: Visitor, kind: str, **details: str) -> None:
        await self._console.people.note(
            visitor.organisation_id, kind, actor(request, visitor), **details
        )

    def _sealed(self, secret: bytes, visitor: Visitor) -> dict[str, str]:
        sealed = self._console.seal.close(secret, "totp of a step")
        return {"user_id": visitor.user_id, "sealed": base64.b64encode(sealed).decode()}

    def _secure_page(
        self, request: Request, visitor: Visitor, secret: bytes, form: Form, failed: str
    ) -> Response:
        site = site_of(request, self._console.settings.console.origin)
        email = "" if visitor.email == OWNER_EMAIL else visitor.email
        name = "" if visitor.email == OWNER_EMAIL else visitor.name
        size, path = picture(secret, form.text("email") or email or "console")
        return self._console.render(
            request,
            "secure.html",
            visitor,
            status=400 if failed else 200,
            active="account",
            failed=failed,
            name=form.text("name") or name,
            email=form.text("email") or email,
            secret=readable(secret),
            size=size,
            path=path,
            has_passkeys=site.has_passkeys,
            is_fresh=self._console.is_fresh(visitor),
            host=request.headers.get("host", ""),
        )

    async def _page(self, request: Request, visitor: Visitor, failed: str = "") -> Response:
        ways: Ways = await self._console.people.ways(visitor.user_id)
        return self._console.render(
            request,
            "account.html",
            visitor,
            status=400 if failed else 200,
            active="account",
            failed=failed,
            ways=ways,
            passkeys=await self._console.passkeys.of(visitor.user_id),
            sessions=await self._console.sessions.list(visitor.user_id),
            has_passkeys=site_of(request, self._console.settings.console.origin).has_passkeys,
            is_fresh=self._console.is_fresh(visitor),
        )
