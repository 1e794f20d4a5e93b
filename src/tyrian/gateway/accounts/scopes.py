"""What a key may be good for."""

from collections.abc import Iterable
from typing import Final

from tyrian.errors import ConfigError
from tyrian.gateway.tokens import KeyKind

MODEL_SCOPES: Final = (
    "chat",
    "responses",
    "moderations",
    "models.read",
    "files",
    "finetune",
    "evals",
    "provenance",
)
ADMIN_SCOPES: Final = ("admin", "admin.read")
"""All of the administration, and looking at it."""

SCOPES: Final = MODEL_SCOPES + ADMIN_SCOPES

_CONTAINED: Final = {"responses": "chat", "admin.read": "admin"}
"""A scope that another one brings along; `/responses` is another way to ask for a chat."""


def holds(scopes: frozenset[str], wanted: str) -> bool:
    """Whether these scopes are enough for something."""
    return wanted in scopes or _CONTAINED.get(wanted, "") in scopes


def checked_scopes(kind: KeyKind, scopes: Iterable[str] | None) -> frozenset[str]:
    """The scopes of a new key of that kind; ConfigError for ones that it cannot have.

    No key can do everything: one that governs cannot call models, and the other way round.
    """
    governs = kind is KeyKind.ADMIN
    if scopes is None:
        return frozenset({"admin"}) if governs else frozenset(MODEL_SCOPES)
    wanted = frozenset(scopes)
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        raise ConfigError(
            f"unknown scope {unknown[0]!r}" if unknown else "a key needs a scope",
            hint=f"known scopes: {', '.join(SCOPES)}",
        )
    if not wanted <= frozenset(ADMIN_SCOPES if governs else MODEL_SCOPES):
        raise ConfigError(
            "the scopes 'admin' and 'admin.read' go with keys of the kind 'adm', and with no"
            " other scope",
            hint="make one key for administration and another for models",
        )
    return wanted
