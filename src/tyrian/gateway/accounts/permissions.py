"""What people may do, as names; a role is a set of them, and rights are the sum of a person's."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from tyrian.errors import ConfigError

PERMISSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "organization.read": "See keys, decisions, usage, guards and members",
        "models.try": "Try models in the playground",
        "stack.read": "Read the stack file and check a change of it",
        "keys.own": "Make keys of one's own",
        "reviews.decide": "Decide on reviews",
        "keys.manage": "Govern everybody's keys and service accounts",
        "projects.manage": "Make, bound and archive projects",
        "budgets.manage": "Set budgets and spend alerts",
        "members.manage": "Invite people, and give them groups and roles",
        "roles.manage": "Define roles",
        "audit.read": "Read the audit log",
        "stack.apply": "Put a changed stack file to use, for everybody",
        "owners.manage": "Make others owners",
    }
)
"""All of them, with what people read."""

PROJECT_PERMISSIONS: Final = (
    "keys.own",
    "reviews.decide",
    "keys.manage",
    "projects.manage",
    "budgets.manage",
    "members.manage",
    "roles.manage",
)
"""Those that can be held in one project alone; who holds one in the organisation has it in all."""

_VIEWER: Final = frozenset({"organization.read"})
_ANALYST: Final = _VIEWER | {"models.try", "stack.read", "keys.own", "reviews.decide"}
_ADMIN: Final = frozenset(PERMISSIONS) - {"stack.apply", "owners.manage"}

ORGANISATION_ROLES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "viewer": _VIEWER,
        "analyst": _ANALYST,
        "admin": _ADMIN,
        "owner": frozenset(PERMISSIONS),
    }
)
"""What everybody's place in an organisation brings, the least first; each holds those before it."""

PROJECT_ROLES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"member": frozenset({"keys.own"}), "owner": frozenset(PROJECT_PERMISSIONS)}
)
"""The same of places in a project."""


class BeyondReachError(ConfigError):
    """Somebody would give, take or change more than they hold themselves."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do in one organisation."""

    organisation: frozenset[str]
    """Permissions that hold everywhere in it."""
    projects: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Those that hold in one project, by its id."""

    def may(self, permission: str, project_id: str | None = None) -> bool:
        """Whether a permission is held, in the whole organisation or in that project."""
        return permission in self.organisation or (
            project_id is not None and permission in self.projects.get(project_id, ())
        )

    def may_somewhere(self, permission: str) -> bool:
        """Whether a permission is held at least in one project."""
        return permission in self.organisation or any(
            permission in held for held in self.projects.values()
        )

    def check_covers(self, permissions: Iterable[str], project_id: str | None = None) -> None:
        """BeyondReachError where one of these permissions is not held."""
        lacking = sorted(p for p in permissions if not self.may(p, project_id))
        if lacking:
            raise BeyondReachError(
                f"this is about the permission {lacking[0]!r}, which you do not hold",
                hint="ask somebody who holds it",
            )

    def covers(self, other: "Rights") -> bool:
        """Whether nothing of the other's is beyond these."""
        return other.organisation <= self.organisation and all(
            self.may(permission, project_id)
            for project_id, held in other.projects.items()
            for permission in held
        )

    def check_covers_all(self, other: "Rights") -> None:
        """BeyondReachError where the other may do something that these rights do not hold."""
        self.check_covers(other.organisation)
        for project_id, permissions in other.projects.items():
            self.check_covers(permissions, project_id)


EVERYTHING: Final = Rights(frozenset(PERMISSIONS))
"""Whoever has the machine, or an admin key that is nobody's."""

NOTHING: Final = Rights(frozenset())


def checked_permissions(permissions: Collection[str], *, in_project: bool) -> frozenset[str]:
    """The permissions of a role; ConfigError for none, or for one that it cannot have."""
    known = PROJECT_PERMISSIONS if in_project else tuple(PERMISSIONS)
    unknown = sorted(set(permissions).difference(known))
    if unknown or not permissions:
        place = "a project's role" if in_project else "a role"
        raise ConfigError(
            f"{place} cannot have the permission {unknown[0][:64]!r}"
            if unknown
            else f"{place} needs a permission",
            hint=f"known: {', '.join(known)}",
        )
    return frozenset(permissions)
