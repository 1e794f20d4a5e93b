"""What the playground keeps: decisions to look at again, setups, and snapshots to share."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class PlaygroundRecord(Base):
    """What the guards made of one request, without a word of it."""

    __tablename__ = "playground_record"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The request's id."""
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    key_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)


class PlaygroundSetup(Base):
    """Columns with their models and settings, saved under a name."""

    __tablename__ = "playground_setup"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    created_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    """The key or the person who saved it."""
    name: Mapped[str] = mapped_column(String(200))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[int]
    updated_at: Mapped[int]


class PlaygroundSnapshot(Base):
    """A conversation as somebody shared it; nobody changes it, it expires, it can be revoked."""

    __tablename__ = "playground_snapshot"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    created_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    """The key or the person who shared it."""
    title: Mapped[str] = mapped_column(String(200))
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """None once it is revoked: what was taken back is gone."""
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    revoked_at: Mapped[int | None]
