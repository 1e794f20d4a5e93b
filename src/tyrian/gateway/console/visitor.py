"""Whoever is signed in, and what their role lets them do."""

from dataclasses import dataclass
from enum import IntEnum

from tyrian.gateway.accounts.permissions import NOTHING, ORGANISATION_ROLES, Rights


class Role(IntEnum):
    """A person's place in an organisation; each may do what the ones before it may."""

    VIEWER = 1
    """Reads everything but content."""
    ANALYST = 2
    """Also tries models, makes keys of their own, and decides on reviews."""
    ADMIN = 3
    """Also governs everybody's keys, budgets and members."""
    OWNER = 4
    """Also makes others owners, and puts changed guards to use."""

    @classmethod
    def of(cls, name: str) -> "Role":
        """The role of a name in the store; the least one for a name that is not known."""
        return cls.__members__.get(name.upper(), cls.VIEWER)

    @property
    def permissions(self) -> frozenset[str]:
        """What it permits."""
        return ORGANISATION_ROLES[self.id]

    @property
    def id(self) -> str:
        """As the store and the API write it."""
        return self.name.lower()

    @property
    def title(self) -> str:
        """As people read it."""
        return self.name.capitalize()


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person with a session, in one organisation."""

    user_id: str
    name: str
    email: str
    organisation_id: str
    organisation_name: str
    role: Role
    session_id: str
    method: str
    """How they signed in: `link`, `invitation`, `password+totp`, `passkey` or `oidc`."""
    csrf_token: str
    """Goes with everything that changes something; derived from the session's secret."""
    signed_in_at: int
    has_credentials: bool
    """False for one who came by a link and has no other way in yet."""
    rights: Rights = NOTHING
    """What they may do: by their place, by further roles, and by their groups."""

    @property
    def initials(self) -> str:
        """Two letters for the round badge."""
        words = self.name.split() or [self.email or "?"]
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else words[0][1:2])) or "?"

    @property
    def role_title(self) -> str:
        """The role as people read it."""
        return self.role.title

    def may(self, role: Role) -> bool:
        """Whether the visitor may do all that this role permits."""
        return Role(role).permissions <= self.rights.organisation

    def can(self, permission: str, project_id: str | None = None) -> bool:
        """Whether the visitor holds a permission, everywhere or in that project."""
        return self.rights.may(permission, project_id)

    def can_somewhere(self, permission: str) -> bool:
        """Whether the visitor holds a permission at least in one project."""
        return self.rights.may_somewhere(permission)
