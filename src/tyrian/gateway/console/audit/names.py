"""Names for the ids in audit entries, also of what is gone."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Select, and_, or_, select

from tyrian.gateway.accounts.roles import PREDEFINED
from tyrian.gateway.console.audit.words import name_in
from tyrian.gateway.console.templates import dollars
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.audit import AuditEvent
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import (
    Invitation,
    Membership,
    Project,
    ServiceAccount,
    User,
)
from tyrian.gateway.store.models.roles import CustomRole, PeopleGroup
from tyrian.gateway.store.models.spending import SpendAlert

_GIVEN: Final = ("group.created", "group.updated", "role.created", "role.updated",
                 "spend_alert.created", "spend_alert.updated")  # fmt: skip
"""Events that name what may be gone later on."""

_CAME: Final = ("user.added", "invite.accepted")
"""Events whose actor is a person who joins, by id and address."""

_GOES: Final = ("group", "role", "alert", "user")
"""What may be gone, by the prefix of its id; all else stays in its table."""

_LOOKUPS: Final[dict[str, Callable[[str], Select[Any, Any]]]] = {
    "key": lambda home: (
        select(Key.id, Key.name).join(Project).where(Project.organisation_id == home)
    ),
    "proj": lambda home: select(Project.id, Project.name).where(Project.organisation_id == home),
    "svc_acct": lambda home: (
        select(ServiceAccount.id, ServiceAccount.name)
        .join(Project)
        .where(Project.organisation_id == home)
    ),
    "user": lambda home: (
        select(User.id, User.email).join(Membership).where(Membership.organisation_id == home)
    ),
    "invite": lambda home: select(Invitation.id, Invitation.email).where(
        Invitation.organisation_id == home
    ),
    "group": lambda home: select(PeopleGroup.id, PeopleGroup.name).where(
        PeopleGroup.organisation_id == home
    ),
    "role": lambda home: select(CustomRole.id, CustomRole.name).where(
        CustomRole.organisation_id == home
    ),
    "alert": lambda home: select(SpendAlert.id, SpendAlert.threshold_nanos).where(
        SpendAlert.organisation_id == home
    ),
}
"""The ids and names that an organisation has, by the prefix of the ids."""


async def names_of(store: Store, organisation_id: str, ids: set[str]) -> dict[str, str]:
    """What they are called now, or, where they are gone, what they were called last."""
    found = {name: PREDEFINED[name].name for name in ids if name in PREDEFINED}
    wanted: dict[str, list[str]] = defaultdict(list)
    for name in ids - found.keys():
        wanted[name.rpartition("_")[0]].append(name)
    async with store.read() as session:
        for prefix in wanted.keys() & _LOOKUPS.keys():
            query = _LOOKUPS[prefix](organisation_id)
            column = query.selected_columns[0]
            for name, told in await session.execute(query.where(column.in_(wanted[prefix]))):
                found[name] = told if isinstance(told, str) else f"{dollars(told)} a month"
        gone = {name for prefix in _GOES for name in wanted[prefix]} - found.keys()
        if gone:
            for row in await session.execute(_mentions(organisation_id, gone)):
                if row.type in _CAME:
                    found[row.actor["id"]] = str(row.actor.get("email", ""))
                elif told := name_in(row.details):
                    found[row.details["id"]] = told
    return found


def _mentions(organisation_id: str, gone: set[str]) -> Select[str, Any, Any]:
    """Entries that name them, the oldest first."""
    return (
        select(AuditEvent.type, AuditEvent.actor, AuditEvent.details)
        .where(
            AuditEvent.organisation_id == organisation_id,
            or_(
                and_(AuditEvent.type.in_(_GIVEN), AuditEvent.details["id"].as_string().in_(gone)),
                and_(AuditEvent.type.in_(_CAME), AuditEvent.actor["id"].as_string().in_(gone)),
            ),
        )
        .order_by(AuditEvent.sequence)
    )
