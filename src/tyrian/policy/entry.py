"""The tools of a policy: for each argument its kind, made from the sections of the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tyrian.policy.email import EmailRule
from tyrian.policy.expression.scene import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    STRING,
    ToolShape,
    list_of,
)
from tyrian.policy.kind import (
    BUILT_IN,
    EmailKind,
    Kind,
    ListKind,
    MissingKind,
    NetKind,
    OpaqueKind,
    OwnKind,
    PathKind,
    ShellKind,
    SqlKind,
    own_type,
)
from tyrian.policy.path import PathRule
from tyrian.policy.schema import KindSpec, PolicySpec
from tyrian.policy.shell_rule import ShellRule
from tyrian.policy.sql import SqlRule
from tyrian.policy.url import NetRule

_TYPES = {"string": STRING, "integer": INT, "number": DOUBLE, "boolean": BOOL}
_PATHS = ("fs:read", "fs:write")
_TEXTS = ("fs:read", "fs:write", "net", "shell", "sql")


class Argument(NamedTuple):
    """What a tool takes under one name."""

    kind: Kind
    is_required: bool
    is_opaque: bool
    is_recipient: bool
    type: str
    """As expressions see it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool."""

    name: str
    arguments: Mapping[str, Argument]
    required: frozenset[str]
    has_recipients: bool


class KindError(ValueError):
    """A kind that the policy does not know."""


class Kinds:
    """Every kind that a policy's tools may name."""

    def __init__(self, spec: PolicySpec) -> None:
        self._own = dict(spec.kinds)
        self._made: dict[str, Kind] = {name: MissingKind(name[:2]) for name in _PATHS}
        self._made |= {name: MissingKind(name) for name in ("net", "email", "shell", "sql")}
        self._made["opaque"] = OpaqueKind()
        self._add_sections(spec)

    def _add_sections(self, spec: PolicySpec) -> None:
        made = self._made
        if spec.fs:
            made["fs:read"] = PathKind(PathRule(spec.fs, spec.cwd, is_write=False))
            made["fs:write"] = PathKind(PathRule(spec.fs, spec.cwd, is_write=True))
        if spec.net:
            made["net"] = NetKind(NetRule(spec.net))
        if spec.email:
            made["email"] = EmailKind(EmailRule(spec.email))
        if spec.shell:
            made["shell"] = ShellKind(ShellRule(spec.shell))
        if spec.sql:
            made["sql"] = SqlKind(SqlRule(spec.sql))

    def names(self) -> list[str]:
        """All names of kinds."""
        return [*BUILT_IN, *self._own]

    def base(self, name: str) -> str:
        """The kind that a name stands for in the end: a built-in one, or one of the file's own."""
        seen = [name]
        while (own := self._own.get(seen[-1])) is not None:
            following = own if isinstance(own, str) else own.kind
            if following is None:
                return seen[-1]
            if following in seen:
                raise KindError(f"the kind {name!r} stands for itself")
            seen.append(following)
        if seen[-1] not in BUILT_IN:
            raise KindError(f"unknown kind {seen[-1]!r}")
        return seen[-1]

    def kind(self, name: str) -> Kind:
        """The kind of that name."""
        base = self.base(name)
        if base not in self._made:
            own = self._own[base]
            self._made[base] = OwnKind(
                own if isinstance(own, KindSpec) else KindSpec.model_validate({})
            )
        return self._made[base]

    def argument(self, given: str | tuple[str, ...]) -> Argument:
        """An argument from what the file says of it: `kind`, `kind?` or `[kind]`."""
        is_list = not isinstance(given, str)
        if is_list and len(given) != 1:
            raise KindError("a list is written with its one kind: [kind]")
        word = given if isinstance(given, str) else given[0]
        is_optional = word.endswith("?")
        name = word.removesuffix("?")
        kind, base = self.kind(name), self.base(name)
        item = self._type(base)
        return Argument(
            ListKind(kind) if is_list else kind,
            not is_optional and base != "opaque",
            base == "opaque",
            base == "email",
            list_of(item) if is_list else item,
        )

    def _type(self, base: str) -> str:
        if base in _TEXTS:
            return STRING
        own = self._own.get(base)
        return _TYPES.get(own_type(own), DYN) if isinstance(own, KindSpec) else DYN


def entries(spec: PolicySpec) -> dict[str, Entry]:
    """The tools of a valid policy."""
    kinds = Kinds(spec)
    found = {}
    for name, given in spec.tools.items():
        arguments = {key: kinds.argument(kind) for key, kind in given.items()}
        found[name] = Entry(
            name,
            arguments,
            frozenset(key for key, argument in arguments.items() if argument.is_required),
            any(argument.is_recipient for argument in arguments.values()),
        )
    return found


def shape(entry: Entry, *, is_open: bool) -> ToolShape:
    """What expressions may know of a tool's calls."""
    return ToolShape(
        entry.name,
        {key: argument.type for key, argument in entry.arguments.items()},
        {key: argument.kind.facts for key, argument in entry.arguments.items()},
        is_open,
    )
