"""Finds what expressions stand for: across assignments, functions, classes and files."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from tyrian.supply.gate.finding import Place
from tyrian.supply.gate.python.frameworks import KEPT_METHODS, SCANS
from tyrian.supply.gate.python.lookup import (
    holds,
    is_property,
    last_name,
    many,
    nearest,
    reaching,
)
from tyrian.supply.gate.python.made import Made, made_by
from tyrian.supply.gate.python.source import (
    Module,
    Scope,
    keyword,
    parameters,
)
from tyrian.supply.gate.python.value import ASKS, EMPTY, UNKNOWN, Kind, Value, joined
from tyrian.supply.gate.surroundings import Surroundings

_DEEPEST = 40
_MOST_CALLERS = 20
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef)


class Evaluator:
    """Reads the modules of a project together."""

    def __init__(self, modules: Sequence[Module], around: Surroundings, home: str = "") -> None:
        """`home` is the name of the directory that the paths of the modules start in."""
        self.modules = modules
        self.around = around
        self._by_name: dict[str, list[Module]] = {}
        self._callers: dict[str, list[tuple[ast.Call, Scope]]] = {}
        self._known: dict[int, Value] = {}
        self._depth = 0
        for module in modules:
            parts = [home, *PurePosixPath(module.path.removesuffix(".py")).parts]
            if parts and parts[-1] == "__init__":
                parts.pop()
            for start in range(len(parts)):
                self._by_name.setdefault(".".join(parts[start:]), []).append(module)
            for scope in module.scopes():
                for call in scope.calls:
                    name = last_name(call.func)
                    self._callers.setdefault(name, []).append((call, scope))

    def forget(self) -> None:
        """Find everything anew, now that more is known of what lies around."""
        self._known.clear()

    def value(self, node: ast.expr | None, scope: Scope) -> Value:
        """What an expression stands for where it is written."""
        if node is None:
            return UNKNOWN
        key = id(node)
        if key in self._known:
            return self._known[key]
        if self._depth >= _DEEPEST:
            return UNKNOWN
        self._known[key] = UNKNOWN  # for what refers to itself
        self._depth += 1
        try:
            found = self._value(node, scope)
        finally:
            self._depth -= 1
        self._known[key] = found
        return found

    def callers(self, function: Scope) -> list[tuple[ast.Call, Scope]]:
        """Calls that may be of a function of the project, told by its name and home."""
        found = []
        for call, scope in self._callers.get(function.name, ())[:_MOST_CALLERS]:
            if self.value(call.func, scope).scope is function:
                found.append((call, scope))
        return found

    def called(self, call: ast.Call, scope: Scope) -> Scope | None:
        """The function of the project that a call is of."""
        target = self.value(call.func, scope)
        return target.scope if target.kind is Kind.FUNCTION else None

    def _value(self, node: ast.expr, scope: Scope) -> Value:
        match node:
            case ast.Constant(value=str() as text):
                return Value(Kind.TEXT, text)
            case ast.Constant(value=None):
                return EMPTY
            case ast.JoinedStr():
                return self._text(node, scope)
            case ast.Name(id=name):
                return self._lookup(name, scope, node.lineno)
            case ast.Attribute():
                return self._attribute(node, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.Subscript(value=inner, slice=key):
                return self._subscript(inner, key, scope)
            case ast.Await(value=inner) | ast.Starred(value=inner):
                return self.value(inner, scope)
            case ast.NamedExpr(value=inner):
                return self.value(inner, scope)
            case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
                return joined((self.value(one, scope), self.value(other, scope)))
            case ast.BoolOp(values=several):
                return joined(self.value(one, scope) for one in several)
            case ast.List(elts=several) | ast.Tuple(elts=several) | ast.Set(elts=several):
                return many(self.value(one, scope) for one in several)
            case ast.Dict(values=several):
                return many(self.value(one, scope) for one in several)
            case ast.ListComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.SetComp(elt=inner):
                return many([self.value(inner, scope)])
        return UNKNOWN

    def _text(self, node: ast.JoinedStr, scope: Scope) -> Value:
        told = ""
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            value = self.value(inner, scope)
            if value.kind is not Kind.TEXT:
                return value if value.kind is Kind.VARIABLE and not told else UNKNOWN
            told += value.text
        return Value(Kind.TEXT, told)

    def _subscript(self, inner: ast.expr, key: ast.expr, scope: Scope) -> Value:
        base = self.value(inner, scope)
        if base.kind is Kind.NAME and base.text == "os.environ":
            return Value(Kind.VARIABLE, self.value(key, scope).text)
        return joined(base.parts) if base.kind is Kind.MANY else UNKNOWN

    def _lookup(self, name: str, scope: Scope, line: int) -> Value:
        at: Scope | None = scope
        while at is not None:
            if at is scope or not isinstance(at.node, ast.ClassDef):
                if rows := at.assigned.get(name):
                    last = line if at is scope else 1 << 30
                    return joined(self.value(row.value, at) for row in reaching(rows, last))
                if isinstance(at.node, _NESTED) and name in parameters(at.node):
                    return self._parameter(name, at)
                if name in at.functions:
                    return Value(Kind.FUNCTION, name, scope=at.functions[name])
                if name in at.classes:
                    return Value(Kind.CLASS, name, scope=at.classes[name])
            at = at.parent
        dotted = scope.module.imports.get(name)
        return self._imported(dotted, scope.module) if dotted else UNKNOWN

    def _imported(self, dotted: str, asker: Module) -> Value:
        """Something by its dots: of the project where a file of it has that name."""
        plain = dotted.lstrip(".").replace("/", ".")
        home, _, last = plain.rpartition(".")
        if plain.startswith("tyrian."):  # known by name, even in a checkout of it
            return Value(Kind.NAME, plain)
        for module in nearest(self._by_name.get(home, ()), asker):
            found = self._of_module(module, last)
            if found is not None:
                return found
        return Value(Kind.NAME, plain)

    def _of_module(self, module: Module, name: str) -> Value | None:
        top = module.top
        if rows := top.assigned.get(name):
            return joined(self.value(row.value, top) for row in reaching(rows, 1 << 30))
        if name in top.functions:
            return Value(Kind.FUNCTION, name, scope=top.functions[name])
        if name in top.classes:
            return Value(Kind.CLASS, name, scope=top.classes[name])
        if (dotted := module.imports.get(name)) and dotted.rpartition(".")[2] == name:
            return self._imported(dotted, module)
        return None

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            owner = scope.outer_class()
            if owner is not None:
                return self._member(owner, node.attr)
        whole = ast.unparse(node) if isinstance(node.value, ast.Name) else ""
        if whole and (rows := scope.assigned.get(whole)):
            return joined(self.value(row.value, scope) for row in reaching(rows, node.lineno))
        base = self.value(node.value, scope)
        if base.kind is Kind.NAME:
            return self._imported(f"{base.text}.{node.attr}", scope.module)
        if base.kind in (Kind.INSTANCE, Kind.CLASS) and base.scope is not None:
            return self._member(base.scope, node.attr)
        if base.kind in ASKS:
            return base
        return UNKNOWN

    def _member(self, owner: Scope, name: str) -> Value:
        rows = [*owner.assigned.get(f"self.{name}", ()), *owner.assigned.get(name, ())]
        if rows:
            values = []
            for row in rows:
                homes = [one for one in owner.inner() if holds(one, row.value)]
                values.append(self.value(row.value, homes[-1] if homes else owner))
            return joined(values)
        if name in owner.functions:
            function = owner.functions[name]
            if is_property(function):
                return self._returned(function)
            return Value(Kind.FUNCTION, name, scope=function)
        return UNKNOWN

    def _parameter(self, name: str, function: Scope) -> Value:
        node = function.node
        assert isinstance(node, _NESTED)  # the caller has looked
        names = parameters(node)
        default = names[name]
        values = []
        if isinstance(default, ast.Call) and last_name(default.func) in ("Depends", "Security"):
            provider = self.value(default.args[0], function.parent or function)
            if default.args and provider.scope is not None:
                values.append(self._returned(provider.scope))
        order = list(names)
        is_method = function.parent is not None and isinstance(function.parent.node, ast.ClassDef)
        at = order.index(name) - (1 if is_method else 0)
        made = function.parent if is_method and function.name == "__init__" else function
        for call, scope in self.callers(made) if made is not None else ():
            given = keyword(call, name)
            if given is None and 0 <= at < len(call.args):
                given = call.args[at]
            if given is not None:
                values.append(self.value(given, scope))
        if not values and default is not None:
            values.append(self.value(default, function.parent or function))
        known = [one for one in values if one.kind not in (Kind.UNKNOWN, Kind.EMPTY)]
        return joined(known) if known else self._annotated(name, function)

    def _annotated(self, name: str, function: Scope) -> Value:
        """What the annotation tells: that it is a firewall, at least."""
        node = function.node
        args = node.args if isinstance(node, _NESTED) else None
        for one in [*args.posonlyargs, *args.args, *args.kwonlyargs] if args else ():
            if one.arg == name and one.annotation is not None:
                told = ast.unparse(one.annotation).rpartition(".")[2].strip("'\"")
                if told in ("Firewall", "LlamaFirewall"):
                    return Value(Kind.FIREWALL)
                if told == "Conversation":
                    return Value(Kind.GUARD)
        return UNKNOWN

    def _returned(self, function: Scope) -> Value:
        return joined(self.value(one, function) for one in function.returns)

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        target = self.value(node.func, scope)
        arguments: Callable[[], list[Value]] = lambda: [  # noqa: E731  evaluated where needed
            self.value(one, scope) for one in (*node.args, *(word.value for word in node.keywords))
        ]
        if target.kind is Kind.NAME:
            last = target.text.rpartition(".")[2]
            if last in ("Depends", "Security", "partial") and node.args:
                inner = self.value(node.args[0], scope)
                return self._returned(inner.scope) if inner.scope is not None else inner
            return made_by(Made(self.value, self.around, node, scope, target.text, arguments))
        if target.kind is Kind.CLASS:
            return Value(Kind.INSTANCE, target.text, scope=target.scope)
        if target.kind is Kind.FUNCTION and target.scope is not None:
            return self._returned(target.scope)
        return self._method(node, scope)

    def _method(self, node: ast.Call, scope: Scope) -> Value:
        if not isinstance(node.func, ast.Attribute):
            return UNKNOWN
        base = self.value(node.func.value, scope)
        name = node.func.attr
        if base.kind is Kind.FIREWALL and name in SCANS:
            return Value(Kind.DECISION)
        if base.kind is Kind.FIREWALL:
            return base
        if base.kind not in ASKS:
            return UNKNOWN
        if name in KEPT_METHODS:
            has_tools = name == "bind_tools" or keyword(node, "tools") is not None
            url = keyword(node, "base_url")
            is_guarded = base.is_guarded or (
                url is not None and self.around.leads_to_gateway(self.value(url, scope))
            )
            return replace(base, has_tools=base.has_tools or has_tools, is_guarded=is_guarded)
        if name in ("as_tool", "clone", "create_agent", "as_agent", "__enter__", "__aenter__"):
            return base
        return UNKNOWN

    def place(self, node: ast.expr, scope: Scope) -> Place:
        """Where an expression stands."""
        return Place(scope.module.path, node.lineno)
