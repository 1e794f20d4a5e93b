"""The style sheets, modules and pictures of the pages, read once when the gateway is built."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tyrian.gateway.console.headers import FOR_FILES

_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
_PLACES = {"/static": "static", "/static/playground": "playground/static"}


def static_routes() -> list[Route]:
    """One route for each file, at `/static/...`."""
    return [
        Route(path, _fixed(body, kind), methods=["GET"])
        for prefix, folder in _PLACES.items()
        for path, body, kind in _files_below(_folder(folder), prefix)
    ]


def _folder(path: str) -> Traversable:
    return files("tyrian.gateway.console").joinpath(*path.split("/"))


def _files_below(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes, str]]:
    if not folder.is_dir():
        return
    for item in folder.iterdir():
        if item.is_dir():
            yield from _files_below(item, f"{prefix}/{item.name}")
        elif kind := _TYPES.get(item.name.rpartition(".")[2]):
            yield f"{prefix}/{item.name}", item.read_bytes(), kind


def _fixed(body: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that always answers the same, or that nothing has changed."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {**FOR_FILES, "etag": tag}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers={**headers, "content-type": kind})

    return answer
