"""A Python file as the gate reads it: its scopes, what they assign, and every call in them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Assigned:
    """One assignment of a name."""

    line: int
    value: ast.expr
    is_certain: bool
    """Whether it happens whenever the scope runs to this line: not within `if`, `for`, `try`."""


@dataclass(slots=True, eq=False)
class Scope:
    """A module, a class or a function."""

    module: "Module"
    node: ast.Module | ast.ClassDef | Function
    parent: "Scope | None"
    assigned: dict[str, list[Assigned]] = field(default_factory=dict)
    """By name; attributes of `self` as `self.x`, in the scope of the class."""
    functions: dict[str, "Scope"] = field(default_factory=dict)
    classes: dict[str, "Scope"] = field(default_factory=dict)
    returns: list[ast.expr] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)
    dropped: set[ast.Call] = field(default_factory=set)
    """Calls whose result nobody keeps."""

    @property
    def name(self) -> str:
        """Of the class or function; empty for the module."""
        return getattr(self.node, "name", "")

    def outer_class(self) -> "Scope | None":
        """The class whose method this function is, or lies in."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.parent
        return scope

    def inner(self) -> Iterator["Scope"]:
        """This scope, and those within it."""
        yield self
        for one in (*self.functions.values(), *self.classes.values()):
            yield from one.inner()


@dataclass(slots=True, eq=False)
class Module:
    """A parsed file."""

    path: str
    """Relative to the root, with forward slashes."""
    imports: dict[str, str] = field(default_factory=dict)
    """Names in the file to what they stand for, with dots."""
    top: Scope = field(init=False)

    def scopes(self) -> Iterator[Scope]:
        """Every scope of the file."""
        return self.top.inner()


def read_module(path: str, text: str) -> Module:
    """Read a file; SyntaxError, ValueError, RecursionError or MemoryError where it is no Python."""
    tree = ast.parse(text)
    module = Module(path)
    module.top = Scope(module, tree, None)
    _Reader(module).body(tree.body, module.top, is_certain=True)
    return module


