"""The OpenAPI 3.1 document of the routes that a gateway really has, and the route that gives it."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec

from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.responses import send_body
from tyrian.gateway.routes.openapi.operations import EVENTS, NOT_SERVED, OPERATIONS, Operation
from tyrian.gateway.routes.openapi.schemas import Schema, ref, schemas

PATH: Final = "/openapi.json"
ADMIN: Final = ("/v1/organization/", "/v1/projects/")
ALIASES: Final = ("/compat/v1/", "/llama/v1/")
_VARIABLE = re.compile(r"\{(\w+)\}")
_ANY_ERRORS = (400, 404, 405, 408, 413, 415, 431, 500, 503)
_KEY_ERRORS = (401, 403, 429)
_ABOUT = (
    "Model servers behind guards. `/compat/v1` has the same routes in the same dialect, and "
    "`/llama/v1` has them in that of Llama's API."
)


class OpenApi:
    """GET /openapi.json"""

    def __init__(
        self, routes: Mapping[str, Iterable[str]], more: Mapping[str, Iterable[str]]
    ) -> None:
        """Paths with their methods; read when the document is first asked for."""
        self._routes = routes
        self._more = more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context_of(scope).route = "openapi"
        await send_body(send, self._body)

    @cached_property
    def _body(self) -> bytes:
        return msgspec.json.encode(document({**self._routes, **self._more}))


def document(routes: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The description of these routes.

    A route of which nothing is written down is described as what it is: JSON in, JSON out.
    """
    paths: dict[str, dict[str, Any]] = {}
    for path, methods in sorted(routes.items()):
        if path.startswith(ALIASES):
            continue
        for (template, method), operation in _known(path):
            paths.setdefault(template, {})[method.lower()] = _operation(template, method, operation)
        for method in methods:
            if method != "HEAD" and not _known(path):
                told = _operation(path, method, _plain(path, method))
                paths.setdefault(path, {})[method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tyrian", "version": version("tyrian"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _known(path: str) -> list[tuple[tuple[str, str], Operation]]:
    """The operations that are written down for a path, and for ids below it."""
    below = path + "/{"
    return [
        (key, operation)
        for key, operation in OPERATIONS.items()
        if key[0] == path or key[0].startswith(below)
    ]


def _plain(path: str, method: str) -> Operation:
    takes = "Object" if method in ("POST", "PUT", "PATCH") else ""
    if path in NOT_SERVED:
        return Operation(NOT_SERVED[path], takes=takes, statuses=(), errors=(501,))
    is_admin = path.startswith(ADMIN)
    summary = "As in OpenAI's administration API." if is_admin else "Not described further."
    return Operation(summary, takes=takes, scope="admin" if is_admin else "", errors=(404, 409))


def _operation(path: str, method: str, operation: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {str(s): _good(s, operation) for s in operation.statuses}
    errors = {*_ANY_ERRORS, *operation.errors, *(() if operation.is_open else _KEY_ERRORS)}
    told: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": f"{method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', path)}",
        "parameters": [*_path_parameters(path), *_query_parameters(operation)],
        "responses": {**good, **{str(status): _error(status) for status in sorted(errors)}},
    }
    if operation.is_open:
        told["security"] = []
    elif operation.scope:
        told["description"] = f"The key needs the scope `{operation.scope}`."
    if operation.takes:
        content = {operation.body_type: {"schema": ref(operation.takes)}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _good(status: int, operation: Operation) -> Schema:
    content: Schema = {
        kind: {} if kind == EVENTS or not operation.answer else {"schema": ref(operation.answer)}
        for kind in operation.answer_types
    }
    return {"description": HTTPStatus(status).phrase, "content": content}


def _error(status: int) -> Schema:
    content = {"application/json": {"schema": ref("Error")}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _path_parameters(path: str) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _VARIABLE.findall(path)
    ]


def _query_parameters(operation: Operation) -> list[Schema]:
    return [
        {"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()
    ]
