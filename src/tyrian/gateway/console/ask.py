"""The pages that need nothing but a key: ask a model; decide on reviews where there is no sign-in.

They are public and know nothing: the key is typed (or comes in the URL's fragment, which browsers
never send), stays in the tab, and goes out only as the bearer of the same API that all use.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tyrian.gateway.console.headers import FOR_FILES
from tyrian.gateway.console.templates import environment
from tyrian.gateway.settings import Settings


def ask_routes(settings: Settings) -> list[Route]:
    """`/ask`, and `/reviews` where reviews are kept but nobody can sign in."""
    names = {"/ask": "ask.html"}
    has_reviews = settings.reviews is not None and settings.store is None
    if has_reviews:
        names["/reviews"] = "reviews_by_key.html"
    templates = environment()

    def page(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            theme = request.cookies.get("tyrian-theme", "")
            text = templates.get_template(name).render(
                is_guarded=settings.firewall is not None,
                has_reviews=has_reviews,
                theme=theme if theme in ("light", "dark") else "",
                csrf_token="",
            )
            headers = {**FOR_FILES, "content-type": "text/html; charset=utf-8"}
            return Response(text, headers=headers)

        return answer

    return [Route(path, page(name), methods=["GET"]) for path, name in names.items()]
