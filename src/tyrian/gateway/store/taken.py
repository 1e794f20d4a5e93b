"""What was taken away from people since a backup: restoring it must not give it back.

A place, a role or a passkey that is gone leaves no row behind. That a database lacks what a backup
of it has says that it was taken away, but only where the one goes on from the other: where every
audit chain of the backup is the beginning of the same chain there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select, update

from tyrian.gateway.store.models.audit import AuditEvent, AuditHead
from tyrian.gateway.store.models.organisations import (
    Membership,
    Organisation,
    Project,
    ProjectMembership,
    ServiceAccount,
    TierGrant,
    User,
)
from tyrian.gateway.store.models.roles import (
    CustomRole,
    GroupMember,
    PeopleGroup,
    RoleAssignment,
)
from tyrian.gateway.store.models.schema import METADATA
from tyrian.gateway.store.models.sign_in import (
    OidcIdentity,
    Passkey,
    PasswordCredential,
    TotpCredential,
)

ORDER: Final = ("viewer", "member", "analyst", "admin", "owner")
"""Places of people, the least first."""

_GONE: Final[Sequence[tuple[Any, tuple[str, ...]]]] = (
    (Passkey, ("credential_digest",)),
    (OidcIdentity, ("issuer", "subject", "user_id")),
    # Where one differs, what the backup has is an older one.
    (TotpCredential, ("user_id", "sealed")),
    (PasswordCredential, ("user_id", "hash")),
    (RoleAssignment, ("subject_id", "scope_id", "role_id")),
    (GroupMember, ("group_id", "user_id")),
    (CustomRole, ("id",)),
    (PeopleGroup, ("id",)),
    (ProjectMembership, ("project_id", "user_id")),
    (Membership, ("organisation_id", "user_id")),
)
"""Tables whose rows are taken away, with what tells two of them apart."""

_ENDED: Final[Sequence[tuple[Any, str]]] = (
    (Organisation, "archived_at"),
    (Project, "archived_at"),
    (User, "disabled_at"),
    (ServiceAccount, "deleted_at"),
    (TierGrant, "revoked_at"),
)
"""Tables whose rows stay when they end, with the time of it."""

_Identity: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What is left of people's rights in a database that a backup is about to replace."""

    left: Mapping[str, frozenset[_Identity]]
    """What there is in each table of _GONE."""
    places: Mapping[str, Mapping[str, str]]
    """The roles of places, by table and row."""
    permissions: Mapping[str, frozenset[str]]
    """Of roles that were defined there."""
    ended: Mapping[str, Mapping[str, int]]
    """The times at which something ended, by table and row."""

    @classmethod
    def read(cls, database: Connection, backup: Connection) -> "Taken | None":
        """None where the database does not go on from the backup, and so knows nothing of it."""
        if not _goes_on(database, backup):
            return None
        return cls(
            {
                _table(model).name: frozenset(
                    tuple(row) for row in database.execute(select(*_columns(model, names)))
                )
                for model, names in _GONE
            },
            {
                _table(model).name: dict(database.execute(_places(model)).all())
                for model in (Membership, ProjectMembership)
            },
            {
                it: frozenset(held)
                for it, held in database.execute(select(CustomRole.id, CustomRole.permissions))
            },
            {
                _table(model).name: dict(database.execute(_ends(model, name)).all())
                for model, name in _ENDED
            },
        )

    def apply(self, connection: Connection) -> int:
        """Take it from what was restored too; how many rights the backup would have given back."""
        count = self._narrow(connection)
        for model, names in _GONE:
            columns, left = _columns(model, names), self.left[_table(model).name]
            for row in connection.execute(select(*columns)).all():
                if tuple(row) not in left:
                    _drop(connection, model, columns, tuple(row))
                    count += 1
        for model, name in _ENDED:
            for it, at in self.ended[_table(model).name].items():
                count += connection.execute(
                    update(model)
                    .where(model.id == it, getattr(model, name).is_(None))
                    .values({name: at})
                ).rowcount
        return count

    def _narrow(self, connection: Connection) -> int:
        """Places and roles that permit less since."""
        count = 0
        for model in (Membership, ProjectMembership):
            places = self.places[_table(model).name]
            for it, role in connection.execute(_places(model)).all():
                since = places.get(it, role)
                if _rank(since) < _rank(role):
                    connection.execute(update(model).where(model.id == it).values(role=since))
                    count += 1
        for it, held in connection.execute(select(CustomRole.id, CustomRole.permissions)).all():
            since_then = self.permissions.get(it, frozenset(held))
            if kept := sorted(since_then.intersection(held)):
                change = update(CustomRole).where(CustomRole.id == it)
                connection.execute(change.values(permissions=kept))
            else:
                # A role without a permission is none.
                connection.execute(delete(RoleAssignment).where(RoleAssignment.role_id == it))
                connection.execute(delete(CustomRole).where(CustomRole.id == it))
            count += len(kept) < len(held)
        return count


def _goes_on(database: Connection, backup: Connection) -> bool:
    heads = backup.execute(
        select(AuditHead.organisation_id, AuditHead.sequence, AuditHead.hash).where(
            AuditHead.sequence > 0
        )
    ).all()
    return bool(heads) and all(
        database.execute(
            select(AuditEvent.hash).where(
                AuditEvent.organisation_id == organisation, AuditEvent.sequence == sequence
            )
        ).scalar()
        == digest
        for organisation, sequence, digest in heads
    )


def _drop(
    connection: Connection, model: Any, columns: Sequence[ColumnElement[Any]], row: _Identity
) -> None:
    if model is TotpCredential:
        # A password alone opens nothing.
        change = delete(PasswordCredential).where(PasswordCredential.user_id == row[0])
        connection.execute(change)
    if model is PeopleGroup:
        connection.execute(delete(GroupMember).where(GroupMember.group_id == row[0]))
    where = and_(*(column == value for column, value in zip(columns, row, strict=True)))
    connection.execute(delete(model).where(where))


def _places(model: Any) -> Any:
    return select(model.id, model.role)


def _ends(model: Any, name: str) -> Any:
    at = getattr(model, name)
    return select(model.id, at).where(at.is_not(None))


def _rank(role: str) -> int:
    return ORDER.index(role) if role in ORDER else 0


def _columns(model: Any, names: Iterable[str]) -> list[ColumnElement[Any]]:
    return [_table(model).c[name] for name in names]


def _table(model: Any) -> Table:
    return METADATA.tables[model.__tablename__]
