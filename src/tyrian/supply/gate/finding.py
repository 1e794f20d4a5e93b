"""What the gate finds: each finding with its rule, its place and why it is one."""

from dataclasses import dataclass, field
from typing import NamedTuple

from tyrian.core.detection import Severity
from tyrian.supply.gate.rules import RULES, GateRule


class Place(NamedTuple):
    """Where something stands."""

    path: str
    """Relative to the root of what is judged, with forward slashes."""
    line: int = 1
    """From 1."""


@dataclass(frozen=True, slots=True, order=True)
class GateFinding:
    """One thing that keeps a change from being shipped."""

    path: str
    line: int
    rule: str
    subject: str
    """What it is about: an agent, a server, a model, a guard."""
    why: str
    """What was seen there, in a sentence without its full stop."""

    @property
    def known(self) -> GateRule:
        """The rule."""
        return RULES[self.rule]

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.known.severity


def found(place: Place, rule: str, subject: str, why: str) -> GateFinding:
    """A finding at a place."""
    return GateFinding(place.path, place.line, RULES[rule].id, subject, why)


@dataclass(slots=True)
class Counts:
    """What was looked at."""

    files: int = 0
    stacks: int = 0
    agents: int = 0
    """Agents and clients of models, in code."""
    servers: int = 0
    """MCP servers."""
    containers: int = 0
    models: int = 0
    """In locks."""
    told: list[str] = field(default_factory=list)
    """What people should know, and is no finding."""
