"""The texts that benchmarks put to judges and attackers: ours, or the published ones.

Ours are package data, one TOML file per benchmark. The published ones are never copied: in the
`upstream` mode they are read at run time from a checkout of the pinned commit, by parsing its
source, without running any of it.
"""

import ast
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from tyrian.errors import ConfigError, InputError


class Prompts(Protocol):
    """Gives texts by benchmark and name."""

    def text(self, benchmark: str, name: str) -> str:
        """The text; ConfigError where there is none of that name."""
        ...


@cache
def _own(benchmark: str) -> Mapping[str, str]:
    file = files("tyrian.evals") / "texts" / f"{benchmark.replace('-', '_')}.toml"
    if not file.is_file():
        return {}
    read = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: text.strip("\n") for name, text in read.items() if isinstance(text, str)}


class OwnPrompts:
    """The texts of this package."""

    def text(self, benchmark: str, name: str) -> str:
        """The text of that name."""
        try:
            return _own(benchmark)[name]
        except KeyError:
            raise ConfigError(f"there is no text {name!r} for {benchmark}") from None


class UpstreamPrompts:
    """Texts of a checkout of PurpleLlama, read by parsing its source.

    A name has the form `FILE:NAME`, FILE relative to `CybersecurityBenchmarks/`: a module-level
    constant, a class attribute (`CLASS.NAME`) or a default (`FUNCTION(ARGUMENT)` is not read).
    """

    def __init__(self, checkout: Path) -> None:
        self.root = checkout / "CybersecurityBenchmarks"
        if not self.root.is_dir():
            raise ConfigError(
                f"{checkout} is no checkout of PurpleLlama: CybersecurityBenchmarks is missing",
                hint="git clone https://github.com/meta-llama/PurpleLlama, at the pinned commit",
            )

    def text(self, benchmark: str, name: str) -> str:
        """The constant, strings joined as the source joins them."""
        file, _, path = name.partition(":")
        if not path:
            raise ConfigError(f"{benchmark}: {name!r} is not of the form FILE:NAME")
        found = constants(self.root / file)
        if path not in found:
            raise ConfigError(
                f"{file} of the checkout has no text {path}",
                hint="check that it stands at the pinned commit",
            )
        return found[path]


@lru_cache(maxsize=64)
def constants(file: Path) -> Mapping[str, str]:
    """All string constants of a Python file by dotted name; nothing is run."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"the checkout has no file {file}") from None
    except (SyntaxError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be parsed: {error}") from error
    found: dict[str, str] = {}
    _collect(tree.body, "", found)
    return found


def _collect(body: list[ast.stmt], prefix: str, found: dict[str, str]) -> None:
    for node in body:
        if isinstance(node, ast.ClassDef):
            _collect(node.body, f"{prefix}{node.name}.", found)
            continue
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        text = _text(value, prefix, found) if targets else None
        for target in targets:
            if isinstance(target, ast.Name) and text is not None:
                found[prefix + target.id] = text


def _text(node: ast.expr, prefix: str, found: Mapping[str, str]) -> str | None:
    """The string that an expression of literals, names and `+` stands for."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left, prefix, found), _text(node.right, prefix, found)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.Name):
        return found.get(prefix + node.id, found.get(node.id))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inner = _text(node.func.value, prefix, found)
        if inner is not None and node.func.attr in {"strip", "lstrip", "rstrip"} and not node.args:
            return str(getattr(inner, node.func.attr)())
    return None
