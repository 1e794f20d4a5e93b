"""Texts inside the functions of a Python file, found by what the source names them.

Nothing is run: the file is parsed, and only literals, f-strings, names and `+` are read.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from tyrian.errors import ConfigError, InputError
from tyrian.evals.prompt_form import Form, Place

Named = Mapping[str, tuple[Form, ...]]


@lru_cache(maxsize=64)
def parsed(file: Path) -> ast.Module:
    """The syntax tree; ConfigError where the file is missing, InputError where it is no code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of other people's escapes
            warnings.simplefilter("ignore", DeprecationWarning)
            return ast.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"the checkout has no file {file}") from None
    except (SyntaxError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be parsed: {error}") from error


def lists_of(file: Path) -> Mapping[str, tuple[str, ...]]:
    """Lists of strings by dotted name: of the module, of classes, and local ones of functions."""
    found: dict[str, tuple[str, ...]] = {}
    for path, node in _assignments(parsed(file).body, ""):
        if isinstance(node, ast.List | ast.Tuple):
            items = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            if len(items) == len(node.elts) and all(isinstance(item, str) for item in items):
                found.setdefault(path, tuple(str(item) for item in items))
    return found


@lru_cache(maxsize=64)
def forms_of(file: Path) -> Named:
    """Texts by dotted name, in the order of the source where one name has several.

    In a function a text is named by the local that it is assigned to, by the keyword that it is
    passed as, by the function that it is passed to, by its key in a dictionary, or `return`.
    """
    found: dict[str, list[Form]] = {}
    for path, function in _functions(parsed(file).body, ""):
        for name, form in _named(function):
            found.setdefault(f"{path}.{name}", []).append(form)
    return {path: tuple(forms) for path, forms in found.items()}


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node


def _assignments(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.expr]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _assignments(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield prefix + target.id, node.value
        elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
            yield prefix + node.target.id, node.value


def _named(function: ast.AST) -> Iterator[tuple[str, Form]]:
    """Named texts below a node, in the order of the source."""
    for node in ast.iter_child_nodes(function):
        for name, value in _names_of(node):
            form = _form(value)
            if form is not None:
                yield name, form
        yield from _named(node)


def _names_of(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((t.id, value) for t in targets if isinstance(t, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.Return(value=ast.expr() as value):
            yield "return", value
        case ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.Call(func=function, args=arguments):
            called = function.attr if isinstance(function, ast.Attribute) else ""
            called = function.id if isinstance(function, ast.Name) else called
            if called:
                yield from ((called, value) for value in arguments)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def _form(node: ast.expr) -> Form | None:
    """The text of an expression; None where it has no literal text in it."""
    parts = _parts(node)
    if parts is None or not any(isinstance(part, str) for part in parts):
        return None
    return Form(tuple(parts))


def _parts(node: ast.expr) -> list[str | Place] | None:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return [Place(name)]
        case ast.Subscript(value=value):
            return _parts(value)
        case ast.JoinedStr(values=values):
            pieces = [_parts(value) for value in values]
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            return _parts(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            pieces = [_parts(left), _parts(right)]
        case _:
            return None
    joined: list[str | Place] = []
    for piece in pieces:
        if piece is None:
            return None
        joined += piece
    return joined
