"""/v1/uploads: files in pieces, in the spelling of both dialects."""

import msgspec

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import header, read_json
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.files.files import (
    Files,
    checked_filename,
    checked_mime_type,
    checked_purpose,
    file_fields,
)
from tyrian.gateway.files.form import read_form
from tyrian.gateway.files.uploads import MAX_PARTS, Uploads
from tyrian.gateway.responses import send_body
from tyrian.gateway.routes.files import too_large_file
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.models.dialects import StoredFile, Upload, UploadPart
from tyrian.gateway.wire import Json

_NOWHERE = ApiError(404, "There is no such route.", code="not_found")


class UploadRoutes:
    """The endpoints."""

    def __init__(self, settings: Settings, files: Files, prefix: str) -> None:
        self._settings = settings
        self._files = files
        self._uploads = Uploads(files)
        self._prefix = prefix + "/"

    async def write(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST /v1/uploads, and below it: /{id}, /{id}/parts, /{id}/complete, /{id}/cancel"""
        context = context_of(scope)
        context.route = "uploads"
        key = await authenticate(scope, self._settings.keys, context, "files")
        upload_id, _, what = scope["path"][len(self._prefix) :].partition("/")
        if not upload_id:
            answer = await self._begin(scope, receive, key)
        elif not what:
            answer = await self._piece(scope, receive, key, upload_id)
        elif what == "parts":
            upload, part = await self._part(scope, receive, key, upload_id, None)
            answer = _part_fields(upload, part)
        elif what == "complete":
            answer = await self._complete(scope, receive, key, upload_id)
        elif what == "cancel":
            upload = await self._uploads.get(upload_id, key)
            await self._uploads.cancel(upload)
            answer = _upload_fields(upload)
        else:
            raise _NOWHERE
        await send_body(send, msgspec.json.encode(answer))

    async def read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /v1/uploads/{id}: how far it has come"""
        context = context_of(scope)
        context.route = "uploads"
        key = await authenticate(scope, self._settings.keys, context, "files")
        upload_id, _, what = scope["path"][len(self._prefix) :].partition("/")
        if what or not upload_id:
            raise _NOWHERE
        upload = await self._uploads.get(upload_id, key)
        await send_body(send, msgspec.json.encode(_progress(upload)))

    async def _begin(self, scope: Scope, receive: Receive, key: KeyRecord) -> Json:
        limits = self._settings.limits
        _, obj = await read_json(scope, receive, limit=64 << 10, timeout_s=limits.body_s)
        size = obj.get("bytes")
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise bad_request("`bytes` must be the size of the file.", param="bytes")
        if size > self._files.limits.max_file_bytes:
            raise too_large_file(self._files.limits.max_file_bytes)
        upload = await self._uploads.begin(
            key,
            purpose=checked_purpose(obj.get("purpose")),
            filename=checked_filename(obj.get("filename")),
            mime_type=checked_mime_type(obj.get("mime_type")),
            size=size,
        )
        await self._files.sweep()
        return _upload_fields(upload)

    async def _piece(self, scope: Scope, receive: Receive, key: KeyRecord, upload_id: str) -> Json:
        """A piece at its offset; with the last one the file is there."""
        upload = await self._uploads.get(upload_id, key)
        offset = _offset(header(scope, b"x-upload-offset"), upload)
        upload, _ = await self._part(scope, receive, key, upload_id, offset)
        if upload.received == upload.size:
            await self._uploads.complete(upload, key)
        return _progress(upload)

    async def _part(
        self, scope: Scope, receive: Receive, key: KeyRecord, upload_id: str, offset: int | None
    ) -> tuple[Upload, UploadPart]:
        upload, part_id = await self._uploads.begin_part(upload_id, key, offset)
        disk = self._files.disk
        most = min(self._files.limits.max_part_bytes, upload.size - upload.received + 1)
        size = 0

        async def sink(data: bytes) -> None:
            nonlocal size
            # One byte too much is enough to know that more comes than was announced.
            data = data[: most - size]
            await disk.append(part_id, size, data)
            size += len(data)

        try:
            form = await read_form(scope, receive, "data", sink)
            if not form.has_file or not size:
                raise bad_request("The form has no `data`, or it is empty.", param="data")
            if size == self._files.limits.max_part_bytes < upload.size - upload.received:
                raise too_large_file(self._files.limits.max_part_bytes)
            part = await self._uploads.add_part(upload, part_id, size, offset)
        except BaseException:
            await disk.remove(part_id)
            raise
        return upload, part

    async def _complete(
        self, scope: Scope, receive: Receive, key: KeyRecord, upload_id: str
    ) -> Json:
        limits = self._settings.limits
        _, obj = await read_json(
            scope, receive, limit=limits.max_body_bytes, timeout_s=limits.body_s
        )
        part_ids, md5 = obj.get("part_ids"), obj.get("md5")
        if not isinstance(part_ids, list) or not 0 < len(part_ids) <= MAX_PARTS:
            raise bad_request(f"`part_ids` must name 1 to {MAX_PARTS} parts.", param="part_ids")
        if not all(isinstance(part_id, str) for part_id in part_ids):
            raise bad_request("`part_ids` must hold ids.", param="part_ids")
        if not isinstance(md5, str | None):
            raise bad_request("`md5` must be a string.", param="md5")
        upload = await self._uploads.get(upload_id, key)
        file = await self._uploads.complete(upload, key, part_ids, md5 or "")
        return _upload_fields(upload, file)


def _offset(value: bytes, upload: Upload) -> int:
    """The offset that was given; the next one where none was."""
    if not value:
        return upload.received
    if not value.isdigit() or len(value) > 15:
        raise bad_request("`X-Upload-Offset` must be a number of bytes.", param="x-upload-offset")
    return int(value)


def _upload_fields(upload: Upload, file: StoredFile | None = None) -> Json:
    fields: Json = {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.size,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
        "filename": upload.filename,
        "mime_type": upload.mime_type,
        "purpose": upload.purpose,
        "status": upload.status,
    }
    if file is not None:
        fields["file"] = file_fields(file)
    return fields


def _part_fields(upload: Upload, part: UploadPart) -> Json:
    return {
        "id": part.id,
        "object": "upload.part",
        "created_at": part.created_at,
        "upload_id": upload.id,
    }


def _progress(upload: Upload) -> Json:
    fields: Json = {"upload_id": upload.id, "offset": upload.received}
    if upload.file_id is not None:
        fields["file_id"] = upload.file_id
    return fields
