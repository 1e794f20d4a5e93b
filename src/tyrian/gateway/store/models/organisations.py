"""Organisations, their projects, and the people in them."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base

DEFAULT_ORGANISATION = "org_default"
DEFAULT_PROJECT = "proj_default"


class Organisation(Base):
    """Whom projects, people and grants belong to; nothing is shared between two of them."""

    __tablename__ = "organisation"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]
    archived_at: Mapped[int | None]
    data_retention: Mapped[str | None] = mapped_column(String(40))
    """What is kept of requests; None is the gateway's own setting."""


class Project(Base):
    """What keys are made for, and what their spending is summed under."""

    __tablename__ = "project"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]
    archived_at: Mapped[int | None]
    model_mode: Mapped[str | None] = mapped_column(String(12))
    """`allow_list` or `deny_list` of `model_ids`; None allows every model."""
    model_ids: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    data_retention: Mapped[str | None] = mapped_column(String(40))


class User(Base):
    """A person. How they sign in is kept in tables of its own."""

    __tablename__ = "user_account"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    """In lower case."""
    email_verified_at: Mapped[int | None]
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]
    disabled_at: Mapped[int | None]
    last_seen_at: Mapped[int | None]


class Membership(Base):
    """A person's place in an organisation."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("organisation_id", "user_id"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    """`owner`, `admin`, `analyst` or `viewer`."""
    created_at: Mapped[int]


class ProjectMembership(Base):
    """A person's place in a project."""

    __tablename__ = "project_membership"
    __table_args__ = (UniqueConstraint("project_id", "user_id"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    """`owner` or `member`."""
    created_at: Mapped[int]


class ServiceAccount(Base):
    """An owner of keys who is no person."""

    __tablename__ = "service_account"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    """`owner`, `member` or `none`."""
    created_at: Mapped[int]
    deleted_at: Mapped[int | None]


class Invitation(Base):
    """An offer of membership to whoever holds its token and the e-mail address."""

    __tablename__ = "invitation"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    email: Mapped[str] = mapped_column(String(320))
    role: Mapped[str] = mapped_column(String(16))
    projects: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """`{"id": …, "role": …}` of each project that is joined too."""
    tier: Mapped[str | None] = mapped_column(String(16))
    """The tier that accepting it brings the organisation; None for no change."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the token, which is shown once."""
    invited_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[int]
    expires_at: Mapped[int]
    accepted_at: Mapped[int | None]
    accepted_by: Mapped[str | None] = mapped_column(ForeignKey("user_account.id"))
    revoked_at: Mapped[int | None]


class TierGrant(Base):
    """A set of permissions that somebody granted an organisation, with the reason.

    `program` names the access programme that it came from, so that one organisation can hold
    several; the plain tier of an organisation has the programme `""`.
    """

    __tablename__ = "tier_grant"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    program: Mapped[str] = mapped_column(String(64))
    tier: Mapped[str] = mapped_column(String(16))
    """`public`, `developer`, `partner` or `operator`."""
    requested_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    granted_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    approved_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    """The second person, where a tier needs two."""
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    revoked_at: Mapped[int | None]
