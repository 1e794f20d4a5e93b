"""Coming and going: the link from the terminal, the sign-in page, signing out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.gateway.console.form import read_form
from tyrian.gateway.console.headers import FOR_PAGES
from tyrian.gateway.console.pages import SETUP_PATH, Console, safe_next
from tyrian.gateway.console.sign_in.links import Links
from tyrian.gateway.console.sign_in.sessions import clear_cookie, set_cookie
from tyrian.gateway.console.visitor import Visitor


def routes(console: Console) -> list[Route]:
    """`/setup`, `/sign-in`, `/sign-out`"""
    links = Links(console.store)

    async def setup(request: Request) -> Response:
        """The secret stands in the fragment, so that neither log nor history of a proxy has it."""
        return console.render(request, "setup.html", fault="")

    async def use_link(request: Request) -> Response:
        form = await read_form(request)
        found = await links.use(form.text("secret"))
        if found is None:
            fault = "This link was used already, or is more than an hour old."
            return console.render(request, "setup.html", status=403, fault=fault)
        user_id, organisation_id = found
        secret = await console.sessions.begin(user_id, organisation_id, "link", request)
        target = "/" if console.settings.console.is_loopback else SETUP_PATH
        return signed_in(secret, target)

    async def sign_in(request: Request) -> Response:
        target = safe_next(request.query_params.get("next", "/"))
        if await console.visitor(request) is not None:
            return RedirectResponse(target, 303)
        return console.render(request, "sign_in.html", next=target)

    async def sign_out(request: Request, visitor: Visitor) -> Response:
        await console.sessions.end(visitor.user_id, visitor.session_id)
        response = RedirectResponse("/sign-in?done=signed-out", 303, headers=FOR_PAGES)
        response.headers["clear-site-data"] = '"cache", "storage"'
        clear_cookie(response)
        return response

    return [
        console.public("/setup", setup),
        console.public("/setup", use_link, method="POST"),
        console.public("/sign-in", sign_in),
        console.page("/sign-out", sign_out, method="POST"),
    ]


def signed_in(secret: str, target: str) -> Response:
    """On to where somebody wanted to go, with the cookie of a new session."""
    response = RedirectResponse(safe_next(target), 303, headers=FOR_PAGES)
    set_cookie(response, secret)
    return response
