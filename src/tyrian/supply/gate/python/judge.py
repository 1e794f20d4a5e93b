"""What is unguarded in Python programs that ask models and run agents."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.gate.python.calls import SHOWN, assigned, given_to, written
from tyrian.supply.gate.python.evaluate import Evaluator
from tyrian.supply.gate.python.frameworks import (
    AGENTS,
    CHAT_METHODS,
    CODE_RUNNERS,
    FUNCTIONS,
    RUN_METHODS,
    TOOL_KEYS,
    TYRIAN_CLIENTS,
    is_asking,
    known_in,
)
from tyrian.supply.gate.python.scans import INPUT, TOOL, Scans
from tyrian.supply.gate.python.source import Scope, keyword, path_of, walk
from tyrian.supply.gate.python.value import Kind, Value
from tyrian.supply.gate.surroundings import host_of

_CONTENT = frozenset(
    {
        *("messages", "input", "prompt", "contents", "content", "inputs", "query", "text"),
        *("user_prompt", "user_msg", "history", "json", "data", "body"),
    }
)
_ENDPOINTS = ("/chat/completions", "/v1/responses", "/v1/messages", "/api/generate", "/api/chat")
_POSTS = frozenset({"post", "request", "stream", "urlopen", "Request"})


@dataclass(frozen=True, slots=True)
class Linked:
    """Code that is guarded by stack files, and whether it has tools."""

    place: Place
    subject: str
    stacks: frozenset[str]
    has_tools: bool


@dataclass(slots=True)
class Judged:
    """What came of all Python files."""

    findings: list[GateFinding] = field(default_factory=list)
    linked: list[Linked] = field(default_factory=list)
    sites: set[Place] = field(default_factory=set)
    """Clients, agents and calls of models."""


def judge_python(evaluator: Evaluator) -> Judged:
    """Judge the files of a project together."""
    if _sets_guarded_client(evaluator):
        evaluator.around.is_sdk_guarded = True
        evaluator.forget()
    return _Judge(evaluator).judged()


def _sets_guarded_client(evaluator: Evaluator) -> bool:
    for module in evaluator.modules:
        for scope in module.scopes():
            for call in scope.calls:
                target = evaluator.value(call.func, scope)
                if target.text == "agents.set_default_openai_client" and call.args:
                    return evaluator.value(call.args[0], scope).is_guarded
    return False


class _Judge:
    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.scans = Scans(evaluator)
        self.out = Judged()
        self.wrapped: set[Place] = set()
        """Agents that a guarded one is made of."""
        self.bare: dict[Place, tuple[ast.Call, Scope]] = {}
        """Agents that are run as they are."""
        self.made: dict[Place, tuple[ast.Call, Scope, Value]] = {}
        self.inside: list[Scope] = []
        """Classes of the project's own whose objects are wrapped as models."""
        self.decorated: set[Place] = set()
        """Agents that get tools by decorators."""

    def judged(self) -> Judged:
        calls = [
            (call, scope)
            for module in self.evaluator.modules
            for scope in module.scopes()
            for call in scope.calls
        ]
        self._decorators()
        for call, scope in calls:
            self._note(call, scope)
        for call, scope in calls:
            self._call(call, scope)
        self._settings()
        self._agents()
        return self.out

    def _decorators(self) -> None:
        for module in self.evaluator.modules:
            for scope in module.scopes():
                for mark in getattr(scope.node, "decorator_list", []):
                    node = mark.func if isinstance(mark, ast.Call) else mark
                    if isinstance(node, ast.Attribute) and node.attr in ("tool", "tool_plain"):
                        value = self.evaluator.value(node.value, scope.parent or scope)
                        self.decorated |= value.sites

    def _note(self, call: ast.Call, scope: Scope) -> None:
        """Agents and what wraps them, before anything is judged."""
        target = self.evaluator.value(call.func, scope)
        if target.kind is Kind.NAME:
            parts = target.text.split(".")
            if parts[0] == "tyrian" and parts[-1] in TYRIAN_CLIENTS:
                value = self.evaluator.value(call, scope)
                if value.kind is Kind.AGENT:
                    self.wrapped |= value.sites
                inner = self.evaluator.value(call.args[0], scope) if call.args else None
                if inner is not None and inner.kind is Kind.INSTANCE and inner.scope is not None:
                    self.inside.append(inner.scope)
                self._link(call, scope, value)
            elif known_in(AGENTS, target.text):
                value = self.evaluator.value(call, scope)
                if value.kind is Kind.AGENT:
                    self.made[self.evaluator.place(call, scope)] = (call, scope, value)
            elif len(parts) > 1 and parts[0] == "agents" and parts[-2] == "Runner" and call.args:
                self._run(call, scope, self.evaluator.value(call.args[0], scope))
        elif isinstance(call.func, ast.Attribute) and call.func.attr in RUN_METHODS:
            value = self.evaluator.value(call.func.value, scope)
            if value.kind is Kind.AGENT:
                self._run(call, scope, value)

    def _run(self, call: ast.Call, scope: Scope, value: Value) -> None:
        if value.kind is Kind.AGENT and not value.is_guarded:
            for site in value.sites:
                self.bare.setdefault(site, (call, scope))

    def _link(self, call: ast.Call, scope: Scope, value: Value) -> None:
        if value.stacks:
            has_tools = value.has_tools or bool(value.sites & self.decorated)
            self.out.linked.append(
                Linked(self.evaluator.place(call, scope), written(call), value.stacks, has_tools)
            )

    def _call(self, call: ast.Call, scope: Scope) -> None:
        place = self.evaluator.place(call, scope)
        if self.scans.is_scan(call, scope) and self.scans.is_ignored(call, scope):
            why = f"nothing looks at what {written(call)}() decided"
            self._add(place, "decision-ignored", written(call), why)
        target = self.evaluator.value(call.func, scope)
        if target.kind is Kind.NAME:
            self._named(call, scope, target.text, place)
        elif isinstance(call.func, ast.Attribute):
            self._method(call, scope, call.func)
        elif target.kind is Kind.CLIENT and isinstance(call.func, ast.Name):
            for row in assigned(call.func.id, scope):  # ask = client.responses.create
                if isinstance(row, ast.Attribute):
                    self._method(call, scope, row)
        self._posts(call, scope)
        self._approvals(call, scope)

    def _method(self, call: ast.Call, scope: Scope, method: ast.Attribute) -> None:
        root, path = path_of(method)
        value = self.evaluator.value(method.value, scope)
        if value.kind is not Kind.CLIENT:
            value = self.evaluator.value(root, scope)
        if value.kind is Kind.CLIENT:
            asks = path[-1] in CHAT_METHODS if value.is_framework else is_asking(path)
            if asks:
                self._asks(call, scope, value)

    def _approvals(self, call: ast.Call, scope: Scope) -> None:
        """Tools of servers elsewhere that are called without anybody's approval."""
        for given in (*call.args, *(one.value for one in call.keywords)):
            for part in walk(given):
                if not isinstance(part, ast.Dict):
                    continue
                told = {
                    key.value: value.value
                    for key, value in zip(part.keys, part.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
                }
                if told.get("require_approval") == "never":
                    name = str(told.get("server_label") or told.get("type") or "a tool")
                    why = f"{name} has require_approval: never"
                    place = self.evaluator.place(part, scope)
                    self._add(place, "approval-never", name, why)

    def _named(self, call: ast.Call, scope: Scope, dotted: str, place: Place) -> None:
        if known_in(FUNCTIONS, dotted):
            parts = tuple(dotted.split(".")[1:])
            if dotted.split(".")[0] in ("litellm", "ollama") or is_asking(parts):
                url = keyword(call, "base_url", "api_base")
                around = self.evaluator.around
                is_guarded = (
                    around.leads_to_gateway(self.evaluator.value(url, scope))
                    if url is not None
                    else around.is_default_guarded(dotted)
                )
                self._asks(call, scope, Value(Kind.CLIENT, dotted, is_guarded=is_guarded))
        if known_in(CODE_RUNNERS, dotted):
            name = dotted.rpartition(".")[2]
            why = f"{name} runs it with the rights of this program"
            self._add(place, "code-execution-unsandboxed", name, why)

    def _asks(self, call: ast.Call, scope: Scope, client: Value) -> None:
        place = self.evaluator.place(call, scope)
        self.out.sites.add(place)
        if any(scope.outer_class() is one for one in self.inside):
            return
        tools = [given_to(call, key, scope) for key in TOOL_KEYS]
        given = [self.evaluator.value(one, scope) for one in tools if one is not None]
        has_tools = client.has_tools or any(one.kind is not Kind.EMPTY for one in given)
        if client.is_guarded:
            if client.stacks:
                self.out.linked.append(Linked(place, written(call), client.stacks, has_tools))
            return
        judged = self.scans.before(call, scope)
        if INPUT not in judged and self._is_open(call, scope):
            why = f"{written(call)}() sends it on as it is"
            self._add(place, "input-unguarded", written(call), why)
        if has_tools and TOOL not in judged:
            why = f"{written(call)}() offers tools, and what they return is judged nowhere"
            self._add(place, "tool-output-unguarded", written(call), why)

    def _is_open(self, call: ast.Call, scope: Scope) -> bool:
        """Whether what is sent holds more than what the program itself says."""
        given = [one.value for one in call.keywords if one.arg is None or one.arg in _CONTENT]
        given += call.args
        return not given or not all(self._is_fixed(one, scope) for one in given)

    def _is_fixed(self, node: ast.expr, scope: Scope, depth: int = 0) -> bool:
        match node:
            case ast.Constant():
                return True
            case ast.List(elts=several) | ast.Tuple(elts=several):
                return all(self._is_fixed(one, scope, depth) for one in several)
            case ast.Dict(values=several):
                return all(self._is_fixed(one, scope, depth) for one in several)
            case ast.Name(id=name) if depth < 3:
                if name in scope.assigned:
                    rows = scope.assigned[name]
                    return all(self._is_fixed(row.value, scope, depth + 1) for row in rows)
                return self.evaluator.value(node, scope).kind is Kind.TEXT
        return self.evaluator.value(node, scope).kind is Kind.TEXT

    def _posts(self, call: ast.Call, scope: Scope) -> None:
        """Requests to a model server that are made by hand."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name not in _POSTS or not call.args:
            return
        for given in call.args[:2]:
            value = self.evaluator.value(given, scope)
            url = value.text if value.kind is Kind.TEXT else ""
            if url.startswith("http") and url.rstrip("/").endswith(_ENDPOINTS):
                around = self.evaluator.around
                client = Value(Kind.CLIENT, host_of(url), is_guarded=around.is_gateway(url))
                self._asks(call, scope, client)

    def _settings(self) -> None:
        """LlamaIndex: one model for all engines, set where no call shows it."""
        for module in self.evaluator.modules:
            for scope in module.scopes():
                for row in scope.assigned.get("Settings.llm", ()):
                    value = self.evaluator.value(row.value, scope)
                    place = Place(module.path, row.line)
                    if value.kind is Kind.CLIENT:
                        self.out.sites.add(place)
                        if not value.is_guarded:
                            why = "every engine and agent of LlamaIndex asks this model"
                            self._add(place, "input-unguarded", "Settings.llm", why)

    def _agents(self) -> None:
        for place, (call, scope, value) in sorted(self.made.items()):
            self.out.sites.add(place)
            has_tools = value.has_tools or place in self.decorated
            name = self._name(call, scope)
            if value.is_guarded:
                if value.stacks:
                    self.out.linked.append(Linked(place, name, value.stacks, has_tools))
                continue
            if place in self.wrapped and place not in self.bare:
                continue
            if any(place in other.sites for other in self._owners(place)):
                continue  # told of the agent that it is a part of
            self._unguarded_agent(call, scope, place, name, has_tools=has_tools)

    def _owners(self, place: Place) -> Iterator[Value]:
        """Unguarded agents that this one is a part of, and that are told of in its place."""
        for other, (_, _, value) in self.made.items():
            if other != place and place in value.sites and value.text.endswith("AgentExecutor"):
                yield value

    def _unguarded_agent(
        self, call: ast.Call, scope: Scope, place: Place, name: str, *, has_tools: bool
    ) -> None:
        ran = self.bare.get(place)
        judged = self.scans.before(*ran) if ran else frozenset[str]()
        where = "" if ran is None else f", and is run on line {ran[0].lineno}"
        if ran is not None and ran[1].module.path != place.path:
            where = f", and is run in {ran[1].module.path}:{ran[0].lineno}"
        if INPUT not in judged:
            why = f"the agent {name} is wrapped by no adapter{where}"
            self._add(place, "input-unguarded", name, why)
        if has_tools and TOOL not in judged:
            why = f"the agent {name} has tools and is wrapped by no adapter{where}"
            self._add(place, "tool-output-unguarded", name, why)

    def _name(self, call: ast.Call, scope: Scope) -> str:
        given = keyword(call, "name")
        value = self.evaluator.value(given, scope)
        told = value.text if value.kind is Kind.TEXT else ""
        for name, rows in scope.assigned.items():
            if not told and any(row.value is call for row in rows):
                told = name
        return repr(told[:SHOWN]) if told else f"made by {written(call)}()"

    def _add(self, place: Place, rule: str, subject: str, why: str) -> None:
        finding = found(place, rule, subject.strip("'"), why)
        if finding not in self.out.findings:
            self.out.findings.append(finding)
