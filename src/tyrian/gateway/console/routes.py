"""Every route of the console, in one list."""

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from tyrian.gateway.console.ask import ask_routes
from tyrian.gateway.console.pages import Console
from tyrian.gateway.console.static_files import static_routes
from tyrian.gateway.console.views import (
    account,
    audit,
    decisions,
    keys,
    members,
    oidc,
    overview,
    reviews,
    sign_in,
    stack,
    stack_check,
    usage,
)
from tyrian.gateway.settings import Settings


def console_of(settings: Settings) -> Console | None:
    """The console, where there is a store for accounts."""
    return None if settings.store is None else Console(settings, settings.store)


def console_routes(settings: Settings, console: Console | None) -> list[Route]:
    """The pages; without a store only the one that needs nothing but a key."""
    if console is None:
        return [Route("/", _to_ask, methods=["GET"]), *ask_routes(settings), *static_routes()]
    found = [
        *overview.routes(console),
        *keys.routes(console),
        *decisions.routes(console),
        *usage.routes(console),
        *reviews.routes(console),
        *stack.routes(console),
        *stack_check.routes(console),
        *members.routes(console),
        *audit.routes(console),
        *sign_in.routes(console),
        *oidc.routes(console),
        *account.routes(console),
    ]
    return [*found, *ask_routes(settings), *static_routes()]


async def _to_ask(request: Request) -> RedirectResponse:
    return RedirectResponse("/ask", 303)
