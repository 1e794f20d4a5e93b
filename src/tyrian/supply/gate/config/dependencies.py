"""What a project installs: AI packages in floating versions, and places nobody vouches for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath

from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.scan.code.requirements import requirement_faults

_AI = re.compile(
    r"(?i)(?:tyrian|openai(?:-agents)?|anthropic|litellm|langchain[\w-]*|langgraph[\w-]*"
    r"|llama-index[\w-]*|pydantic-ai[\w-]*|transformers|vllm|torch|crewai[\w-]*|autogen[\w-]*"
    r"|smolagents|mcp|fastmcp|haystack-ai|sglang|huggingface[-_]hub|sentence-transformers|peft"
    r"|llama-cpp-python|guardrails-ai|nemoguardrails|llamafirewall|google-genai|google-adk)"
)
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(.*)")
_GIT = re.compile(r"git\+[^\s'\"]+")
_COMMIT = re.compile(r"@[0-9a-f]{40}(?:[#\s'\"]|$)")
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")


def is_requirements(path: str) -> bool:
    """Whether a file is a list of requirements by its name."""
    name = PurePosixPath(path).name
    return name.endswith(".txt") and "requirements" in path.lower()


def judge_requirements(path: str, text: str, *, is_locked: bool) -> Iterator[GateFinding]:
    """Findings in a list of requirements; `is_locked`: a lock of all packages lies beside it."""
    for line, _, why in requirement_faults(text):
        yield found(Place(path, line), "dependency-source", "packages", why)
    for number, row in enumerate(text.splitlines(), 1):
        stripped = re.sub(r"(?:^|\s)#.*", "", row).strip()
        if stripped.startswith("--extra-index-url"):
            why = "a second index may answer for a name of the first (--extra-index-url)"
            yield found(Place(path, number), "dependency-source", "packages", why)
        yield from _requirement(Place(path, number), stripped, is_locked=is_locked)


def judge_project(path: str, text: str) -> Iterator[GateFinding]:
    """Findings in a `pyproject.toml`; tomllib.TOMLDecodeError where it is none.

    It names ranges, as it should; a lock or a list of requirements fixes the versions.
    """
    project = tomllib.loads(text).get("project")
    if not isinstance(project, dict):
        return
    groups = project.get("optional-dependencies")
    rows = [project.get("dependencies"), *(groups.values() if isinstance(groups, dict) else ())]
    lines = text.splitlines()
    for row in rows:
        for one in row if isinstance(row, list) else ():
            number = next((n for n, line in enumerate(lines, 1) if str(one) in line), 1)
            yield from _requirement(Place(path, number), str(one), is_locked=True)


def has_lock(names: frozenset[str]) -> bool:
    """Whether one of the files of a directory locks all packages."""
    return any(name in names for name in _LOCKS)


def _requirement(place: Place, row: str, *, is_locked: bool) -> Iterator[GateFinding]:
    if not row or row.startswith(("-r", "-c", "--")):
        return
    if git := _GIT.search(row):
        name = row.split("@")[0].strip() if "@ git+" in row else git[0][:80]
        if not _COMMIT.search(row):
            why = f"{name} comes from a branch or tag of a git repository"
            yield found(place, "dependency-floating", name, why)
        return
    matched = _NAME.match(row)
    if not matched or not _AI.fullmatch(matched[1]) or is_locked:
        return
    rest = matched[2].split(";")[0]
    if not re.search(r"==|~=|===|<|@", rest):
        told = f"any version from {rest.strip()}" if ">" in rest else "any version"
        yield found(place, "dependency-floating", matched[1], f"{matched[1]} is taken in {told}")
