"""The tables. Times are whole seconds since 1970, as they are on the wire."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints, so that later migrations can change them on every database."""

DEFAULT_ORGANISATION = "org_default"
DEFAULT_PROJECT = "proj_default"
DEFAULT_TIER = "standard"


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger}


class Organisation(Base):
    """Whom a project belongs to."""

    __tablename__ = "organisation"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    tier: Mapped[str] = mapped_column(String(40), default=DEFAULT_TIER)
    created_at: Mapped[int]


class Project(Base):
    """What keys are made for."""

    __tablename__ = "project"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]


class Key(Base):
    """An API key: its identity, which outlives the secrets that prove it."""

    __tablename__ = "key"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(8))
    tier: Mapped[str] = mapped_column(String(40), default=DEFAULT_TIER)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    revoked_at: Mapped[int | None]
    last_used_at: Mapped[int | None]


class KeySecret(Base):
    """One secret of a key; rotation gives a key a second one for a while."""

    __tablename__ = "key_secret"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("key.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    redacted_value: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    last_used_at: Mapped[int | None]


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
