"""What waits for a person."""

from typing import Any

from sqlalchemy import JSON, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import Base


class Review(Base):
    """What waits for a person, or did."""

    __tablename__ = "review"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), index=True)
    """Whose request it came from."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    status: Mapped[str] = mapped_column(String(16), index=True)
    """`pending`, `approved` or `refused`."""
    stage: Mapped[str] = mapped_column(String(16))
    policy: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """The calls, the reasons, and the message that goes on once it is approved."""
    created_at: Mapped[int]
    expires_at: Mapped[int]
    decided_at: Mapped[int | None]
    decided_by: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(String(500))
    used_at: Mapped[int | None]
