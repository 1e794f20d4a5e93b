"""The house itself: the lock, the repository's files, the cost of an import."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNLOCKED = {"torch"}
"""Left out of the lock: its usual build brings gigabytes of GPU libraries (models.in)."""
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_names(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[\[<>=!;~ ]", r, maxsplit=1)[0]) for r in requirements}


def locked_names(path: Path) -> set[str]:
    return {canonical(n) for n in LOCKED.findall(path.read_text())}


def project() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, object] = tomllib.load(file)["project"]
    return table


def test_every_dependency_is_locked_with_hashes() -> None:
    table = project()
    base = table["dependencies"]
    extras = table["optional-dependencies"]
    assert isinstance(base, list)
    assert isinstance(extras, dict)
    assert requirement_names(base) <= locked_names(ROOT / "requirements/serve.txt")
    every = [r for group in extras.values() for r in group]
    needed = requirement_names([*base, *every]) - UNLOCKED
    assert needed <= locked_names(ROOT / "requirements/dev.txt")


@pytest.mark.parametrize("name", ["serve.txt", "dev.txt"])
def test_the_lock_names_no_index_and_hashes_every_package(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    blocks = re.split(r"^(?=[A-Za-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert [b.splitlines()[0] for b in blocks if "--hash=sha256:" not in b] == []


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make serve" in readme
    assert "make test" in readme
    assert "make test" in (ROOT / ".ci/run").read_text()


def loaded_by(statement: str) -> set[str]:
    code = (
        f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_tyrian_loads_only_the_standard_library() -> None:
    loaded = loaded_by("import tyrian")
    assert {m.split(".")[0] for m in loaded} - {"tyrian"} <= sys.stdlib_module_names
    assert {m for m in loaded if m.startswith("tyrian.")} == set()
