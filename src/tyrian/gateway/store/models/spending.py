"""What was spent in a period, who wants to hear of it, and what they were told."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class Spending(Base):
    """The sum of the ledger for an organisation or a project in one period; nano-dollars."""

    __tablename__ = "spending"

    subject_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    period: Mapped[str] = mapped_column(String(8), primary_key=True)
    """`month`, the one that alerts are for."""
    began_at: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    nanos: Mapped[int]


class SpendAlert(Base):
    """Tells somebody once spending reaches an amount."""

    __tablename__ = "spend_alert"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    project_id: Mapped[str | None] = mapped_column(ForeignKey("project.id"), index=True)
    """None for the whole organisation."""
    threshold_nanos: Mapped[int]
    period: Mapped[str] = mapped_column(String(8))
    channel: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Whom to tell, as the API takes it."""
    created_at: Mapped[int]
    fired_at: Mapped[int | None]
    """The last time."""


class FiredAlert(Base):
    """That spending reached an amount in a period, and how far the news has got.

    It outlives its alert.
    """

    __tablename__ = "fired_alert"
    __table_args__ = (
        # Whichever worker inserts the row is the one that noticed; no other can.
        UniqueConstraint("alert_id", "began_at", "threshold_nanos"),
        Index("ix_fired_alert_organisation", "organisation_id", "fired_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    alert_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    organisation_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    project_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    period: Mapped[str] = mapped_column(String(8))
    began_at: Mapped[int]
    threshold_nanos: Mapped[int]
    spent_nanos: Mapped[int]
    """When it was noticed."""
    channel: Mapped[dict[str, Any]] = mapped_column(JSON)
    fired_at: Mapped[int]
    email_state: Mapped[str] = mapped_column(String(16))
    """`pending`, `sent`, `failed`, or `not_configured` where there is no mail server."""
    webhook_state: Mapped[str] = mapped_column(String(16))
    """The same of the gateway's webhook."""
    tries: Mapped[int]
    next_try_at: Mapped[int | None] = mapped_column(index=True)
    """When somebody is to see to it next; None where nothing is left to do."""
