"""A seccomp filter as classic BPF: system calls that sandboxed programs have no business with.

It closes what path rights and an empty network cannot: other kinds of sockets, new namespaces,
other processes' memory, and the parts of the kernel from which breakouts come. Sources: seccomp(2),
bpf(4), the kernel's tables of system calls for x86-64 and arm64.
"""

import platform
import struct
from collections.abc import Iterable, Mapping
from types import MappingProxyType

_LOAD, _EQUAL, _GREATER, _SET, _AND, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NR, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24
_X32 = 0x3FFFFFFF
"""Greatest number of a system call of the machine itself; above are those of the x32 ABI."""
_NAMESPACES = 0x7E020080
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _INET, _INET6 = 1, 2, 10

_X86_64 = MappingProxyType(
    {
        "ioctl": 16,
        "socket": 41,
        "clone": 56,
        "ptrace": 101,
        "syslog": 103,
        "personality": 135,
        "vhangup": 153,
        "pivot_root": 155,
        "adjtimex": 159,
        "chroot": 161,
        "acct": 163,
        "settimeofday": 164,
        "mount": 165,
        "umount2": 166,
        "swapon": 167,
        "swapoff": 168,
        "reboot": 169,
        "sethostname": 170,
        "setdomainname": 171,
        "iopl": 172,
        "ioperm": 173,
        "init_module": 175,
        "delete_module": 176,
        "quotactl": 179,
        "clock_settime": 227,
        "kexec_load": 246,
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "unshare": 272,
        "perf_event_open": 298,
        "name_to_handle_at": 303,
        "open_by_handle_at": 304,
        "clock_adjtime": 305,
        "setns": 308,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "kcmp": 312,
        "finit_module": 313,
        "kexec_file_load": 320,
        "bpf": 321,
        "userfaultfd": 323,
    }
)
_ARM64 = MappingProxyType(
    {
        "ioctl": 29,
        "umount2": 39,
        "mount": 40,
        "pivot_root": 41,
        "chroot": 51,
        "vhangup": 58,
        "quotactl": 60,
        "acct": 89,
        "personality": 92,
        "unshare": 97,
        "kexec_load": 104,
        "init_module": 105,
        "delete_module": 106,
        "clock_settime": 112,
        "syslog": 116,
        "ptrace": 117,
        "reboot": 142,
        "sethostname": 161,
        "setdomainname": 162,
        "settimeofday": 170,
        "adjtimex": 171,
        "socket": 198,
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "clone": 220,
        "swapon": 224,
        "swapoff": 225,
        "perf_event_open": 241,
        "name_to_handle_at": 264,
        "open_by_handle_at": 265,
        "clock_adjtime": 266,
        "setns": 268,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "kcmp": 272,
        "finit_module": 273,
        "bpf": 280,
        "userfaultfd": 282,
        "kexec_file_load": 294,
    }
)
_BOTH = MappingProxyType(
    {
        "pidfd_send_signal": 424,
        "io_uring_setup": 425,
        "io_uring_enter": 426,
        "io_uring_register": 427,
        "open_tree": 428,
        "move_mount": 429,
        "fsopen": 430,
        "fsconfig": 431,
        "fsmount": 432,
        "fspick": 433,
        "clone3": 435,
        "pidfd_getfd": 438,
        "mount_setattr": 442,
    }
)
_JUDGED_BY_ARGUMENT = frozenset(("ioctl", "socket", "clone", "clone3", "personality"))
_MACHINES: Mapping[str, tuple[int, Mapping[str, int]]] = MappingProxyType(
    {
        "x86_64": (0xC000003E, MappingProxyType({**_X86_64, **_BOTH})),
        "aarch64": (0xC00000B7, MappingProxyType({**_ARM64, **_BOTH})),
    }
)

NO_FILTER = "there is no seccomp filter for this processor"


def is_known_machine() -> bool:
    """Whether a filter can be made for this machine."""
    return platform.machine() in _MACHINES


def network_filter(families: Iterable[int]) -> bytes:
    """The program, as bytes, with sockets of these address families only, and no raw ones.

    KeyError on a machine that is neither x86-64 nor arm64: see `is_known_machine`.
    """
    arch, numbers = _MACHINES[platform.machine()]
    program = [
        *_if(_ARCH, _EQUAL, arch, otherwise=_KILL),
        _step(_LOAD, _NR),
        _step(_GREATER, _X32, 0, 1),
        _step(_RETURN, _KILL),
    ]
    for name, number in numbers.items():
        if name not in _JUDGED_BY_ARGUMENT:
            program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | _EPERM)]
    # clone3 hides its flags behind a pointer: libraries fall back to clone where it is missing
    program += [_step(_EQUAL, numbers["clone3"], 0, 1), _step(_RETURN, _ERRNO | _ENOSYS)]
    program += _case(
        numbers["clone"],
        [_step(_LOAD, _ARG0), _step(_SET, _NAMESPACES, 0, 1), _step(_RETURN, _ERRNO | _EPERM)],
    )
    program += _case(
        numbers["ioctl"],
        [
            _step(_LOAD, _ARG1),
            *_refused_where_equal(_TIOCSTI),
            *_refused_where_equal(_TIOCLINUX),
        ],
    )
    program += _case(numbers["socket"], _socket(sorted(families)))
    program.append(_step(_RETURN, _ALLOW))
    return b"".join(program)


def _socket(families: list[int]) -> list[bytes]:
    """Streams and datagrams of the families pass, all else does not."""
    count = len(families)
    checks = [_step(_EQUAL, family, count - at, 0) for at, family in enumerate(families)]
    return [
        _step(_LOAD, _ARG0),
        *checks,
        _step(_RETURN, _ERRNO | _EAFNOSUPPORT),
        _step(_LOAD, _ARG1),
        _step(_AND, 0xF),
        _step(_EQUAL, 1, 2, 0),
        _step(_EQUAL, 2, 1, 0),
        _step(_RETURN, _ERRNO | _EPERM),
    ]


def _case(number: int, body: list[bytes]) -> list[bytes]:
    """The body where the system call is this one; after it the call passes."""
    return [_step(_EQUAL, number, 0, len(body) + 1), *body, _step(_RETURN, _ALLOW)]


def _refused_where_equal(value: int) -> list[bytes]:
    return [_step(_EQUAL, value, 0, 1), _step(_RETURN, _ERRNO | _EPERM)]


def _if(offset: int, test: int, value: int, *, otherwise: int) -> list[bytes]:
    return [_step(_LOAD, offset), _step(test, value, 1, 0), _step(_RETURN, otherwise)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


UNIX_AND_INET = (_UNIX, _INET, _INET6)
INET = (_INET, _INET6)
