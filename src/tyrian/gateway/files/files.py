"""Files of organisations: rows in the store, bytes on the disk."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.files.disk import Disk
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.dialects import StoredFile, Upload, UploadPart
from tyrian.gateway.wire import Json

PURPOSES: Final = frozenset(
    {
        "assistants", "batch", "fine-tune", "vision", "user_data", "evals",
        "attachment", "ephemeral_attachment", "image_generation_result", "messages_finetune",
        "messages_eval", "metadata",
    }
)  # fmt: skip
"""What a file may be for: OpenAI's words and the Llama API's."""

MAX_NAME: Final = 255
MAX_EXPIRY_S: Final = 30 * 86_400
SWEEP_S: Final = 3_600
_SWEPT_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Bounds in bytes and seconds."""

    max_file_bytes: int = 512 << 20
    max_stored_bytes: int = 10 << 30
    """Of one organisation, uploads under way included."""
    max_part_bytes: int = 64 << 20
    upload_s: int = 86_400
    """Until an upload that is not completed is given up."""


class Files:
    """The files. Every look-up names the organisation: nobody sees what is another one's."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        limits: FileLimits | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.disk = disk
        self.limits = limits or FileLimits()
        self._clock = clock
        self._sweep_at = 0

    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._clock())

    async def keep(
        self,
        file_id: str,
        key: KeyRecord,
        *,
        purpose: str,
        filename: str,
        mime_type: str,
        size: int,
        expires_at: int | None = None,
    ) -> StoredFile:
        """A row for bytes that are on the disk already; ApiError where there is no room."""
        file = StoredFile(
            id=file_id,
            organisation_id=key.organisation_id,
            project_id=key.project_id,
            created_by=key.id,
            purpose=purpose,
            filename=filename,
            mime_type=mime_type,
            size=size,
            digest=await self.disk.settle(file_id),
            created_at=self.now(),
            expires_at=expires_at,
        )
        async with self.store.write() as session:
            await self.check_room(session, key.organisation_id, size)
            session.add(file)
        return file

    async def check_room(self, session: AsyncSession, organisation_id: str, size: int) -> None:
        """ApiError (413) where the organisation's room does not hold so many bytes more."""
        files = await session.scalar(
            select(func.coalesce(func.sum(StoredFile.size), 0)).where(
                StoredFile.organisation_id == organisation_id
            )
        )
        uploads = await session.scalar(
            select(func.coalesce(func.sum(Upload.size), 0)).where(
                Upload.organisation_id == organisation_id, Upload.status == "pending"
            )
        )
        if int(files or 0) + int(uploads or 0) + size > self.limits.max_stored_bytes:
            raise ApiError(
                413,
                f"Your organisation may keep {self.limits.max_stored_bytes} bytes in all."
                " Delete files that are no longer needed.",
                code="storage_limit_reached",
            )

    async def get(self, file_id: str, key: KeyRecord) -> StoredFile:
        """A file; 404 where there is none, or where it is somebody else's."""
        async with self.store.read() as session:
            file = await session.get(StoredFile, file_id[:40])
        if file is None or file.organisation_id != key.organisation_id or self._is_over(file):
            raise ApiError(404, "There is no such file.", code="not_found", param="file_id")
        return file

    def _is_over(self, file: StoredFile) -> bool:
        return file.expires_at is not None and file.expires_at <= self.now()

    async def page(
        self, key: KeyRecord, *, purpose: str, after: str, limit: int, is_newest_first: bool
    ) -> tuple[list[StoredFile], bool]:
        """Files in the order of their age, and whether there are more."""
        question = select(StoredFile).where(
            StoredFile.organisation_id == key.organisation_id,
            (StoredFile.expires_at.is_(None)) | (StoredFile.expires_at > self.now()),
        )
        if purpose:
            question = question.where(StoredFile.purpose == purpose)
        if after:
            newer = StoredFile.id < after if is_newest_first else StoredFile.id > after
            question = question.where(newer)
        order = StoredFile.id.desc() if is_newest_first else StoredFile.id
        async with self.store.read() as session:
            found = list(await session.scalars(question.order_by(order).limit(limit + 1)))
        return found[:limit], len(found) > limit

    def content(self, file: StoredFile) -> AsyncIterator[bytes]:
        """Its bytes."""
        return self.disk.read(file.id)

    async def delete(self, file_id: str, key: KeyRecord) -> None:
        """Take a file away; 404 where there is none."""
        file = await self.get(file_id, key)
        async with self.store.write() as session:
            await session.execute(delete(StoredFile).where(StoredFile.id == file.id))
        await self.disk.remove(file.id)

    async def sweep(self) -> None:
        """Take away what has expired, and bytes that no row knows; once in an hour."""
        now = self.now()
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_S
        async with self.store.write() as session:
            over = list(
                await session.scalars(
                    select(StoredFile.id).where(StoredFile.expires_at <= now).limit(_SWEPT_AT_ONCE)
                )
            )
            await session.execute(delete(StoredFile).where(StoredFile.id.in_(over)))
            stale = list(
                await session.scalars(
                    select(Upload.id).where(Upload.expires_at <= now).limit(_SWEPT_AT_ONCE)
                )
            )
            parts = list(
                await session.scalars(select(UploadPart.id).where(UploadPart.upload_id.in_(stale)))
            )
            await session.execute(delete(UploadPart).where(UploadPart.id.in_(parts)))
            await session.execute(delete(Upload).where(Upload.id.in_(stale)))
        await self.disk.remove(*over, *parts)
        orphans = (await self.disk.orphans())[:_SWEPT_AT_ONCE]
        async with self.store.read() as session:
            known = {
                *await session.scalars(select(StoredFile.id).where(StoredFile.id.in_(orphans))),
                *await session.scalars(select(UploadPart.id).where(UploadPart.id.in_(orphans))),
            }
        await self.disk.remove(*(name for name in orphans if name not in known))


def new_file_id() -> str:
    """An id for a new file."""
    return new_id("file")


def file_fields(file: StoredFile) -> Json:
    """A file as clients see it."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "sha256": file.digest.hex(),
    }


def checked_purpose(value: object) -> str:
    """The purpose; 400 for none of those that there are."""
    if isinstance(value, str) and value in PURPOSES:
        return value
    known = ", ".join(sorted(PURPOSES))
    raise bad_request(f"`purpose` must be one of {known}.", param="purpose")


def checked_filename(value: object, param: str = "filename") -> str:
    """The last part of a name, without what would upset a reader; 400 where nothing is left."""
    name = value if isinstance(value, str) else ""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(char for char in name if char.isprintable()).strip()
    if not name or name in (".", "..") or len(name) > MAX_NAME:
        raise bad_request(f"`{param}` must be a name of 1 to {MAX_NAME} characters.", param=param)
    return name


def checked_mime_type(value: object) -> str:
    """The media type, or one for any bytes."""
    if not isinstance(value, str) or not value or len(value) > 100 or not value.isprintable():
        return "application/octet-stream"
    return value
