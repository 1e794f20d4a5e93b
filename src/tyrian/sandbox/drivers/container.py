"""A container engine with gVisor as its runtime, where one is there (Docker or Podman).

The image brings the programs, python3 among them, since the supervisor runs inside. The engine's
runtime must let the sandbox open the egress proxy's socket: `runsc install -- --host-uds=open`.
"""

import os
import shutil
from dataclasses import dataclass

from tyrian.sandbox.driver import Launch, failure
from tyrian.sandbox.home import Home
from tyrian.sandbox.plan import RUNTIME, Plan

_ENGINES = ("docker", "podman")


@dataclass(frozen=True, slots=True)
class Container:
    """docker or podman, and an image that is pinned by its digest."""

    image: str
    engine: str = ""
    name: str = "container"

    def lacks(self) -> str:
        """An engine, where there is none."""
        return "" if self._engine() else "no container engine is installed: docker or podman"

    def why_not(self) -> str:
        """'' where an engine with gVisor's runtime answers."""
        if reason := self.lacks():
            return reason
        engine = self._engine()
        asked = [engine, "info", "--format", "{{json .Runtimes}}"]
        if engine == "podman":
            return failure([engine, "info"]) or ("" if shutil.which("runsc") else _NO_RUNTIME)
        if reason := failure(asked):
            return reason
        grep = f"{engine} info --format '{{{{json .Runtimes}}}}' | grep -q runsc"
        return _NO_RUNTIME if failure(["/bin/sh", "-c", grep]) else ""

    def launch(self, plan: Plan, home: Home) -> Launch:
        """The engine's command line."""
        home.write_plan(plan)
        engine, name = self._engine(), home.path.name
        limits = plan.limits
        argv = [
            *(engine, "run", "--rm", "--interactive", "--name", name, "--runtime", "runsc"),
            *("--network", "none", "--read-only", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--pids-limit", str(limits.processes)),
            *("--memory", f"{limits.memory_mb}m", "--hostname", "sandbox", "--pull", "missing"),
            *("--tmpfs", f"/tmp:size={limits.disk_mb}m,mode=1777"),  # noqa: S108
            *("--user", f"{os.getuid()}:{os.getgid()}", "--entrypoint", "python3"),
        ]
        for mount in plan.shown.mounts:
            argv += [
                "--volume",
                f"{mount.host}:{mount.inside}:{'rw' if mount.is_writable else 'ro'}",
            ]
        for path in plan.shown.covered:
            argv += ["--volume", f"{home.cover_of(plan.host_of(path))}:{path}:ro"]
        argv += ["--volume", f"{home.runtime}:{RUNTIME}:ro", self.image]
        return Launch(
            argv=[*argv, "-I", "-S", f"{RUNTIME}/inner.py", f"{RUNTIME}/plan.json"],
            env=os.environ,  # the engine's client finds its engine by it
            kill=[engine, "kill", name],
            clean=[engine, "rm", "--force", name],
        )

    def _engine(self) -> str:
        if self.engine:
            return self.engine if shutil.which(self.engine) else ""
        return next((one for one in _ENGINES if shutil.which(one)), "")


_NO_RUNTIME = "the engine has no runtime runsc: runsc install -- --host-uds=open"
