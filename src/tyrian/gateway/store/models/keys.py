"""API keys, their secrets, and the counter by which all workers notice a change."""

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class Key(Base):
    """An API key: its identity, which outlives the secrets that prove it."""

    __tablename__ = "key"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(8))
    """`live`, `test`, `svc` or `adm`."""
    tier: Mapped[str | None] = mapped_column(String(40))
    """The most that it may use of its organisation's tier; None for all of it."""
    scopes: Mapped[list[str]] = mapped_column(JSON)
    models: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Names that it may use, with `*` and `?` as wildcards; None for every model."""
    networks: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Addresses it may come from, in CIDR notation; None for everywhere."""
    owner_user_id: Mapped[str | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    owner_service_account_id: Mapped[str | None] = mapped_column(
        ForeignKey("service_account.id"), index=True
    )
    created_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    disabled_at: Mapped[int | None]
    revoked_at: Mapped[int | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(40))
    """`asked`, `leaked` or `owner_left`."""
    last_used_at: Mapped[int | None]


class KeySecret(Base):
    """One secret of a key; rotation gives a key a second one for a while."""

    __tablename__ = "key_secret"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("key.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the whole token."""
    redacted_value: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    revoked_at: Mapped[int | None]
    last_used_at: Mapped[int | None]


class Revision(Base):
    """A number that grows with every change of what workers keep in memory."""

    __tablename__ = "revision"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int]
