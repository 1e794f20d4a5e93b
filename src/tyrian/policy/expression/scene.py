"""What an expression can see: the call, its facts, the trace; and the types of it all."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tyrian.policy.taint.values import NO_PROVENANCE, Provenance

DYN = "dyn"
BOOL = "bool"
INT = "int"
DOUBLE = "double"
STRING = "string"
NULL = "null"
MAP = "map"


TAINTED = "tainted"
PROVENANCE: Mapping[str, str] = {TAINTED: BOOL, "sources": "list(string)", "labels": "list(string)"}
"""Facts that arguments of every kind have: where their values are from."""


def list_of(item: str) -> str:
    """The type of a list."""
    return f"list({item})"


def item_of(kind: str) -> str:
    """The type of a list's items; '' for what is no list."""
    return kind[5:-1] if kind.startswith("list(") else ""


@dataclass(frozen=True, slots=True)
class ToolShape:
    """What is known of a tool's calls before there is one."""

    name: str
    """'' for a tool that the policy does not name."""
    args: Mapping[str, str] = field(default_factory=dict)
    """The type of each argument."""
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For each argument the types of its facts."""
    is_open: bool = False
    """Whether calls may have other arguments as well."""


@dataclass(slots=True)
class Scene:
    """What one evaluation sees."""

    name: str
    args: Mapping[str, object]
    facts: Mapping[str, Mapping[str, object]]
    called: Mapping[str, int]
    untrusted: frozenset[str] | set[str]
    total: int
    provenance: Provenance = NO_PROVENANCE
    """Where the arguments are from."""
    variables: dict[str, object] = field(default_factory=dict)


class EvaluationError(Exception):
    """An expression has no value for a call; the call is then refused."""
