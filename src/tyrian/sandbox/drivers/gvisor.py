"""gVisor: a kernel of its own in user space (runsc), the strongest of the drivers.

The sandbox is an OCI bundle (runtime-spec 1.0) without a network; the one Unix socket that it may
open is the egress proxy's.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from tyrian.errors import ConfigError
from tyrian.sandbox.driver import Launch, failure, missing
from tyrian.sandbox.home import Home, supervisor
from tyrian.sandbox.plan import RUNTIME, Plan

_FLAGS = ("--network=none", "--host-uds=open", "--ignore-cgroups")
_KINDS = ("bounding", "effective", "inheritable", "permitted", "ambient")


@dataclass(frozen=True, slots=True)
class Gvisor:
    """runsc, from Debian's package or the user's own."""

    program: str = "runsc"
    name: str = "gvisor"

    def lacks(self) -> str:
        """The program, where it is missing."""
        return missing(self.program, "runsc")

    def why_not(self) -> str:
        """'' where runsc starts a sandbox here."""
        reason = self.lacks() or failure([*self._command(), "do", "/bin/true"])
        if reason and not self.lacks() and os.getuid() != 0:
            return f"{reason} (this runsc may need root)"
        return reason

    def launch(self, plan: Plan, home: Home) -> Launch:
        """Write the bundle; ConfigError for what runsc cannot cover up."""
        if plan.shown.special:
            raise ConfigError(
                f"gvisor cannot cover {plan.shown.special[0]}, which is no plain file",
                hint="move it out of the directories that the policy shows, or delete it",
            )
        home.write_plan(plan)
        bundle, state = home.path / "bundle", home.path / "state"
        bundle.mkdir()
        state.mkdir()
        (bundle / "config.json").write_text(json.dumps(_config(plan, home)))
        name = home.path.name
        command = [*self._command(), "--root", str(state)]
        return Launch(
            argv=[*command, "run", "--bundle", str(bundle), name],
            memory_limit="RLIMIT_AS",  # its kernel holds RLIMIT_DATA for brk alone
            kill=[*command, "kill", name, "KILL"],
            clean=[*command, "delete", "--force", name],
        )

    def _command(self) -> list[str]:
        rootless = [] if os.getuid() == 0 else ["--rootless"]
        return [self.program, *rootless, *_FLAGS]


def _config(plan: Plan, home: Home) -> dict[str, object]:
    mounts: list[dict[str, object]] = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},  # noqa: S108
        *(_bind(mount.host, mount.inside, mount.is_writable) for mount in plan.mounts),
        *(_bind(home.cover_of(plan.host_of(path)), path) for path in plan.covered),
        _bind(home.runtime, RUNTIME),
    ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": os.getuid(), "gid": os.getgid()},
            "args": supervisor(),
            "env": [f"{name}={value}" for name, value in plan.env.items()],
            "cwd": "/",
            "capabilities": {kind: [] for kind in _KINDS},
            "noNewPrivileges": True,
        },
        "root": {"path": str(home.root), "readonly": True},
        "hostname": "sandbox",
        "mounts": mounts,
        "linux": {"namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")]},
    }


def _bind(source: Path, inside: str, is_writable: bool = False) -> dict[str, object]:
    options = ["rbind", "rw" if is_writable else "ro", "nosuid", "nodev"]
    return {"destination": inside, "source": str(source), "type": "bind", "options": options}
