"""The side bar: which pages there are, in which order, and who sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tyrian.gateway.console.visitor import Role, Visitor


@dataclass(frozen=True, slots=True)
class NavItem:
    """A page in the side bar."""

    id: str
    """What a page names as `active`."""
    title: str
    path: str
    icon: str
    """A name in `parts.html`."""
    role: Role = Role.VIEWER
    """Who may do all that this role permits sees it."""
    permission: str = ""
    """In place of the role: who holds this sees it."""

    def is_for(self, visitor: Visitor) -> bool:
        """Whether somebody sees it."""
        return visitor.can(self.permission) if self.permission else visitor.may(self.role)


@dataclass(frozen=True, slots=True)
class NavGroup:
    """Pages under one title; the first group has none."""

    title: str
    items: Sequence[NavItem]


NAVIGATION: Sequence[NavGroup] = (
    NavGroup("", (NavItem("overview", "Overview", "/", "home"),)),
    NavGroup(
        "Build",
        (
            NavItem("playground", "Playground", "/playground", "play", permission="models.try"),
            NavItem("models", "Models", "/models", "models"),
            NavItem("keys", "API keys", "/keys", "keys"),
        ),
    ),
    NavGroup(
        "Watch",
        (
            NavItem("decisions", "Decisions", "/decisions", "decisions"),
            NavItem("reviews", "Reviews", "/reviews", "reviews"),
            NavItem("usage", "Usage and spend", "/usage", "usage"),
        ),
    ),
    NavGroup(
        "Govern",
        (
            NavItem("stack", "Guards and policies", "/stack", "stack"),
            NavItem("members", "Members", "/members", "members"),
            NavItem("audit", "Audit log", "/audit", "audit", permission="audit.read"),
        ),
    ),
)


def visible(visitor: Visitor, paths: frozenset[str]) -> list[NavGroup]:
    """What somebody sees of the pages that this gateway has."""
    groups = (
        NavGroup(g.title, [i for i in g.items if i.is_for(visitor) and i.path in paths])
        for g in NAVIGATION
    )
    return [group for group in groups if group.items]
