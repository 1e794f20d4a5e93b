"""What one sandbox is: the command, what it sees, where it may go, what it may use.

Every driver builds its sandbox from the same plan.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tyrian.errors import ConfigError
from tyrian.policy.schema import PolicySpec
from tyrian.sandbox.rights import Mount, Shown, shown_by
from tyrian.stack.sandbox import SandboxLimits, SandboxSpec

PROXY_PORT = 3128
"""Port on the sandbox's own loopback from which the egress proxy is reached."""
HOME = "/tmp/home"  # noqa: S108  of the sandbox's own /tmp
RUNTIME = "/run/tyrian"
"""Where the sandbox finds its supervisor, its plan and the proxy's socket."""
SOCKET_NAME = "egress.sock"
CONTROL_NAME = "control.sock"

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    *("alternatives", "ca-certificates", "ca-certificates.conf", "gai.conf", "ld.so.cache"),
    *("ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "os-release", "pki", "protocols"),
    *("services", "ssl", "terminfo", "timezone"),
)
_PRIVATE = ("/etc/ssl/private", "/etc/pki/tls/private")
ETC_FILES: Mapping[str, str] = MappingProxyType(
    {
        "passwd": "root:x:0:0:root:/tmp/home:/bin/sh\nagent:x:1000:1000:agent:/tmp/home:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "group": "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "hostname": "sandbox\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "resolv.conf": "# names are looked up by the egress proxy\n",
    }
)
"""Files of /etc that are made for the sandbox."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSED_ON = ("LANG", "LANGUAGE", "TERM", "TZ", "COLUMNS", "LINES", "NO_COLOR")


@dataclass(frozen=True, slots=True)
class Plan:
    """One sandbox; paths are those of the sandbox where nothing else is said."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    system: tuple[Mount, ...]
    """Programs and libraries of this machine, to be read."""
    links: Mapping[str, str]
    """Symbolic links of the root directory, such as /bin to usr/bin."""
    shown: Shown
    limits: SandboxLimits
    has_network: bool = True
    """Whether there is an egress proxy to be reached."""

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """Everything that is mounted, parents first."""
        return (*self.system, *self.shown.mounts)

    @property
    def covered(self) -> tuple[str, ...]:
        """Paths that are covered up."""
        private = [path for path in _PRIVATE if os.path.lexists(path)]
        return (*private, *self.shown.covered)

    def host_of(self, inside: str) -> Path:
        """Where a path below a mount lies on this machine."""
        for mount in reversed(self.mounts):
            if inside == mount.inside or inside.startswith(mount.inside + "/"):
                return mount.host / inside[len(mount.inside) + 1 :]
        return Path(inside)


def make_plan(
    spec: SandboxSpec,
    policy: PolicySpec | None,
    argv: Sequence[str],
    environ: Mapping[str, str] = os.environ,
) -> Plan:
    """The plan of a command; ConfigError where the sandbox could not run it."""
    shown = shown_by(policy.fs if policy else None, spec.mounts)
    is_image = spec.type == "container"
    system, links = ((), {}) if is_image else _system(spec.system_paths)
    mounts = (*system, *shown.mounts)
    plan = Plan(
        argv=tuple(argv) if is_image else (_program(argv[0], environ, mounts), *argv[1:]),
        cwd=_directory(policy.cwd if policy else "", shown),
        env=_environment(spec, environ, mounts),
        system=system,
        links=links,
        shown=shown,
        limits=spec.limits,
        has_network=bool(spec.egress_allowlist) or bool(policy and policy.net and policy.net.hosts),
    )
    for name in spec.env:
        if name not in environ:
            raise ConfigError(
                f"agent.sandbox.env names {name}, which is not set",
                hint=f"set it, or take it out of agent.sandbox.env: export {name}=...",
            )
    return plan


def interpreter() -> Path:
    """The Python that runs the supervisor inside, without its virtual environment."""
    return Path(os.path.realpath(sys.executable))


def is_visible(path: str, mounts: Sequence[Mount]) -> bool:
    """Whether a path of this machine is seen in the sandbox under the same name."""
    real = os.path.realpath(path)
    return any(
        str(mount.host) == mount.inside
        and (real == mount.inside or real.startswith(mount.inside + "/"))
        for mount in mounts
    )


def _system(further: Sequence[str]) -> tuple[tuple[Mount, ...], Mapping[str, str]]:
    """What programs need of this machine, and the links of its root directory."""
    links = {path: os.readlink(path) for path in _SYSTEM if os.path.islink(path)}
    python = Path(os.path.realpath(sys.base_prefix))
    paths = [
        *(path for path in _SYSTEM if os.path.isdir(path) and path not in links),
        *(f"/etc/{name}" for name in _ETC if os.path.exists(f"/etc/{name}")),
    ]
    for path in (*further, str(python)):
        if not os.path.exists(path):
            raise ConfigError(
                f"agent.sandbox.system_paths: there is no {path}", hint="correct the path"
            )
        if not any(path == known or path.startswith(known + "/") for known in paths):
            paths.append(path.rstrip("/"))
    mounts = (Mount(path, Path(os.path.realpath(path)), False) for path in paths)
    return tuple(sorted(mounts)), MappingProxyType(links)


def _program(name: str, environ: Mapping[str, str], mounts: Sequence[Mount]) -> str:
    """The command's program; one that lies in a mount of another name is looked for inside."""
    inside = {mount.inside for mount in mounts if str(mount.host) != mount.inside}
    if any(name.startswith(path + "/") for path in inside):
        return name
    found = shutil.which(name, path=environ.get("PATH", _PATH))
    if found is None:
        raise ConfigError(f"there is no program {name!r}", hint="name it by its path")
    found = os.path.abspath(found)
    if not is_visible(found, mounts):
        home = os.path.dirname(os.path.dirname(os.path.realpath(found)))
        raise ConfigError(
            f"the sandbox does not show {found}",
            hint=f"add it to the stack: agent.sandbox.system_paths: [{home}]",
        )
    return os.path.realpath(found) if not _shows_link(found, mounts) else found


def _shows_link(path: str, mounts: Sequence[Mount]) -> bool:
    """Whether the name itself, not just what it links to, is seen."""
    return any(path.startswith(f"{mount.inside}/") for mount in mounts) or path.startswith(
        tuple(f"{link}/" for link in _SYSTEM)
    )


def _directory(cwd: str, shown: Shown) -> str:
    is_shown = any(cwd == m.inside or cwd.startswith(m.inside + "/") for m in shown.mounts)
    return cwd if is_shown else "/tmp"  # noqa: S108  of the sandbox's own


def _environment(
    spec: SandboxSpec, environ: Mapping[str, str], mounts: Sequence[Mount]
) -> Mapping[str, str]:
    wanted = [
        name for name in environ if name in _PASSED_ON or name.startswith("LC_") or name in spec.env
    ]
    path = [
        entry
        for entry in environ.get("PATH", _PATH).split(":")
        if entry.startswith("/") and os.path.isdir(entry) and is_visible(entry, mounts)
    ]
    proxy = f"http://127.0.0.1:{PROXY_PORT}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    env = {name: environ[name] for name in wanted}
    env |= {"PATH": ":".join(dict.fromkeys((*path, *_PATH.split(":")))), "HOME": HOME}
    env |= {"TMPDIR": "/tmp", "TYRIAN_SANDBOX": spec.type}  # noqa: S108
    env |= {name: proxy for upper in names for name in (upper, upper.lower())}
    env |= dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")
    return MappingProxyType(env)
