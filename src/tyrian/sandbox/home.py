"""What a run puts on disk: the root directory of the sandbox, its supervisor and its plan."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tyrian.sandbox import inner
from tyrian.sandbox.plan import (
    CONTROL_NAME,
    ETC_FILES,
    PROXY_PORT,
    RUNTIME,
    SOCKET_NAME,
    Plan,
    interpreter,
)

_DIRECTORIES = ("proc", "dev", "tmp", "sys", "run/tyrian", "etc")
_MEGABYTE = 1 << 20
PLAN_NAME = "plan.json"


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of one run, which is gone after it."""

    path: Path

    @property
    def root(self) -> Path:
        """The sandbox's root directory: mount points and the files that are made for it."""
        return self.path / "root"

    @property
    def runtime(self) -> Path:
        """What the sandbox sees as /run/tyrian."""
        return self.path / "run"

    @property
    def socket(self) -> Path:
        """Where the egress proxy listens."""
        return self.runtime / SOCKET_NAME

    @property
    def control(self) -> Path:
        """Where the supervisor is told of signals."""
        return self.runtime / CONTROL_NAME

    @property
    def covers(self) -> tuple[Path, Path]:
        """An empty directory and an empty file, to be mounted over what is covered up."""
        return self.path / "empty", self.path / "nothing"

    def cover_of(self, host: Path) -> Path:
        """What is mounted over a directory, or over anything else."""
        return self.covers[0] if host.is_dir() else self.covers[1]

    def make(self, plan: Plan) -> None:
        """Write everything that a driver mounts."""
        self.runtime.mkdir()
        self.covers[0].mkdir(mode=0o555)
        self.covers[1].touch(mode=0o444)
        shutil.copyfile(inner.__file__, self.runtime / "inner.py")
        for name in _DIRECTORIES:
            (self.root / name).mkdir(parents=True)
        for link, target in plan.links.items():
            (self.root / link.lstrip("/")).symlink_to(target)
        for name, text in ETC_FILES.items():
            (self.root / "etc" / name).write_text(text)
        made: list[str] = []
        for mount in plan.mounts:
            if not any(mount.inside.startswith(above + "/") for above in made):
                _make_point(self.root / mount.inside.lstrip("/"), mount.host)
            made.append(mount.inside)

    def write_plan(self, plan: Plan, **more: object) -> Path:
        """Write what the supervisor reads; `more` replaces its keys."""
        limits = plan.limits
        content: dict[str, object] = {
            "argv": plan.argv,
            "env": dict(plan.env),
            "cwd": plan.cwd,
            "control": f"{RUNTIME}/{CONTROL_NAME}",
            "limits": {
                "RLIMIT_CORE": 0,
                "RLIMIT_FSIZE": limits.disk_mb * _MEGABYTE,
                "RLIMIT_NOFILE": limits.open_files,
                "RLIMIT_NPROC": limits.processes,
            },
        }
        if plan.has_network:
            content["proxy"] = {"port": PROXY_PORT, "socket": f"{RUNTIME}/{SOCKET_NAME}"}
        path = self.runtime / PLAN_NAME
        path.write_text(json.dumps({**content, **more}))
        return path

    def limit_memory_per_process(self, limit: str, memory_mb: int) -> None:
        """Bound what each process may allocate, where no control group bounds them together."""
        path = self.runtime / PLAN_NAME
        content = json.loads(path.read_text())
        content["limits"][limit] = memory_mb * _MEGABYTE
        path.write_text(json.dumps(content))


def supervisor() -> list[str]:
    """The command that a driver starts inside."""
    return [str(interpreter()), "-I", "-S", f"{RUNTIME}/inner.py", f"{RUNTIME}/{PLAN_NAME}"]


def _make_point(point: Path, host: Path) -> None:
    """Something to mount on: a directory for a directory, else an empty file."""
    if host.is_dir():
        point.mkdir(parents=True, exist_ok=True)
    else:
        point.parent.mkdir(parents=True, exist_ok=True)
        point.touch()
