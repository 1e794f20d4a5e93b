"""What calls of known names give: clients, models, agents, firewalls and what guards with them."""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from tyrian.supply.gate.finding import Place
from tyrian.supply.gate.python.frameworks import (
    AGENTS,
    CLIENTS,
    CONTAINERS,
    FIREWALLS,
    TOOL_KEYS,
    TYRIAN_CLIENTS,
    TYRIAN_PARTS,
    TYRIAN_TOOLS,
    is_model,
    known_in,
)
from tyrian.supply.gate.python.source import Scope, keyword
from tyrian.supply.gate.python.value import ASKS, UNKNOWN, Kind, Value, flat, joined
from tyrian.supply.gate.surroundings import Surroundings

_URL_KEYS = (
    *("base_url", "openai_api_base", "api_base", "anthropic_api_url", "azure_endpoint", "host"),
    *("endpoint", "server_url", "llm_url"),
)
_MESSAGES = {"tool": "tool", "document": "tool", "user": "input", "model": "output"}
_DECORATED = frozenset({"tool", "tool_plain"})


@dataclass(frozen=True, slots=True)
class Made:
    """A call of an imported name."""

    value_of: Callable[[ast.expr | None, Scope], Value]
    around: Surroundings
    node: ast.Call
    scope: Scope
    dotted: str
    arguments: Callable[[], list[Value]]

    def of(self, *names: str, at: int = -1) -> Value:
        """The argument of one of these names, or at that place."""
        given = keyword(self.node, *names)
        if given is None and 0 <= at < len(self.node.args):
            given = self.node.args[at]
        return self.value_of(given, self.scope)

    @property
    def place(self) -> Place:
        """Where the call stands."""
        return Place(self.scope.module.path, self.node.lineno)


def made_by(made: Made) -> Value:
    """What a call gives."""
    parts = made.dotted.split(".")
    home, last = parts[0], parts[-1]
    if home in ("tyrian", "llamafirewall"):
        return _of_tyrian(made, parts)
    if made.dotted in ("os.getenv", "os.environ.get"):
        return Value(Kind.VARIABLE, made.of("key", at=0).text)
    if known_in(AGENTS, made.dotted):
        return _agent(made, last)
    if known_in(CLIENTS, made.dotted) or is_model(made.dotted):
        return _client(made)
    given = [one for value in made.arguments() for one in flat(value)]
    asking = [one for one in given if one.kind in ASKS]
    return joined(asking) if asking else UNKNOWN


def _of_tyrian(made: Made, parts: list[str]) -> Value:
    last = parts[-1]
    given = [one for value in made.arguments() for one in flat(value)]
    stacks = frozenset().union(
        *(one.stacks for one in given if one.kind in (Kind.FIREWALL, Kind.GUARD))
    )
    if last in TYRIAN_CLIENTS:
        first = made.of("client", "agent", "llm", at=0)
        kind = first.kind if first.kind in ASKS else Kind.CLIENT
        return Value(
            kind,
            first.text,
            is_guarded=True,
            is_framework=first.is_framework,
            stacks=stacks,
            has_tools=first.has_tools,
            sites=first.sites,
        )
    if last in TYRIAN_PARTS or last == "Conversation":
        return Value(Kind.GUARD, last, is_guarded=True, stacks=stacks)
    if last in TYRIAN_TOOLS:
        return Value(Kind.GUARD, "tool", is_guarded=True, stacks=stacks)
    if last == "from_stack":
        path = made.of("path", "stack", at=0)
        known = frozenset({path.text}) if path.kind is Kind.TEXT else frozenset[str]()
        return Value(Kind.FIREWALL, is_guarded=True, stacks=known)
    if last in FIREWALLS or (last == "default" and "Firewall" in parts):
        return Value(Kind.FIREWALL, is_guarded=True)
    if "Message" in parts and last in _MESSAGES:
        return Value(Kind.MESSAGE, _MESSAGES[last])
    if last in ("UserMessage", "ToolMessage"):
        return Value(Kind.MESSAGE, "input" if last == "UserMessage" else "tool")
    return UNKNOWN


def _client(made: Made) -> Value:
    given = [one for value in made.arguments() for one in flat(value)]
    inner = [one for one in given if one.kind in ASKS]
    url = made.of(*_URL_KEYS)
    if inner:
        is_guarded = joined(inner).is_guarded
    elif url.kind is not Kind.UNKNOWN or keyword(made.node, *_URL_KEYS) is not None:
        is_guarded = made.around.leads_to_gateway(url)
    else:
        is_guarded = made.around.is_default_guarded(made.dotted)
    return Value(
        Kind.CLIENT,
        made.dotted,
        is_guarded=is_guarded,
        is_framework=is_model(made.dotted),
        stacks=frozenset().union(*(one.stacks for one in inner)),
        has_tools=any(one.has_tools for one in inner),
        sites=frozenset({made.place}).union(*(one.sites for one in inner)),
    )


def _agent(made: Made, last: str) -> Value:
    given = [one for value in made.arguments() for one in flat(value)]
    guards = [one for one in given if one.kind is Kind.GUARD and one.text in TYRIAN_PARTS]
    agents = [one for one in given if one.kind is Kind.AGENT]
    models = [one for one in given if one.kind is Kind.CLIENT]
    is_guarded = bool(guards) or (bool(models) and all(one.is_guarded for one in models))
    if last in CONTAINERS and agents:
        is_guarded = is_guarded or all(one.is_guarded for one in agents)
    by_default = "agents" if made.dotted.startswith("agents.") else made.dotted
    if not is_guarded and not models and made.around.is_default_guarded(by_default):
        is_guarded = made.around.leads_by_name(made.of("model").text, by_default)
    return Value(
        Kind.AGENT,
        made.dotted,
        is_guarded=is_guarded,
        is_framework=True,
        stacks=frozenset().union(*(one.stacks for one in (*guards, *models))),
        has_tools=_has_tools(made, last) or any(one.has_tools for one in (*models, *agents)),
        sites=frozenset({made.place}).union(*(one.sites for one in agents)),
    )


def _has_tools(made: Made, last: str) -> bool:
    for key in TOOL_KEYS:
        given = keyword(made.node, key)
        if given is not None:
            return made.value_of(given, made.scope).kind is not Kind.EMPTY
    index = 0 if last in ("initialize_agent", "from_tools", "from_tools_or_functions") else 1
    takes = last.startswith("create_") or index == 0
    if takes and index < len(made.node.args):
        return made.value_of(made.node.args[index], made.scope).kind is not Kind.EMPTY
    return False
