"""What the members' page shows of groups and roles, and what a visitor may do about them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tyrian.gateway.accounts.groups import Groups
from tyrian.gateway.accounts.holdings import Holder, Holdings
from tyrian.gateway.accounts.permissions import PERMISSIONS, Rights
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.accounts.roles import PREDEFINED, RoleRecord
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.store.engine import Store

SEPARATOR = "|"
"""Between a project's id, empty for the organisation, and a role's, in the fields of forms."""


@dataclass(frozen=True, slots=True)
class Given:
    """A role that a person or a group has."""

    value: str
    label: str
    may_take: bool
    """The visitor holds all that it permits."""


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group."""

    id: str
    name: str
    people: Sequence[str]
    """Ids."""
    given: Sequence[Given]
    may_fill: bool
    """The visitor holds all that it permits, and so may put people in and take them out."""


@dataclass(frozen=True, slots=True)
class RoleLine:
    """A role that the organisation defined."""

    role: RoleRecord
    words: Sequence[str]
    """What it permits."""
    may_change: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it."""

    groups: Sequence[GroupLine]
    given: Mapping[str, Sequence[Given]]
    """By the people's ids."""
    groups_of: Mapping[str, Sequence[str]]
    """The names of the groups that people are in, by their ids."""
    for_people: Sequence[tuple[str, str]]
    """Roles that the visitor may give to people: what the form sends, and what people read."""
    for_groups: Sequence[tuple[str, str]]
    roles: Sequence[RoleLine]
    permissions: Sequence[tuple[str, str]]
    """Those that the visitor may put into a role."""


async def overview(store: Store, visitor: Visitor) -> Overview:
    """What there is in the visitor's organisation."""
    organisation = visitor.organisation_id
    projects = {
        project.id: project.name
        for project in await Projects(store).list(organisation)
        if project.archived_at is None
    }
    given: dict[Holder, list[Given]] = defaultdict(list)
    held: dict[str, dict[str | None, set[str]]] = defaultdict(lambda: defaultdict(set))
    for holder, project_id, role in await Holdings(store).everywhere(organisation):
        if project_id is None or project_id in projects:
            given[holder].append(_given(visitor, role, project_id, projects))
        held[holder.id][project_id] |= role.permissions
    groups = await Groups(store).list(organisation)
    names = {group.id: group.name for group in groups}
    people: dict[str, list[str]] = defaultdict(list)
    groups_of: dict[str, list[str]] = defaultdict(list)
    for group_id, user_id in await Groups(store).everybody(organisation):
        people[group_id].append(user_id)
        groups_of[user_id].append(names[group_id])
    custom = await RoleBook(store).custom(organisation)
    choices = _choices(visitor, custom, projects)
    return Overview(
        [
            GroupLine(
                group.id,
                group.name,
                people[group.id],
                given[Holder("group", group.id)],
                visitor.rights.covers(_rights(held[group.id])),
            )
            for group in groups
        ],
        {holder.id: list(lines) for holder, lines in given.items() if holder.kind == "user"},
        groups_of,
        [choice for choice in choices if choice[0].removeprefix(SEPARATOR) not in PREDEFINED],
        choices,
        [
            RoleLine(
                role,
                [PERMISSIONS[name] for name in PERMISSIONS if name in role.permissions],
                visitor.can("roles.manage") and role.permissions <= visitor.rights.organisation,
            )
            for role in custom
            if role.project_id is None
        ],
        [(name, told) for name, told in PERMISSIONS.items() if visitor.can(name)],
    )


def _rights(held: Mapping[str | None, set[str]]) -> Rights:
    projects = {it: frozenset(names) for it, names in held.items() if it is not None}
    return Rights(frozenset(held.get(None, ())), projects)


def _given(
    visitor: Visitor, role: RoleRecord, project_id: str | None, projects: Mapping[str, str]
) -> Given:
    label = role.name if project_id is None else f"{role.name} in {projects[project_id]}"
    may_take = all(visitor.can(permission, project_id) for permission in role.permissions)
    return Given(f"{project_id or ''}{SEPARATOR}{role.id}", label, may_take)


def _choices(
    visitor: Visitor, custom: Sequence[RoleRecord], projects: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The roles that the visitor may give, first those of the organisation."""
    predefined = list(PREDEFINED.values())
    wide = [r for r in (*predefined, *custom) if not r.is_of_project]
    places: list[tuple[str | None, RoleRecord]] = [(None, role) for role in wide]
    for project_id in projects:
        places += [
            (project_id, role)
            for role in (*predefined, *custom)
            if role.is_of_project and role.project_id in (None, project_id)
        ]
    found = [_given(visitor, role, project_id, projects) for project_id, role in places]
    return [(one.value, one.label) for one in found if one.may_take]
