"""What clients leave with the gateway: files, uploads, responses, and answers to replay."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class StoredFile(Base):
    """A file; its bytes lie on the disk under its id."""

    __tablename__ = "stored_file"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    created_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    """The key that brought it."""
    purpose: Mapped[str] = mapped_column(String(40))
    filename: Mapped[str] = mapped_column(String(255))
    """As the client calls it; nothing on the disk is called so."""
    mime_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of its bytes."""
    created_at: Mapped[int]
    expires_at: Mapped[int | None] = mapped_column(index=True)


class Upload(Base):
    """A file on its way, in pieces."""

    __tablename__ = "upload"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    created_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    purpose: Mapped[str] = mapped_column(String(40))
    filename: Mapped[str] = mapped_column(String(255))
    mime_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    """As it was announced; the file has exactly that, or is not made."""
    received: Mapped[int]
    """Bytes that have safely arrived, in their order."""
    status: Mapped[str] = mapped_column(String(16))
    """`pending`, `completed` or `cancelled`."""
    file_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)


class UploadPart(Base):
    """A piece of an upload, with a file of its own until the upload is completed."""

    __tablename__ = "upload_part"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    upload_id: Mapped[str] = mapped_column(ForeignKey("upload.id"), index=True)
    offset: Mapped[int | None] = mapped_column("start_at")
    """Where it begins; None where its place is told at the end."""
    size: Mapped[int]
    created_at: Mapped[int]


class StoredResponse(Base):
    """A response whose client asked to have it kept, with the conversation that led to it."""

    __tablename__ = "stored_response"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    created_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    response: Mapped[dict[str, Any]] = mapped_column(JSON)
    messages: Mapped[list[Any]] = mapped_column(JSON)
    """The conversation up to and with it, as chat messages."""
    input: Mapped[list[Any]] = mapped_column(JSON)
    """The items of this one request."""
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)


class IdempotentAnswer(Base):
    """An answer to give again to a request that is sent again."""

    __tablename__ = "idempotent_answer"

    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """Digest of the key, the path and the client's idempotency key."""
    request_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed: Mapped[bytes | None]
    """The answer, sealed by the secret of the key; None while the first request is served."""
    request_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
