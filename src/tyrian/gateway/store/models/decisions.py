"""What the guards decided, for people to look through; without a word of what was judged.

The audit file is the whole record; these rows are for finding and explaining, and go after a while.
"""

from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class DecisionRow(Base):
    """One decision about one message of a request with a key."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_organisation_at", "organisation_id", "at_ms", "id"),
        Index("ix_decision_at", "at_ms"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    project_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    key_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    request_id: Mapped[str] = mapped_column(String(64), index=True)
    at_ms: Mapped[int]
    """Milliseconds since 1970: several decisions of one request keep their order."""
    stage: Mapped[str] = mapped_column(String(16))
    effect: Mapped[str] = mapped_column(String(8))
    role: Mapped[str] = mapped_column(String(16))
    origin: Mapped[str] = mapped_column(String(16))
    model: Mapped[str] = mapped_column(String(200))
    rules: Mapped[str] = mapped_column(Text)
    """`|rule|rule|`, so that one can be looked for on every database."""
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    runs: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    policy: Mapped[str] = mapped_column(String(64))
    length: Mapped[int]
    """Characters of the message."""
    elapsed_us: Mapped[int]
    is_cached: Mapped[bool]
