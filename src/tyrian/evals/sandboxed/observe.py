"""Runs a Python program in a sandbox and notes what it tries: python3 -I observe.py PROGRAM.

It is copied into the sandbox and uses nothing but the standard library. Notes are lines of JSON in
events.jsonl, made before the sandbox allows or refuses what is tried. A program that wants to can
hide from them: they show what happened, never that nothing did.
"""

import json
import os
import sys
from collections.abc import Callable

NOTES = "events.jsonl"
_WATCHED = (
    "open", "socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system",
    "os.exec", "os.posix_spawn", "os.spawn", "os.kill", "os.killpg", "os.chmod", "os.chown",
    "os.remove", "os.rename", "os.symlink", "os.link", "os.listdir", "os.scandir", "os.truncate",
    "os.mkdir", "os.rmdir", "ctypes.dlopen", "ctypes.dlsym", "pty.spawn", "sys.addaudithook",
)  # fmt: skip
_MOST = 5000


def _is_import(arguments: tuple[object, ...], library: tuple[str, ...]) -> bool:
    """Whether the interpreter's own library is read."""
    flags = arguments[2] if len(arguments) > 2 else 0
    is_read = isinstance(flags, int) and not flags & (os.O_WRONLY | os.O_RDWR)
    return is_read and isinstance(arguments[0], str) and arguments[0].startswith(library)


def _watch(descriptor: int) -> Callable[[str, tuple[object, ...]], None]:
    watched, left = frozenset(_WATCHED), [_MOST]
    write, dumps = os.write, json.dumps
    library = tuple(f"{one}/lib" for one in (sys.prefix, sys.base_prefix))

    def noted(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("open", "os.listdir", "os.scandir") and _is_import(arguments, library):
            return
        if event in watched and left[0] > 0:
            left[0] -= 1
            line = dumps([event, [repr(one)[:300] for one in arguments[:4]]])
            write(descriptor, line.encode() + b"\n")

    return noted


def main() -> None:
    """Compile the program, start to watch, run it."""
    program = sys.argv[1]
    with open(program, "rb") as file:
        code = compile(file.read(), program, "exec", dont_inherit=True)
    descriptor = os.open(NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.argv[:] = [program]
    names = {"__name__": "__main__", "__file__": program, "__builtins__": __builtins__}
    sys.addaudithook(_watch(descriptor))
    exec(code, names)  # noqa: S102


if __name__ == "__main__":
    main()
