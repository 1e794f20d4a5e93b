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
from typing import Protocol, TypeVar

from tyrian.errors import ConfigError
from tyrian.evals.prompt_form import Form, form_of
from tyrian.evals.upstream_source import forms_of, lists_of, parsed


class Prompts(Protocol):
    """Gives texts by benchmark and name."""

    def text(self, benchmark: str, name: str) -> str:
        """The text; ConfigError where there is none of that name."""
        ...

    def form(self, benchmark: str, name: str) -> Form:
        """A text with places to fill; ConfigError where there is none of that name."""
        ...

    def texts(self, benchmark: str, name: str) -> tuple[str, ...]:
        """A list of texts; ConfigError where there is none of that name."""
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

    def form(self, benchmark: str, name: str) -> Form:
        """The text of that name, its places written `{name}`."""
        return form_of(self.text(benchmark, name))

    def texts(self, benchmark: str, name: str) -> tuple[str, ...]:
        """The lines of the text of that name."""
        return tuple(self.text(benchmark, name).splitlines())


class UpstreamPrompts:
    """Texts of a checkout of PurpleLlama, read by parsing its source.

    A name has the form `FILE:NAME`, FILE relative to `CybersecurityBenchmarks/`: a module-level
    constant or a class attribute (`CLASS.NAME`). A form is a text inside a function:
    `FILE:FUNCTION.NAME`, with `#2` for the second one of that name (see `upstream_source`).
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
        file, path = self._place(benchmark, name)
        return _known(constants(file), path, file)

    def form(self, benchmark: str, name: str) -> Form:
        """The text inside a function, f-strings as forms."""
        file, path = self._place(benchmark, name)
        path, _, number = path.partition("#")
        found = _known(forms_of(file), path, file)
        nth = int(number or 1)
        if nth > len(found):
            raise ConfigError(f"{file} has only {len(found)} texts {path}", hint=_AT_COMMIT)
        return found[nth - 1]

    def texts(self, benchmark: str, name: str) -> tuple[str, ...]:
        """The list of strings, of the module or local to a function."""
        file, path = self._place(benchmark, name)
        return _known(lists_of(file), path, file)

    def _place(self, benchmark: str, name: str) -> tuple[Path, str]:
        file, _, path = name.partition(":")
        if not path:
            raise ConfigError(f"{benchmark}: {name!r} is not of the form FILE:NAME")
        return self.root / file, path


T = TypeVar("T")
_AT_COMMIT = "check that the checkout stands at the pinned commit"


def _known(found: Mapping[str, T], path: str, file: Path) -> T:
    if path not in found:
        raise ConfigError(f"{file} has no text {path}", hint=_AT_COMMIT)
    return found[path]


@lru_cache(maxsize=64)
def constants(file: Path) -> Mapping[str, str]:
    """All string constants of a Python file by dotted name; nothing is run."""
    found: dict[str, str] = {}
    _collect(parsed(file).body, "", found)
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
