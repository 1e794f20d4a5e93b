"""The supervisor: the first process of a sandbox, started as a script of its own.

    python3 -I -S inner.py PLAN.json

It runs the command within its limits, passes signals on, carries connections from the sandbox's
loopback to the egress proxy's socket, and ends with the command's exit code (128 and the signal's
number where one ended it). It imports the standard library alone, since nothing else is there.
"""

import base64
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

_NEW_IPC, _NEW_UTS, _NEW_USER, _NEW_NET = 0x08000000, 0x04000000, 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_SUBREAPER = 1, 24, 36
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_FILTER = 38, 22, 2
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_CHUNK = 1 << 17
_CANNOT_RUN = 126

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Run the plan; the exit code of the command."""
    with open(sys.argv[1], encoding="utf-8") as file:
        plan: dict[str, Any] = json.load(file)
    if plan.get("isolate"):
        _isolate()
    os.makedirs(plan["env"]["HOME"], exist_ok=True)
    if plan.get("proxy"):
        _forward(plan["proxy"]["port"], plan["proxy"]["socket"])
    _libc.prctl(_PR_SET_SUBREAPER, 1, 0, 0, 0)
    control = socket.socket(socket.AF_UNIX)
    control.connect(plan["control"])
    command = os.fork()
    if command == 0:
        _become(plan)
    threading.Thread(target=_heed, args=(control, command), daemon=True).start()
    return _wait_for(command)


def _heed(control: socket.socket, command: int) -> None:
    """Pass on the signals that come as bytes from outside."""
    while number := control.recv(1):
        _tell(command, number[0])


def _tell(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _wait_for(command: int) -> int:
    """Reap whatever ends, until the command has; then end what it left behind."""
    while True:
        ended, status = os.wait()
        if ended == command:
            break
    code = os.waitstatus_to_exitcode(status)
    for _ in range(100):
        left = _children()
        if not left:
            break
        for process in left:
            _tell(process, signal.SIGKILL)
        for process in left:
            with suppress(ChildProcessError):
                os.waitpid(process, 0)
    return code if code >= 0 else 128 - code


def _children() -> list[int]:
    """Processes below this one that were left to it; [] where /proc is not there."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _become(plan: dict[str, Any]) -> None:
    """Turn this process into the command; never returns."""
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        for name, limit in plan["limits"].items():
            number = getattr(resource, name)
            hard = resource.getrlimit(number)[1]
            least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(number, (least, least))
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            with suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        os.closerange(3, 1 << 16)
        os.chdir(plan["cwd"])
        if plan.get("isolate"):
            _restrict(plan["isolate"])
        os.execvpe(plan["argv"][0], plan["argv"], plan["env"])  # noqa: S606
    except BaseException as error:  # noqa: BLE001  nothing of this process may live on
        os.write(2, f"tyrian run: cannot run {plan['argv'][0]}: {error}\n".encode())
    os._exit(_CANNOT_RUN)


# The way out.


def _forward(port: int, path: str) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    threading.Thread(target=_accept, args=(listener, path), daemon=True).start()


def _accept(listener: socket.socket, path: str) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_carry, args=(client, path), daemon=True).start()


def _carry(client: socket.socket, path: str) -> None:
    proxy = socket.socket(socket.AF_UNIX)
    try:
        proxy.connect(path)
    except OSError:
        client.close()
        proxy.close()
        return
    back = threading.Thread(target=_copy, args=(proxy, client), daemon=True)
    back.start()
    _copy(client, proxy)
    back.join()
    client.close()
    proxy.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    buffer = memoryview(bytearray(_CHUNK))
    try:
        while count := source.recv_into(buffer):
            target.sendall(buffer[:count])
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


# Without a driver around it: namespaces for the supervisor, Landlock and seccomp for the command.


def _isolate() -> None:
    """An empty network of its own, before there is a second thread."""
    uid, gid = os.getuid(), os.getgid()
    flags = _NEW_NET | _NEW_IPC | _NEW_UTS
    if uid != 0:
        flags |= _NEW_USER
    _checked(_libc.unshare(flags), "unshare")
    if uid != 0:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    import fcntl
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        asked = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(probe, _SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))


def _restrict(how: dict[str, Any]) -> None:
    """Paths, capabilities and system calls of this process and all that come from it."""
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    ruleset = _ruleset(how)
    for rule in how["paths"]:
        _add_path(ruleset, rule["path"], rule["rights"])
    _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)
    _drop_capabilities()
    program = base64.b64decode(how["seccomp"])
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    given = Program(len(program) // 8, ctypes.addressof(buffer))
    _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(given), 0, 0), "seccomp")


def _ruleset(how: dict[str, Any]) -> int:
    class Attributes(ctypes.Structure):
        _fields_ = (
            ("fs", ctypes.c_uint64),
            ("net", ctypes.c_uint64),
            ("scoped", ctypes.c_uint64),
        )

    given = Attributes(how["handled"], 0, how["scoped"])
    size = 24 if how["scoped"] else 8
    made: int = _libc.syscall(_CREATE_RULESET, ctypes.byref(given), size, 0)
    return _checked(made, "landlock_create_ruleset")


def _add_path(ruleset: int, path: str, rights: int) -> None:
    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))

    try:
        at = os.open(path, os.O_PATH | os.O_CLOEXEC | _nofollow(path))
    except FileNotFoundError:
        return
    given = Beneath(rights, at)
    code = _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(given), 0)
    os.close(at)
    _checked(code, f"landlock_add_rule {path}")


def _nofollow(path: str) -> int:
    """No link is followed, /proc/self aside, which is one and stands for this process."""
    return 0 if path == "/proc/self" else os.O_NOFOLLOW


def _drop_capabilities() -> None:
    for number in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    header, sets = Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(sets)), "capset")


def _checked(code: int, what: str) -> int:
    if code < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as failed:
        sys.exit(f"tyrian run: the sandbox cannot be made: {failed}")
