"""bubblewrap: the kernel's namespaces, with a seccomp filter; starts in milliseconds."""

import os
from dataclasses import dataclass

from tyrian.sandbox.driver import SUPERVISOR_TASKS, Launch, failure, missing
from tyrian.sandbox.home import Home, supervisor
from tyrian.sandbox.plan import RUNTIME, Plan
from tyrian.sandbox.seccomp import NO_FILTER, UNIX_AND_INET, is_known_machine, network_filter

_ISOLATION = (
    *("--unshare-all", "--die-with-parent", "--new-session"),
    *("--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox"),
)
_KERNEL_SETTINGS = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi")
_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """bwrap; needs user namespaces, or root."""

    program: str = "bwrap"
    name: str = "bubblewrap"

    def lacks(self) -> str:
        """The program, or the filter for this processor."""
        if not is_known_machine():
            return NO_FILTER
        return missing(self.program, "bubblewrap")

    def why_not(self) -> str:
        """'' where bwrap starts a sandbox here."""
        return self.lacks() or failure(
            [self.program, *_ISOLATION, "--ro-bind", "/", "/", "/bin/true"]
        )

    def launch(self, plan: Plan, home: Home) -> Launch:
        """The whole command line; the filter goes in through a descriptor."""
        home.write_plan(plan)
        rules = home.path / "filter"
        rules.write_bytes(network_filter(UNIX_AND_INET))
        descriptor = os.open(rules, os.O_RDONLY)
        argv = [self.program, *_ISOLATION, "--ro-bind", str(home.root), "/"]
        argv += ["--proc", "/proc", "--dev", "/dev"]
        for name in _KERNEL_SETTINGS:  # which root may write in a user namespace, too
            if os.path.exists(f"/proc/{name}"):
                argv += ["--ro-bind", f"/proc/{name}", f"/proc/{name}"]
        argv += ["--size", str(plan.limits.disk_mb * _MEGABYTE), "--tmpfs", "/tmp"]  # noqa: S108
        for mount in plan.mounts:
            argv += ["--bind" if mount.is_writable else "--ro-bind", str(mount.host), mount.inside]
        for path in plan.covered:
            argv += ["--ro-bind", str(home.cover_of(plan.host_of(path))), path]
        argv += ["--ro-bind", str(home.runtime), RUNTIME, "--seccomp", str(descriptor)]
        for name, value in plan.env.items():
            argv += ["--setenv", name, value]
        tasks = plan.limits.processes + SUPERVISOR_TASKS
        return Launch([*argv, "--", *supervisor()], open_files=(descriptor,), tasks=tasks)
