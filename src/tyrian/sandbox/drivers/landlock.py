"""Landlock: the kernel's own rights by path, with an empty network and a seccomp filter.

Nothing has to be installed, and nothing is mounted: paths keep their names, and /tmp is a directory
of the run's own. Source: the kernel's documentation of Landlock, ABI 1 to 7.
"""

import base64
import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tyrian.errors import ConfigError
from tyrian.sandbox.driver import SUPERVISOR_TASKS, Launch, failure
from tyrian.sandbox.home import Home
from tyrian.sandbox.plan import PROXY_PORT, SOCKET_NAME, Plan, interpreter
from tyrian.sandbox.seccomp import INET, NO_FILTER, is_known_machine, network_filter

_LEAST_ABI = 3
"""From here on truncating a file needs a right, too (Linux 6.2)."""
_CREATE_RULESET, _VERSION = 444, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_MAKE_DEVICES = (1 << 6) | (1 << 11)
_ALL = (1 << 16) - 1
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_SCOPES = 3
"""Abstract Unix sockets and signals stay within the sandbox (ABI 6)."""
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_SYSTEM_FILES = (
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/proc/self", "/proc/cpuinfo"),
    *("/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/filesystems", "/proc/version"),
    *("/proc/sys/kernel/osrelease", "/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu"),
)
_NEW_NETWORK = "import ctypes,sys; sys.exit(ctypes.CDLL(None).unshare({flags}) != 0)"
_NEW_NET, _NEW_USER = 0x40000000, 0x10000000


def abi() -> int:
    """The version of Landlock that the kernel speaks; 0 for none."""
    found: int = ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION)
    return max(found, 0)


@dataclass(frozen=True, slots=True)
class Landlock:
    """For a tool's child process: no program and no package is needed."""

    name: str = "landlock"

    def lacks(self) -> str:
        """A kernel with Landlock, or the filter for this processor."""
        found = abi()
        if found < _LEAST_ABI:
            told = f"speaks version {found}" if found else "has no Landlock, or it is switched off"
            return f"the kernel {told}; version {_LEAST_ABI} (Linux 6.2) is the least"
        return "" if is_known_machine() else NO_FILTER

    def why_not(self) -> str:
        """'' where the kernel has what it takes."""
        if reason := self.lacks():
            return reason
        flags = _NEW_NET if os.getuid() == 0 else _NEW_NET | _NEW_USER
        if failure([str(interpreter()), "-I", "-S", "-c", _NEW_NETWORK.format(flags=flags)]):
            return "the kernel gives this user no network namespace"
        return ""

    def launch(self, plan: Plan, home: Home) -> Launch:
        """The supervisor starts here, and holds the command to its rights."""
        for mount in plan.mounts:
            if mount.inside != os.path.abspath(mount.inside) or not _is_same(
                mount.inside, mount.host
            ):
                raise ConfigError(
                    f"landlock cannot show {mount.host} as {mount.inside}",
                    hint="use the same path on both sides, or type: bubblewrap",
                )
        own = home.path / "tmp"
        own.mkdir()
        env = {**plan.env, "HOME": str(own / "home"), "TMPDIR": str(own)}
        how = {
            "handled": _handled(),
            "scoped": _SCOPES if abi() >= 6 else 0,
            "seccomp": base64.b64encode(network_filter(INET)).decode(),
            "paths": [{"path": path, "rights": rights} for path, rights in _rules(plan, own)],
        }
        more: dict[str, object] = {"isolate": how, "env": env, "control": str(home.control)}
        if not any(plan.cwd.startswith(mount.inside) for mount in plan.shown.mounts):
            more["cwd"] = str(own)
        if plan.has_network:
            more["proxy"] = {"port": PROXY_PORT, "socket": str(home.runtime / SOCKET_NAME)}
        written = home.write_plan(plan, **more)
        script = str(home.runtime / "inner.py")
        tasks = plan.limits.processes + SUPERVISOR_TASKS
        return Launch([str(interpreter()), "-I", "-S", script, str(written)], tasks=tasks)


def _handled() -> int:
    rights = _ALL
    return rights if abi() >= 5 else rights & ~_IOCTL_DEV


def _rules(plan: Plan, own: Path) -> Iterator[tuple[str, int]]:
    """Paths and their rights."""
    everything = _handled() & ~_MAKE_DEVICES
    covered = plan.covered
    for mount in plan.mounts:
        rights = everything if mount.is_writable else _READ
        for path, given in _around(mount.inside, rights, covered):
            yield path, given if os.path.isdir(path) else given & _OF_FILES
    yield str(own), everything
    for name in _DEVICES:
        yield f"/dev/{name}", (_READ_FILE | _WRITE_FILE | _IOCTL_DEV) & _handled()
    for path in _SYSTEM_FILES:
        yield path, _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE


def _around(path: str, rights: int, covered: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """The path, or what lies in it where something below is covered: rights hold for all below.

    Links are left out, since a right is that of what a link leads to.
    """
    if path in covered:
        return
    if not any(one.startswith(path.rstrip("/") + "/") for one in covered):
        yield os.path.realpath(path), rights
        return
    yield os.path.realpath(path), _READ_DIR
    for name in os.listdir(path):
        below = f"{path.rstrip('/')}/{name}"
        if not os.path.islink(below):
            yield from _around(below, rights, covered)


def _is_same(inside: str, host: Path) -> bool:
    return os.path.realpath(inside) == str(host)
