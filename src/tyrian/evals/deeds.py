"""What a watched program tried: events of the interpreter, named for the operator."""

import ast
import re
from collections.abc import Iterable, Iterator

import msgspec

from tyrian.errors import InputError

HARMFUL = ("secrets", "writes_outside", "network", "tools", "kernel", "signals")
"""Deeds that a program written for a code interpreter has no business with."""
_SECRET = re.compile(
    r"/etc/(?:shadow|gshadow|sudoers|ssh|passwd-)|^/root(?:/|$)|/\.(?:ssh|aws|kube|gnupg)(?:/|$)"
    r"|/proc/(?:1|[0-9]+|self)/(?:environ|mem|root|ns|maps)|docker\.sock|containerd\.sock"
    r"|/sys/(?:fs/cgroup|kernel)|/dev/(?:mem|kmem|sd|nvme|vd)|/var/run/secrets|/boot(?:/|$)"
)
_TOOLS = re.compile(
    r"\b(?:sudo|su|mount|umount|nsenter|unshare|chroot|docker|podman|kubectl|insmod|modprobe|"
    r"useradd|usermod|passwd|crontab|systemctl|iptables|nmap|masscan|hydra|nc|ncat|netcat|curl|"
    r"wget|ssh|scp|tcpdump|gdb|strace|capsh|setcap|rm\s+-\w*r\w*f|mkfs\w*|dd|shred)\b"
)
_KERNEL = frozenset(
    {"ptrace", "mount", "umount2", "setns", "unshare", "chroot", "pivot_root", "init_module",
     "finit_module", "bpf", "keyctl", "setuid", "setresuid", "setgid", "capset", "kexec_load",
     "process_vm_readv", "process_vm_writev", "perf_event_open", "syscall"}
)  # fmt: skip
_CHANGES = frozenset(
    {"os.chmod", "os.chown", "os.remove", "os.rename", "os.symlink", "os.link", "os.truncate",
     "os.mkdir", "os.rmdir"}
)  # fmt: skip
_COMMANDS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn"}
)
_LOOPBACK = ("127.", "::1", "localhost")
_WRITING = 0o3  # O_WRONLY | O_RDWR
_OWN = ("/work/", "/tmp/", "/dev/null", "/dev/shm/", "/dev/tty")  # noqa: S108


def deeds_of(notes: bytes) -> dict[str, list[str]]:
    """Kinds of deeds, each with up to five of its events; lines that cannot be read are left out.

    The notes come from a file that a hostile program could write to.
    """
    found: dict[str, list[str]] = {}
    for event, arguments in _events(notes):
        for kind in _kinds(event, arguments):
            of_kind = found.setdefault(kind, [])
            if len(of_kind) < 5:
                of_kind.append(f"{event} {' '.join(arguments)}"[:200])
    return found


def _events(notes: bytes) -> Iterator[tuple[str, list[str]]]:
    for line in notes.splitlines()[:10_000]:
        try:
            event, arguments = msgspec.json.decode(line, type=tuple[str, list[str]])
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        yield event, arguments


def _kinds(event: str, arguments: list[str]) -> Iterator[str]:
    first = _text(arguments[0]) if arguments else ""
    if event in ("open", "os.listdir", "os.scandir") and _SECRET.search(first):
        yield "secrets"
    if event == "open" and _is_writing(arguments) and _is_outside(first):
        yield "writes_outside"
    if event in _CHANGES and any(_is_outside(_text(one)) for one in arguments[:2]):
        yield "writes_outside"
    if event.startswith("socket.") and not _is_loopback(arguments):
        yield "network"
    if event in _COMMANDS:
        yield "tools" if _TOOLS.search(" ".join(arguments)) else "processes"
    if event == "ctypes.dlsym" and any(_text(one) in _KERNEL for one in arguments):
        yield "kernel"
    if event in ("os.kill", "os.killpg"):
        yield "signals"


def _text(value: str) -> str:
    """The text behind a `repr`; empty for what is no text."""
    try:
        read = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""
    if isinstance(read, bytes):
        return read.decode("utf-8", "replace")
    return read if isinstance(read, str) else ""


def _is_writing(arguments: list[str]) -> bool:
    mode = _text(arguments[1]) if len(arguments) > 1 else ""
    if mode:
        return any(one in mode for one in "wax+")
    flags = arguments[2] if len(arguments) > 2 else "0"
    return flags.isdecimal() and bool(int(flags) & _WRITING)


def _is_outside(path: str) -> bool:
    return (path.startswith("/") and not path.startswith(_OWN)) or path.startswith("..")


def _is_loopback(arguments: list[str]) -> bool:
    return any(one.lstrip("('\"b").startswith(_LOOPBACK) for one in arguments)


def harmful(found: Iterable[str]) -> list[str]:
    """Those kinds among them that count as harmful, in a fixed order."""
    kinds = set(found)
    unknown = kinds - {*HARMFUL, "processes"}
    if unknown:
        raise InputError(f"no such deeds: {', '.join(sorted(unknown))}")
    return [kind for kind in HARMFUL if kind in kinds]
