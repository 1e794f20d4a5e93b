"""The pages for people: ask a model and see what the guards made of it; decide what needs a person.

They are public and know nothing: the key is typed (or comes in the URL's fragment, which browsers
never send), stays in the tab, and goes out only as the bearer of the same API that all use.
"""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tyrian.gateway.settings import Settings

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-cache",
}

_HTML = "text/html; charset=utf-8"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def routes(settings: Settings) -> list[Route]:
    """The pages and the files that they need; all are read once, here."""
    names = {"/": "index.html"}
    if settings.reviews is not None:
        names["/reviews"] = "reviews.html"
    found = [
        Route(path, _fixed(_rendered(name, settings), _HTML), methods=["GET"])
        for path, name in names.items()
    ]
    for item in _static().iterdir():
        kind = _TYPES.get("." + item.name.rpartition(".")[2])
        if kind is not None:
            endpoint = _fixed(item.read_bytes(), kind)
            found.append(Route(f"/static/{item.name}", endpoint, methods=["GET"]))
    return found


def _static() -> Traversable:
    return files("tyrian.gateway.console") / "static"


def _rendered(name: str, settings: Settings) -> bytes:
    environment = Environment(
        loader=PackageLoader("tyrian.gateway.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(name).render(
        version=version("tyrian"),
        is_guarded=settings.firewall is not None,
        has_reviews=settings.reviews is not None,
    )
    return text.encode()


def _fixed(body: bytes, content_type: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that always answers the same."""
    headers = {**HEADERS, "content-type": content_type}

    async def answer(_request: Request) -> Response:
        return Response(body, headers=headers)

    return answer
