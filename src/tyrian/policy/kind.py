"""Argument kinds: each makes a value canonical and judges it."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import re2

from tyrian.policy.email import EmailRule
from tyrian.policy.path import PathRule
from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import KindSpec
from tyrian.policy.shell_rule import ShellRule
from tyrian.policy.sql import SqlRule
from tyrian.policy.url import NetRule
from tyrian.policy.world import World

BUILT_IN = ("fs:read", "fs:write", "net", "email", "shell", "sql", "opaque")

Facts = Mapping[str, object]


_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Canonical(NamedTuple):
    """A value as it is to be forwarded, with what is known of it."""

    value: object
    facts: Facts = _NONE
    addresses: Mapping[str, tuple[str, ...]] = _NONE
    recipients: int = 0


class Kind(Protocol):
    """A kind of argument."""

    facts: Mapping[str, str]
    """Names of the facts that it gives, and the type of each as an expression sees it."""

    def canonical(self, value: object, world: World) -> Canonical:
        """The value's canonical form; Refusal where there is none or it is not allowed."""
        ...


def _text(value: object) -> str:
    if type(value) is not str:
        raise Refusal("type", "the argument is not a string", "give a string")
    return value


class PathKind:
    """`fs:read` and `fs:write`."""

    facts: Mapping[str, str] = {"path": "string", "name": "string", "suffix": "string"}

    def __init__(self, rule: PathRule) -> None:
        self._rule = rule

    def canonical(self, value: object, world: World) -> Canonical:
        """The physical path."""
        path = self._rule.canonical(_text(value), world)
        name = path[path.rfind("/") + 1 :]
        dot = name.rfind(".")
        return Canonical(
            path, {"path": path, "name": name, "suffix": name[dot:] if dot > 0 else ""}
        )


class NetKind:
    """`net`."""

    facts: Mapping[str, str] = {
        "url": "string",
        "scheme": "string",
        "host": "string",
        "port": "int",
        "path": "string",
        "query": "string",
    }

    def __init__(self, rule: NetRule) -> None:
        self._rule = rule

    def canonical(self, value: object, world: World) -> Canonical:
        """The URL by the WHATWG standard."""
        url, pins = self._rule.canonical(_text(value), world)
        facts: dict[str, object] = {
            "url": url.href,
            "scheme": url.scheme,
            "host": url.host,
            "port": url.port,
            "path": url.path,
            "query": url.query,
        }
        return Canonical(url.href, facts, pins)


class EmailKind:
    """`email`."""

    facts: Mapping[str, str] = {"addresses": "list(string)", "domains": "list(string)"}

    def __init__(self, rule: EmailRule) -> None:
        self._rule = rule

    def canonical(self, value: object, world: World) -> Canonical:
        """The recipients."""
        found = self._rule.canonical(value)
        facts: dict[str, object] = {"addresses": found.addresses, "domains": found.domains}
        return Canonical(found.value, facts, _NONE, len(found.addresses))


class ShellKind:
    """`shell`."""

    facts: Mapping[str, str] = {"program": "string", "argv": "list(string)"}

    def __init__(self, rule: ShellRule) -> None:
        self._rule = rule

    def canonical(self, value: object, world: World) -> Canonical:
        """The command with its words quoted anew."""
        found = self._rule.canonical(_text(value))
        return Canonical(found.text, {"program": found.program, "argv": found.argv})


class SqlKind:
    """`sql`."""

    facts: Mapping[str, str] = {"statements": "list(string)", "tables": "list(string)"}

    def __init__(self, rule: SqlRule) -> None:
        self._rule = rule

    def canonical(self, value: object, world: World) -> Canonical:
        """The statements as the parser writes them."""
        found = self._rule.canonical(_text(value))
        return Canonical(found.text, {"statements": found.statements, "tables": found.tables})


class OpaqueKind:
    """`opaque`: any JSON value, passed on as it is."""

    facts: Mapping[str, str] = {}

    def canonical(self, value: object, world: World) -> Canonical:
        """The value itself."""
        return Canonical(value)


class MissingKind:
    """A kind whose section the file does not have: nothing of it is allowed."""

    facts: Mapping[str, str] = {}

    def __init__(self, section: str) -> None:
        self._section = section

    def canonical(self, value: object, world: World) -> Canonical:
        """Always a refusal."""
        hint = f"add a section `{self._section}:`"
        raise Refusal(f"{self._section}.none", f"the policy has no section {self._section}", hint)


class ListKind:
    """A list whose items are all of one kind."""

    facts: Mapping[str, str] = {}
    MAX_ITEMS = 1000

    def __init__(self, item: Kind) -> None:
        self._item = item

    def canonical(self, value: object, world: World) -> Canonical:
        """Each item's canonical form."""
        if type(value) is not list:
            raise Refusal("type", "the argument is not a list", "give a list")
        if len(value) > self.MAX_ITEMS:
            raise Refusal("type", f"the list has more than {self.MAX_ITEMS} items")
        items = [self._item.canonical(item, world) for item in value]
        pins = {name: found for item in items for name, found in item.addresses.items()}
        count = sum(item.recipients for item in items)
        return Canonical([item.value for item in items], {}, pins, count)


class OwnKind:
    """A kind that the policy file defines."""

    facts: Mapping[str, str] = {}

    def __init__(self, spec: KindSpec) -> None:
        self._checks = tuple(_checks(spec))

    def canonical(self, value: object, world: World) -> Canonical:
        """The value itself, where all that the kind asks for holds."""
        for check in self._checks:
            if fault := check(value):
                raise Refusal("kind", f"the argument {fault}", "see `kinds` in the policy")
        return Canonical(value)


def own_type(spec: KindSpec) -> str:
    """The JSON type of a user-defined kind: what it says, or what its other keys ask for."""
    if spec.type:
        return spec.type
    if spec.pattern is not None or spec.max_length is not None:
        return "string"
    if spec.min is not None or spec.max is not None:
        return "number"
    return ""


def _checks(spec: KindSpec) -> list[Callable[[object], str]]:
    checks: list[Callable[[object], str]] = []
    if kind := own_type(spec):
        checks.append(_TYPES[kind])
    if spec.enum is not None:
        known = {(type(value), value) for value in spec.enum}
        checks.append(lambda v: "" if _key(v) in known else "is not one of the listed values")
    if spec.pattern is not None:
        regex = re2.compile(spec.pattern)
        checks.append(lambda v: "" if regex.fullmatch(v) else "does not match its pattern")
    if spec.max_length is not None:
        most = spec.max_length
        checks.append(lambda v: "" if len(v) <= most else "is too long")  # type: ignore[arg-type]
    low = -math.inf if spec.min is None else spec.min
    high = math.inf if spec.max is None else spec.max
    if spec.min is not None or spec.max is not None:
        checks.append(lambda v: "" if low <= v <= high else "is out of range")  # type: ignore[operator]
    return checks


def _key(value: object) -> tuple[type, object]:
    return (type(value), value) if isinstance(value, str | int | float) else (type(None), None)


def _type_check(fault: str, *types: type) -> Callable[[object], str]:
    return lambda value: "" if type(value) in types else fault


_TYPES: Mapping[str, Callable[[object], str]] = {
    "string": _type_check("is not a string", str),
    "integer": _type_check("is not a whole number", int),
    "number": _type_check("is not a number", int, float),
    "boolean": _type_check("is not true or false", bool),
}
