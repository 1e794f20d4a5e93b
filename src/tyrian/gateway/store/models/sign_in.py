"""How people sign in, and who is signed in. Every secret is a digest here, or sealed."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class ConsoleSession(Base):
    """A browser that is signed in."""

    __tablename__ = "console_session"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the cookie's value."""
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    method: Mapped[str] = mapped_column(String(16))
    """`link`, `password+totp`, `passkey` or `oidc`."""
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]
    seen_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    ended_at: Mapped[int | None]


class PasswordCredential(Base):
    """What a person knows."""

    __tablename__ = "password_credential"

    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(200))
    """Argon2id, with its salt and parameters."""
    changed_at: Mapped[int]


class TotpCredential(Base):
    """A person's authenticator app."""

    __tablename__ = "totp_credential"

    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary(128))
    """The shared secret, sealed with the console's key, which is not in the database."""
    last_step: Mapped[int]
    """The newest time step that was used, so that no code works twice."""
    created_at: Mapped[int]


class Passkey(Base):
    """A person's passkey."""

    __tablename__ = "passkey"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    credential_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the credential's id, which may be long."""
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    transports: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[int]
    last_used_at: Mapped[int | None]


class OidcIdentity(Base):
    """A person as an identity provider knows them."""

    __tablename__ = "oidc_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(250))
    subject: Mapped[str] = mapped_column(String(250))
    created_at: Mapped[int]


class SignInLink(Base):
    """A link that signs a person in, once: from the terminal, for first starts and lost devices."""

    __tablename__ = "sign_in_link"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[int]
    expires_at: Mapped[int]
    used_at: Mapped[int | None]


class SignInStep(Base):
    """What the gateway must remember between two steps of signing in; taken out by the second."""

    __tablename__ = "sign_in_step"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the value that the browser keeps."""
    kind: Mapped[str] = mapped_column(String(24))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    expires_at: Mapped[int] = mapped_column(index=True)


class SignInFailure(Base):
    """Failed attempts on an account, or from an address."""

    __tablename__ = "sign_in_failure"

    subject: Mapped[str] = mapped_column(String(80), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[int]
