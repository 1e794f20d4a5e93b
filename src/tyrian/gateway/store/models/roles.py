"""Groups of people, roles that an organisation defines, and who has which."""

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tyrian.gateway.store.models.base import ID_LENGTH, Base


class PeopleGroup(Base):
    """People who get roles together."""

    __tablename__ = "people_group"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[int]


class GroupMember(Base):
    """A person's place in a group."""

    __tablename__ = "group_member"

    group_id: Mapped[str] = mapped_column(ForeignKey("people_group.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id"), primary_key=True, index=True
    )
    created_at: Mapped[int]


class CustomRole(Base):
    """A named set of permissions; the predefined ones are no rows."""

    __tablename__ = "custom_role"
    __table_args__ = (UniqueConstraint("scope_id", "name"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    scope_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    """The organisation, or the project that it is for."""
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(String(1_000))
    permissions: Mapped[list[str]] = mapped_column(JSON)
    created_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[int]
    updated_at: Mapped[int]


class RoleAssignment(Base):
    """A role that a person or a group has, in an organisation or in a project.

    What a person's own place brings is not here: that is the role of their membership.
    """

    __tablename__ = "role_assignment"
    __table_args__ = (
        UniqueConstraint("subject_id", "scope_id", "role_id"),
        Index("ix_role_assignment_scope", "scope_id", "role_id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), index=True)
    subject_kind: Mapped[str] = mapped_column(String(8))
    """`user` or `group`."""
    subject_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    scope_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    """The organisation, or the project in which the role holds."""
    role_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    """Of a row, or of a predefined role."""
    created_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[int]
