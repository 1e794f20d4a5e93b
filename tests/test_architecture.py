"""The import table of docs/explanation/architecture.md, held by reading the imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "tyrian"

BASE = {"errors", "core"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "core": {"errors"},
    "text": BASE,
    "models": BASE,
    "detectors": BASE | {"text", "models"},
    "policy": BASE | {"text"},
    "stack": BASE | {"policy"},
    "review": BASE,
    "firewall": BASE | {"policy", "stack", "review"},
    "tuning": BASE | {"text", "models", "detectors", "policy", "stack", "firewall"},
    "sandbox": BASE | {"policy", "stack"},
    "compat": BASE | {"models", "stack", "firewall"},
    "adapters": BASE | {"policy", "stack", "firewall", "review"},
    "supply": BASE | {"text", "stack"},
    "evals": BASE
    | {"text", "models", "detectors", "policy", "stack", "firewall", "sandbox", "supply"},
    "gateway": BASE
    | {"text", "models", "detectors", "policy", "stack", "firewall", "sandbox", "supply", "review"},
}
HEAVY = {"torch", "transformers", "onnxruntime", "ray", "sklearn", "scipy"}


def layer_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@dataclass(frozen=True)
class Import:
    """A module that a file names in an import, and where."""

    path: Path
    line: int
    name: str
    is_top: bool
    """A statement of the module itself: neither in a function nor under a condition."""
    is_inner: bool
    """In a function."""

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.name}"


def imports_of(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    rest: list[tuple[ast.AST, bool]] = [(tree, False)]
    while rest:
        node, is_inner = rest.pop()
        if isinstance(node, ast.expr):  # imports are statements
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            is_inner = is_inner or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            rest.extend((child, is_inner) for child in ast.iter_child_nodes(node))
            continue
        for name in names:
            yield Import(path, node.lineno, name, id(node) in top, is_inner)


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    """All imports of the package, each file read once."""
    return [found for path in sorted(PACKAGE.rglob("*.py")) for found in imports_of(path)]


@pytest.fixture(scope="module")
def own(imports: list[Import]) -> list[Import]:
    """Those of own code."""
    return [found for found in imports if found.name.split(".")[0] == "tyrian"]


def test_a_module_imports_only_the_layers_below_it(own: list[Import]) -> None:
    def is_allowed(found: Import) -> bool:
        layer = layer_of(found.path)
        if layer in {"__init__", "cli"} or found.name == "tyrian":
            return True
        return found.name.split(".")[1] in MAY_IMPORT[layer] | {layer}

    assert own
    assert [str(found) for found in own if not is_allowed(found)] == []


def test_nobody_imports_the_command_line(own: list[Import]) -> None:
    found = [one for one in own if layer_of(one.path) != "cli"]
    assert [str(one) for one in found if one.name.startswith("tyrian.cli")] == []


def test_init_files_below_the_top_are_empty() -> None:
    drop_in = PACKAGE / "compat" / "llamafirewall"  # gives the names where programs look for them
    full = [
        p
        for p in PACKAGE.rglob("__init__.py")
        if p.parent != PACKAGE and drop_in not in p.parents and p.read_text().strip()
    ]
    assert full == []


def test_own_code_is_imported_at_the_top_of_a_module(own: list[Import]) -> None:
    # Commands import their work when they are called.
    found = [one for one in own if layer_of(one.path) != "cli"]
    assert [str(one) for one in found if one.is_inner] == []


def test_heavy_packages_are_never_imported_at_the_top_of_a_module(imports: list[Import]) -> None:
    found = [one for one in imports if one.name.split(".")[0] in HEAVY]
    assert found
    assert [str(one) for one in found if one.is_top] == []
