"""Budgets, what was spent, and how much may be asked in a minute.

Amounts are whole nano-dollars (10⁻⁹ USD): the price of one token is a whole number of them.
"""

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class Budget(Base):
    """The most that an organisation, a project or a key may spend in a period."""

    __tablename__ = "budget"
    __table_args__ = (UniqueConstraint("subject_id", "period"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    subject_kind: Mapped[str] = mapped_column(String(16))
    """`organisation`, `project` or `key`."""
    subject_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    period: Mapped[str] = mapped_column(String(8))
    """`total`, `day`, `week` or `month`, each beginning at midnight UTC."""
    limit_nanos: Mapped[int]
    period_started_at: Mapped[int]
    """Begin of the period that the two sums below belong to."""
    spent_nanos: Mapped[int]
    reserved_nanos: Mapped[int]
    """Held by workers, for requests that run and the next ones."""
    created_at: Mapped[int]
    updated_at: Mapped[int]


class BudgetLease(Base):
    """The part of a budget that one worker holds, to spend it without asking."""

    __tablename__ = "budget_lease"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    budget_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    version: Mapped[int]
    """Counts its writes."""
    nanos: Mapped[int]
    """All that the worker holds, as part of what the budget has reserved."""
    free_nanos: Mapped[int]
    """That part of it which no request held when it was written."""
    updated_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    """When its worker must have died; all of it counts as spent then."""


class LedgerEntry(Base):
    """What one request used and cost."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        Index("ix_ledger_entry_organisation_at", "organisation_id", "created_at"),
        Index("ix_ledger_entry_project_at", "project_id", "created_at"),
        Index("ix_ledger_entry_key_at", "key_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), index=True)
    organisation_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    project_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    key_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    user_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    route: Mapped[str] = mapped_column(String(40))
    """`chat`, `responses`, `moderations` and so on, as in logs and metrics."""
    model: Mapped[str] = mapped_column(String(200))
    status: Mapped[int]
    """Of the answer; 499 stands for a client that left."""
    effect: Mapped[str] = mapped_column(String(8))
    """The greatest effect of any guard; empty where none judged."""
    input_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    """Those of the input that the model server had in its cache."""
    output_tokens: Mapped[int]
    cost_nanos: Mapped[int]
    is_estimate: Mapped[bool]
    """The model server did not say what it used."""
    elapsed_ms: Mapped[int]
    created_at: Mapped[int]


class RateLimit(Base):
    """Requests and tokens in a minute for a project, or for a key, on the models that fit."""

    __tablename__ = "rate_limit"
    __table_args__ = (UniqueConstraint("subject_id", "model"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    subject_kind: Mapped[str] = mapped_column(String(16))
    """`organisation`, `project` or `key`."""
    subject_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    model: Mapped[str] = mapped_column(String(200))
    """A model's name, or `*` for all of them together."""
    requests_per_minute: Mapped[int | None]
    tokens_per_minute: Mapped[int | None]
    requests_per_day: Mapped[int | None]
    updated_at: Mapped[int]
