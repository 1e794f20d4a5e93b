"""What an expression of a program stands for, as far as the gate can tell without running it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from tyrian.supply.gate.finding import Place

if TYPE_CHECKING:
    from tyrian.supply.gate.python.source import Scope


class Kind(Enum):
    """The kinds of things that matter here."""

    UNKNOWN = auto()
    EMPTY = auto()
    """Nothing: None, an empty list."""
    TEXT = auto()
    VARIABLE = auto()
    """An environment variable, by its name."""
    NAME = auto()
    """Something imported, by its dots."""
    FUNCTION = auto()
    CLASS = auto()
    INSTANCE = auto()
    CLIENT = auto()
    """What asks a model: a client, or a model object of a framework."""
    AGENT = auto()
    FIREWALL = auto()
    GUARD = auto()
    """What guards an agent that it is handed to: a middleware, a capability, a conversation."""
    MESSAGE = auto()
    """A message for a firewall; its text is `input` or `tool`."""
    DECISION = auto()
    MANY = auto()
    """A list of things."""


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value."""

    kind: Kind
    text: str = ""
    is_guarded: bool = False
    is_framework: bool = False
    """A client that is a model object of a framework, whose methods are others."""
    stacks: frozenset[str] = frozenset()
    """Stack files of the firewall behind it, as they are written; `` is the default stack."""
    has_tools: bool = False
    sites: frozenset[Place] = frozenset()
    """Where the clients and agents in it are made."""
    scope: "Scope | None" = None
    """The function or class."""
    parts: tuple["Value", ...] = ()


UNKNOWN = Value(Kind.UNKNOWN)
EMPTY = Value(Kind.EMPTY)
ASKS = frozenset({Kind.CLIENT, Kind.AGENT})
_RANK = {
    kind: number
    for number, kind in enumerate(
        (
            *(Kind.AGENT, Kind.CLIENT, Kind.FIREWALL, Kind.GUARD, Kind.INSTANCE, Kind.FUNCTION),
            *(Kind.CLASS, Kind.NAME, Kind.MESSAGE, Kind.DECISION, Kind.MANY, Kind.VARIABLE),
            *(Kind.TEXT, Kind.UNKNOWN, Kind.EMPTY),
        )
    )
}


def joined(values: Iterable[Value]) -> Value:
    """What may be any of these: guarded only where each that asks a model is."""
    known = sorted(values, key=lambda one: _RANK[one.kind])
    if not known:
        return UNKNOWN
    first = known[0]
    alike = [one for one in known if one.kind is first.kind]
    if len(alike) == 1:
        return first
    return replace(
        first,
        is_guarded=all(one.is_guarded for one in alike),
        stacks=frozenset().union(*(one.stacks for one in alike)),
        has_tools=any(one.has_tools for one in alike),
        sites=frozenset().union(*(one.sites for one in alike)),
        parts=tuple(part for one in alike for part in one.parts),
    )


def flat(value: Value) -> Iterable[Value]:
    """The value, or the things of a list of them."""
    if value.kind is Kind.MANY:
        for part in value.parts:
            yield from flat(part)
    else:
        yield value
