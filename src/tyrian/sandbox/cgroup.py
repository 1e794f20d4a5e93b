"""Limits over all processes of a sandbox, where this user may make control groups."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_MEGABYTE = 1 << 20
_END_S = 2.0
"""Seconds that ended processes have to be gone."""


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """A group for memory and one for the number of processes; the same one in version 2."""

    paths: tuple[Path, ...]

    @classmethod
    def make(cls, name: str, memory_mb: int, tasks: int) -> "ControlGroup | None":
        """A group with these limits, no limit of tasks for 0; None where none can be made."""
        size = str(memory_mb * _MEGABYTE)
        if _has_controllers(_ROOT):
            path = _made(_ROOT / name, {"memory.max": size, "pids.max": str(tasks or "max")})
            if path:
                with suppress(OSError):  # no swap, or not counted
                    (path / "memory.swap.max").write_text("0")
            return cls((path,)) if path else None
        paths = [_made(_ROOT / "memory" / name, {"memory.limit_in_bytes": size})]
        if paths[0]:
            with suppress(OSError):
                (paths[0] / "memory.memsw.limit_in_bytes").write_text(size)
        if tasks:
            paths.append(_made(_ROOT / "pids" / name, {"pids.max": str(tasks)}))
        found = tuple(path for path in paths if path)
        return cls(found) if found else None

    def joined(self, argv: Sequence[str]) -> list[str]:
        """The command that first puts itself into the group."""
        files = [str(path / "cgroup.procs") for path in self.paths]
        script = f'for i in {" ".join("x" * len(files))}; do echo $$ > "$1"; shift; done; exec "$@"'
        return ["/bin/sh", "-ec", script, "sh", *files, *argv]

    def remove(self) -> None:
        """End what still runs in it, and take it away."""
        until = time.monotonic() + _END_S
        for path in self.paths:
            while time.monotonic() < until:
                left = _processes(path)
                for process in left:
                    with suppress(OSError):
                        os.kill(process, 9)
                with suppress(OSError):
                    path.rmdir()
                    break
                time.sleep(0.01)

    @property
    def has_run_out_of_memory(self) -> bool:
        """Whether the kernel ended a process for its memory."""
        for file in ("memory.oom_control", "memory.events"):
            with suppress(OSError):
                for line in (self.paths[0] / file).read_text().splitlines():
                    key, _, value = line.partition(" ")
                    if key == "oom_kill":
                        return int(value) > 0
        return False


def _made(path: Path, settings: dict[str, str]) -> Path | None:
    try:
        path.mkdir()
        for name, value in settings.items():
            (path / name).write_text(value)
    except OSError:
        with suppress(OSError):
            path.rmdir()
        return None
    return path


def _processes(path: Path) -> list[int]:
    try:
        return [int(line) for line in (path / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _has_controllers(root: Path) -> bool:
    """Whether this is version 2, with both controllers for what lies below its root."""
    try:
        found = (root / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False
    return "memory" in found and "pids" in found
