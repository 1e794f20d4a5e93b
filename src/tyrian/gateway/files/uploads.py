"""Uploads in pieces: at their offsets, as the Llama API has it, or put in order at the end."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import delete, select, update

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.files.files import Files, new_file_id
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.dialects import StoredFile, Upload, UploadPart

MAX_PARTS = 10_000


class Uploads:
    """The uploads. A piece counts once all of it is on the disk; a cut one leaves no trace."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._store = files.store

    async def begin(
        self, key: KeyRecord, *, purpose: str, filename: str, mime_type: str, size: int
    ) -> Upload:
        """A new upload; ApiError (413) where there is no room for it."""
        now = self._files.now()
        upload = Upload(
            id=new_id("upload"),
            organisation_id=key.organisation_id,
            project_id=key.project_id,
            created_by=key.id,
            purpose=purpose,
            filename=filename,
            mime_type=mime_type,
            size=size,
            received=0,
            status="pending",
            created_at=now,
            expires_at=now + self._files.limits.upload_s,
        )
        async with self._store.write() as session:
            await self._files.check_room(session, key.organisation_id, size)
            session.add(upload)
        return upload

    async def get(self, upload_id: str, key: KeyRecord) -> Upload:
        """An upload; 404 where there is none, or where it is somebody else's."""
        async with self._store.read() as session:
            upload = await session.get(Upload, upload_id[:40])
        if upload is None or upload.organisation_id != key.organisation_id:
            raise ApiError(404, "There is no such upload.", code="not_found", param="upload_id")
        if upload.status == "pending" and upload.expires_at <= self._files.now():
            raise ApiError(404, "The upload has expired.", code="not_found", param="upload_id")
        return upload

    async def begin_part(
        self, upload_id: str, key: KeyRecord, offset: int | None
    ) -> tuple[Upload, str]:
        """The upload, and the id under which a piece's bytes are to be put on the disk."""
        upload = await self.get(upload_id, key)
        self._check_pending(upload)
        if offset is not None and offset != upload.received:
            raise wrong_offset(upload)
        return upload, new_id("part")

    async def add_part(
        self, upload: Upload, part_id: str, size: int, offset: int | None
    ) -> UploadPart:
        """Count a piece that is on the disk; ApiError where its place has been taken meanwhile."""
        if upload.received + size > upload.size:
            raise bad_request(
                f"The upload was announced with {upload.size} bytes, and this is more.",
                param="data",
                code="size_mismatch",
            )
        await self._files.disk.settle(part_id)
        part = UploadPart(
            id=part_id,
            upload_id=upload.id,
            offset=offset,
            size=size,
            created_at=self._files.now(),
        )
        async with self._store.write() as session:
            place = [Upload.id == upload.id, Upload.status == "pending"]
            # At an offset the pieces come one after another; else they only must not be too much.
            place.append(
                Upload.received == offset
                if offset is not None
                else Upload.received + size <= Upload.size
            )
            counted = await session.execute(
                update(Upload).where(*place).values(received=Upload.received + size)
            )
            if getattr(counted, "rowcount", 0) != 1:
                now = await session.get(Upload, upload.id, populate_existing=True)
                raise wrong_offset(now or upload)
            session.add(part)
        upload.received += size
        return part

    async def complete(
        self, upload: Upload, key: KeyRecord, part_ids: Sequence[str] | None = None, md5: str = ""
    ) -> StoredFile:
        """Make the file: of the pieces in their order, or in the order that is given."""
        self._check_pending(upload)
        async with self._store.read() as session:
            found = list(
                await session.scalars(
                    select(UploadPart)
                    .where(UploadPart.upload_id == upload.id)
                    .order_by(UploadPart.offset, UploadPart.id)
                )
            )
        by_id = {part.id: part for part in found}
        order = [part.id for part in found] if part_ids is None else list(part_ids)
        if len(set(order)) != len(order) or not by_id.keys() >= set(order):
            raise bad_request("`part_ids` names a part twice, or none of this upload's.",
                              param="part_ids")  # fmt: skip
        size = sum(by_id[part_id].size for part_id in order)
        if size != upload.size:
            raise bad_request(
                f"The upload was announced with {upload.size} bytes, and {size} have come.",
                code="size_mismatch",
            )
        await self._claim(upload, "pending", "completing")
        try:
            file = await self._joined(upload, key, order, md5)
        except BaseException:
            await self._claim(upload, "completing", "pending")
            raise
        await self._files.disk.remove(*by_id)
        return file

    async def _joined(
        self, upload: Upload, key: KeyRecord, order: Sequence[str], md5: str
    ) -> StoredFile:
        file_id = new_file_id()
        try:
            await self._files.disk.join(file_id, order)
            if md5:
                await self._check_md5(file_id, md5)
            file = await self._files.keep(
                file_id,
                key,
                purpose=upload.purpose,
                filename=upload.filename,
                mime_type=upload.mime_type,
                size=upload.size,
            )
        except BaseException:
            await self._files.disk.remove(file_id)
            raise
        async with self._store.write() as session:
            await session.execute(delete(UploadPart).where(UploadPart.upload_id == upload.id))
            await session.execute(
                update(Upload)
                .where(Upload.id == upload.id)
                .values(status="completed", file_id=file_id)
            )
        upload.status, upload.file_id = "completed", file_id
        return file

    async def _check_md5(self, file_id: str, md5: str) -> None:
        seen = hashlib.md5(usedforsecurity=False)
        async for piece in self._files.disk.read(file_id):
            seen.update(piece)
        if seen.hexdigest() != md5.lower():
            raise bad_request("The bytes do not have the digest.", param="md5")

    async def cancel(self, upload: Upload) -> None:
        """Give an upload up."""
        self._check_pending(upload)
        await self._claim(upload, "pending", "cancelled")
        async with self._store.write() as session:
            parts = list(
                await session.scalars(
                    select(UploadPart.id).where(UploadPart.upload_id == upload.id)
                )
            )
            await session.execute(delete(UploadPart).where(UploadPart.id.in_(parts)))
        await self._files.disk.remove(*parts)
        upload.status = "cancelled"

    async def _claim(self, upload: Upload, before: str, after: str) -> None:
        async with self._store.write() as session:
            claimed = await session.execute(
                update(Upload)
                .where(Upload.id == upload.id, Upload.status == before)
                .values(status=after)
            )
        if getattr(claimed, "rowcount", 0) != 1 and after != "pending":
            raise ApiError(409, "The upload is no longer pending.", code="upload_closed")

    def _check_pending(self, upload: Upload) -> None:
        if upload.status != "pending":
            raise ApiError(409, f"The upload is {upload.status}.", code="upload_closed")


def wrong_offset(upload: Upload) -> ApiError:
    """409, with the offset from which to go on."""
    return ApiError(
        409,
        f"The upload goes on at byte {upload.received}.",
        code="wrong_offset",
        param="x-upload-offset",
        headers=((b"x-should-retry", b"false"),),
        extra={"upload_id": upload.id, "offset": upload.received},
    )