class _Reader:
    """Walks the statements once."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def body(self, statements: list[ast.stmt], scope: Scope, *, is_certain: bool) -> None:
        for one in statements:
            self.statement(one, scope, is_certain=is_certain)

    def statement(self, node: ast.stmt, scope: Scope, *, is_certain: bool) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    if alias.asname:
                        self.module.imports[alias.asname] = alias.name
                    else:
                        first = alias.name.split(".")[0]
                        self.module.imports.setdefault(first, first)
            case ast.ImportFrom():
                above = _package(self.module.path, node.level)
                base = ".".join(part for part in (above, node.module or "") if part)
                for alias in node.names:
                    self.module.imports[alias.asname or alias.name] = f"{base}.{alias.name}"
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner = Scope(self.module, node, scope)
                scope.functions[node.name] = inner
                for one in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
                    self.expression(one, scope)
                self.body(node.body, inner, is_certain=True)
            case ast.ClassDef():
                inner = Scope(self.module, node, scope)
                scope.classes[node.name] = inner
                for expr in (*node.decorator_list, *node.bases):
                    self.expression(expr, scope)
                self.body(node.body, inner, is_certain=True)
            case ast.Assign():
                for target in node.targets:
                    self.assign(target, node.value, scope, is_certain=is_certain)
                self.expression(node.value, scope)
            case ast.AnnAssign():
                if node.value is not None:
                    self.assign(node.target, node.value, scope, is_certain=is_certain)
                    self.expression(node.value, scope)
            case ast.Return():
                if node.value is not None:
                    scope.returns.append(node.value)
                    self.expression(node.value, scope)
            case ast.Expr():
                value = node.value
                inner_call = value.value if isinstance(value, ast.Await) else value
                if isinstance(inner_call, ast.Call):
                    scope.dropped.add(inner_call)
                elif isinstance(value, ast.Yield) and value.value is not None:
                    scope.returns.append(value.value)
                self.expression(value, scope)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self.expression(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self.assign(
                            item.optional_vars, item.context_expr, scope, is_certain=is_certain
                        )
                self.body(node.body, scope, is_certain=is_certain)
            case _:
                self.other(node, scope)

    def other(self, node: ast.stmt, scope: Scope) -> None:
        """Statements with bodies that may not run, and whatever else holds expressions."""
        for _, value in ast.iter_fields(node):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.stmt):
                    self.statement(part, scope, is_certain=False)
                elif isinstance(part, ast.expr):
                    self.expression(part, scope)
                elif isinstance(part, ast.ExceptHandler | ast.match_case):
                    self.other_part(part, scope)
        if isinstance(node, ast.For | ast.AsyncFor):
            self.assign(node.target, node.iter, scope, is_certain=False)

    def other_part(self, node: ast.AST, scope: Scope) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self.statement(child, scope, is_certain=False)
            elif isinstance(child, ast.expr):
                self.expression(child, scope)

    def assign(self, target: ast.expr, value: ast.expr, scope: Scope, *, is_certain: bool) -> None:
        match target:
            case ast.Name(id=name):
                row = Assigned(target.lineno, value, is_certain)
                scope.assigned.setdefault(name, []).append(row)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                owner = scope.outer_class()
                if owner is not None:
                    row = Assigned(target.lineno, value, is_certain)
                    owner.assigned.setdefault(f"self.{name}", []).append(row)
            case ast.Attribute():
                row = Assigned(target.lineno, value, is_certain)
                scope.assigned.setdefault(ast.unparse(target), []).append(row)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
                for number, one in enumerate(targets):
                    if number < len(values):
                        self.assign(one, values[number], scope, is_certain=is_certain)

    def expression(self, node: ast.expr | None, scope: Scope) -> None:
        if node is None:
            return
        for part in walk(node):
            if isinstance(part, ast.Call):
                scope.calls.append(part)
            elif isinstance(part, ast.NamedExpr):
                self.assign(part.target, part.value, scope, is_certain=False)


def _package(path: str, level: int) -> str:
    """The package that a relative import starts at, with dots; empty for an absolute one."""
    if not level:
        return ""
    parts = path.removesuffix(".py").split("/")[:-level]
    return "." + ".".join(parts)


_CHILDREN: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Name: (),
    ast.Constant: (),
    ast.Attribute: ("value",),
    ast.Call: ("func", "args", "keywords"),
    ast.keyword: ("value",),
    ast.BinOp: ("left", "right"),
    ast.BoolOp: ("values",),
    ast.UnaryOp: ("operand",),
    ast.Compare: ("left", "comparators"),
    ast.Subscript: ("value", "slice"),
    ast.List: ("elts",),
    ast.Tuple: ("elts",),
}
"""The fields of the commonest expressions that hold others; of all else any field may."""


def walk(node: ast.AST) -> list[ast.AST]:
    """As `ast.walk`, the outer before the inner, without contexts and operators."""
    found = [node]
    for one in found:
        for name in _CHILDREN.get(type(one), one._fields):
            value = getattr(one, name, None)
            if isinstance(value, list):
                found += [part for part in value if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def parameters(function: Function) -> dict[str, ast.expr | None]:
    """The parameters of a function with their defaults, in order."""
    args = function.args
    plain = [*args.posonlyargs, *args.args]
    found: dict[str, ast.expr | None] = {one.arg: None for one in plain}
    for one, default in zip(reversed(plain), reversed(args.defaults), strict=False):
        found[one.arg] = default
    for one, value in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        found[one.arg] = value
    return found


def keyword(call: ast.Call, *names: str) -> ast.expr | None:
    """The value of the first of these keyword arguments that a call has."""
    for name in names:
        for one in call.keywords:
            if one.arg == name:
                return one.value
    return None


def path_of(node: ast.expr) -> tuple[ast.expr, tuple[str, ...]]:
    """An expression as its root and the attributes taken of it: `a().b.c` as (`a()`, (b, c))."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return node, tuple(reversed(names))
