"""The import table of docs/explanation/architecture.md, held by reading the imports."""

import ast
from collections.abc import Iterator
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


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def layer_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def own_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "tyrian":
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tyrian":
            yield node.lineno, node.module or ""


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_the_layers_below_it(path: Path) -> None:
    layer = layer_of(path)
    if layer in {"__init__", "cli"}:
        return
    allowed = MAY_IMPORT[layer] | {layer}
    for line, name in own_imports(ast.parse(path.read_text())):
        target = name.split(".")[1] if "." in name else "__init__"
        assert target in allowed or name == "tyrian", (
            f"{path}:{line}: {layer} may not import {name}"
        )


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nobody_imports_the_command_line(path: Path) -> None:
    if layer_of(path) == "cli":
        return
    names = [name for _, name in own_imports(ast.parse(path.read_text()))]
    assert not [n for n in names if n.startswith("tyrian.cli")]


def test_init_files_below_the_top_are_empty() -> None:
    drop_in = PACKAGE / "compat" / "llamafirewall"  # gives the names where programs look for them
    full = [
        p
        for p in PACKAGE.rglob("__init__.py")
        if p.parent != PACKAGE and drop_in not in p.parents and p.read_text().strip()
    ]
    assert full == []


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_own_code_is_imported_at_the_top_of_a_module(path: Path) -> None:
    if layer_of(path) == "cli":  # commands import their work when they are called
        return
    tree = ast.parse(path.read_text())
    inner = [
        line
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for line, _ in own_imports(function)
    ]
    assert inner == [], f"{path}: function-level import of own code at lines {inner}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_packages_are_never_imported_at_the_top_of_a_module(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert not HEAVY & {n.split(".")[0] for n in names}, f"{path}:{node.lineno}"
