"""What a call is called, and what it is given."""

import ast

from tyrian.supply.gate.python.source import Scope, keyword, path_of

SHOWN = 60
"""Characters of a name that are told."""


def written(call: ast.Call) -> str:
    """The name of what is called, as it is written."""
    root, path = path_of(call.func)
    if isinstance(root, ast.Name):
        return ".".join((root.id, *path))[:SHOWN]
    return ("(...)." + ".".join(path))[:SHOWN] if path else "a call"


def assigned(name: str, scope: Scope) -> list[ast.expr]:
    """What a name is given, in the scope or at the top of its file."""
    rows = scope.assigned.get(name) or scope.module.top.assigned.get(name) or ()
    return [row.value for row in rows]


def given_to(call: ast.Call, key: str, scope: Scope) -> ast.expr | None:
    """A keyword argument, by itself or within `**` of a dictionary that is made in sight."""
    direct = keyword(call, key)
    if direct is not None:
        return direct
    for one in call.keywords:
        if one.arg is None and isinstance(one.value, ast.Name):
            for made in assigned(one.value.id, scope):
                if isinstance(made, ast.Call) and (inner := keyword(made, key)) is not None:
                    return inner
                if isinstance(made, ast.Dict):
                    for name, value in zip(made.keys, made.values, strict=True):
                        if isinstance(name, ast.Constant) and name.value == key:
                            return value
    return None
