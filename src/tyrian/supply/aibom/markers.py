"""Environment markers of requirements: whether one holds in an environment.

Their grammar is a part of Python's own, so that its parser reads them; nothing is evaluated but
comparisons of texts and versions.
Source: https://packaging.python.org/specifications/dependency-specifiers/#environment-markers
"""

import ast
import operator
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Surroundings = Mapping[str, str]
_VERSIONS = frozenset(
    {"python_version", "python_full_version", "implementation_version", "platform_release"}
)
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
    }
)


def surroundings_here(python: str = "") -> Surroundings:
    """The variables of markers on this machine, for a Python of that version."""
    version = python or platform.python_version()
    return MappingProxyType(
        {
            "os_name": os.name,
            "sys_platform": sys.platform,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "implementation_name": sys.implementation.name,
            "implementation_version": version,
            "python_version": ".".join(version.split(".")[:2]),
            "python_full_version": version,
            "extra": "",
        }
    )


def holds(marker: str, here: Surroundings) -> bool:
    """Whether a marker holds without any extra; one that cannot be read does."""
    if not marker.strip():
        return True
    plain = marker.replace("~=", ">=").replace("===", "==")
    try:
        return _truth(ast.parse(plain.strip(), mode="eval").body, here)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True


def _truth(node: ast.expr, here: Surroundings) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = (_truth(one, here) for one in node.values)
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compare(node.left, node.ops[0], node.comparators[0], here)
    raise ValueError("no marker")


def _compare(left: ast.expr, sign: ast.cmpop, right: ast.expr, here: Surroundings) -> bool:
    names = {one.id for one in (left, right) if isinstance(one, ast.Name)}
    one, other = _value(left, here), _value(right, here)
    if isinstance(sign, ast.In | ast.NotIn):
        return (one in other) == isinstance(sign, ast.In)
    if names & _VERSIONS:
        return _COMPARE[type(sign)](_version(one), _version(other))
    return _COMPARE[type(sign)](one, other)


def _value(node: ast.expr, here: Surroundings) -> str:
    if isinstance(node, ast.Name) and node.id in here:
        return here[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError("no value of a marker")


def _version(text: str) -> tuple[int, ...]:
    parts = [int(one) for one in re.findall(r"\d+", text)[:4]]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
