"""Where a training ran: interpreter, packages, hardware, and the revision of its code."""

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def environment() -> dict[str, object]:
    """Python, the system, and every installed package with its version."""
    packages = {
        str(one.metadata["Name"]).lower(): one.version for one in distributions() if one.metadata
    }
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": dict(sorted(packages.items())),
    }


def hardware() -> dict[str, object]:
    """Processors, memory (bytes), and accelerators where torch is loaded already."""
    found: dict[str, object] = {"processors": os.cpu_count() or 0, "processor": _processor()}
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    found["memory"] = pages * size
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        count = torch.cuda.device_count()
        found["accelerators"] = [torch.cuda.get_device_name(n) for n in range(count)]
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return next(line.split(":", 1)[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()


def code_revision(directory: Path) -> dict[str, object]:
    """Commit of the git checkout that a directory is in, and whether it differs from it.

    Empty where it is in none. `is_clean` is None where git is not here to say.
    """
    for folder in (directory.resolve(), *directory.resolve().parents):
        if (folder / ".git").exists():
            commit = _head(folder / ".git")
            return {"commit": commit, "is_clean": _is_clean(folder)} if commit else {}
    return {}


def _head(git: Path) -> str:
    try:
        if git.is_file():  # of a worktree
            git = (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head if _COMMIT.fullmatch(head) else ""
        name = head.removeprefix("ref:").strip()
        common = git
        if (git / "commondir").is_file():
            common = (git / (git / "commondir").read_text().strip()).resolve()
        for base in (git, common):
            if (base / name).is_file():
                found = (base / name).read_text().strip()
                return found if _COMMIT.fullmatch(found) else ""
        packed = (common / "packed-refs").read_text().splitlines()
        return next(
            (line[: -len(name)].strip() for line in packed if line.endswith(" " + name)), ""
        )
    except (OSError, UnicodeDecodeError):
        return ""


def _is_clean(folder: Path) -> bool | None:
    git = shutil.which("git")
    if not git:
        return None
    command = [git, "-C", str(folder), "-c", "core.fsmonitor=false", "status", "--porcelain"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return not done.stdout.strip()
