"""Who did what to accounts: one hash chain for each organisation."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class AuditEvent(Base):
    """One link: its hash covers the event and the hash before it."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_at", "organisation_id", "at"),)

    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """1, 2, 3 and so on, without a gap."""
    id: Mapped[str] = mapped_column(String(ID_LENGTH), unique=True)
    at: Mapped[int]
    type: Mapped[str] = mapped_column(String(64))
    """Such as `api_key.created`."""
    actor: Mapped[dict[str, Any]] = mapped_column(JSON)
    project_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditHead(Base):
    """The last link of each chain; whoever appends holds its row."""

    __tablename__ = "audit_head"

    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    sequence: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
