"""/v1/files: what organisations keep here for training, evaluation and batches."""

from urllib.parse import parse_qs, quote

import msgspec

from tyrian.gateway.auth import authenticate
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.files.files import (
    MAX_EXPIRY_S,
    Files,
    checked_filename,
    checked_mime_type,
    checked_purpose,
    file_fields,
    new_file_id,
)
from tyrian.gateway.files.form import Form, read_form
from tyrian.gateway.responses import send_body
from tyrian.gateway.settings import Settings
from tyrian.gateway.wire import Json

MAX_PAGE = 1_000


class FileRoutes:
    """The endpoints."""

    def __init__(self, settings: Settings, files: Files, prefix: str) -> None:
        self._settings = settings
        self._files = files
        self._prefix = prefix + "/"

    async def create(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST /v1/files"""
        context = context_of(scope)
        context.route = "files"
        key = await authenticate(scope, self._settings.keys, context, "files")
        files, file_id = self._files, new_file_id()
        size = 0

        async def sink(data: bytes) -> None:
            nonlocal size
            if size + len(data) > files.limits.max_file_bytes:
                raise too_large_file(files.limits.max_file_bytes)
            await files.disk.append(file_id, size, data)
            size += len(data)

        try:
            form = await read_form(scope, receive, "file", sink)
            if not form.has_file or not size:
                raise bad_request("The form has no file, or an empty one.", param="file")
            file = await files.keep(
                file_id,
                key,
                purpose=checked_purpose(form.fields.get("purpose")),
                filename=checked_filename(form.filename, "file"),
                mime_type=checked_mime_type(form.mime_type),
                size=size,
                expires_at=_expires_at(form, files.now()),
            )
        except BaseException:
            await files.disk.remove(file_id)
            raise
        await files.sweep()
        await send_body(send, msgspec.json.encode(file_fields(file)))

    async def read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /v1/files, /v1/files/{id} and /v1/files/{id}/content"""
        context = context_of(scope)
        context.route = "files"
        key = await authenticate(scope, self._settings.keys, context, "files")
        file_id, _, what = scope["path"][len(self._prefix) :].partition("/")
        if not file_id:
            await send_body(send, msgspec.json.encode(await self._page(scope)))
            return
        if what not in ("", "content"):
            raise ApiError(404, "There is no such route.", code="not_found")
        file = await self._files.get(file_id, key)
        if not what:
            await send_body(send, msgspec.json.encode(file_fields(file)))
            return
        pieces = self._files.content(file)
        first = await anext(pieces, b"")  # bytes that are gone are told before an answer begins
        # Bytes of a client are never shown by a browser as a page of this origin.
        name = quote(file.filename, safe="")
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"content-length", b"%d" % file.size),
            (b"content-disposition", f"attachment; filename*=UTF-8''{name}".encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"private, no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] != "HEAD":
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for data in pieces:
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _page(self, scope: Scope) -> Json:
        key = context_of(scope).key
        if key is None:
            raise AssertionError("the key has been checked")
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        order = _one(query, "order", "desc")
        if order not in ("asc", "desc"):
            raise bad_request("`order` must be asc or desc.", param="order")
        found, has_more = await self._files.page(
            key,
            purpose=_one(query, "purpose", ""),
            after=_one(query, "after", ""),
            limit=_limit(_one(query, "limit", str(MAX_PAGE))),
            is_newest_first=order == "desc",
        )
        return page_fields([file_fields(file) for file in found], has_more=has_more)

    async def delete(self, scope: Scope, receive: Receive, send: Send) -> None:
        """DELETE /v1/files/{id}"""
        context = context_of(scope)
        context.route = "files"
        key = await authenticate(scope, self._settings.keys, context, "files")
        file_id = scope["path"][len(self._prefix) :]
        await self._files.delete(file_id, key)
        answer = {"id": file_id, "object": "file", "deleted": True}
        await send_body(send, msgspec.json.encode(answer))


def page_fields(data: list[Json], *, has_more: bool) -> Json:
    """A page of a list, as OpenAI's dialect has it."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def too_large_file(limit: int) -> ApiError:
    """413, and the connection closes because its body was not read."""
    message = f"A file may have at most {limit} bytes."
    return ApiError(413, message, code="request_too_large", headers=((b"connection", b"close"),))


def _one(query: dict[str, list[str]], name: str, plain: str) -> str:
    return query.get(name, [plain])[0]


def _limit(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MAX_PAGE:
        raise bad_request(f"`limit` must be 1 to {MAX_PAGE}.", param="limit")
    return int(value)


def _expires_at(form: Form, now: int) -> int | None:
    seconds = form.fields.get("expires_after[seconds]")
    if seconds is None:
        return None
    is_anchored = form.fields.get("expires_after[anchor]", "created_at") == "created_at"
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 10 and is_anchored):
        raise bad_request("`expires_after` counts seconds from created_at.", param="expires_after")
    if not 3_600 <= int(seconds) <= MAX_EXPIRY_S:
        raise bad_request(
            f"`expires_after.seconds` must be 3600 to {MAX_EXPIRY_S}.", param="expires_after"
        )
    return now + int(seconds)
