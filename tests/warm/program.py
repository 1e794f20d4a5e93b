"""`tyrian` as a process of its own, but without the seconds in which a new Python imports it.

A test that starts `[*tyrian(), "serve", ...]` in place of `["tyrian", "serve", ...]` has a true
process behind a small one that hands on signals and the exit status (`client.py`). It is forked
from one that has imported what finding that command imports, and nothing else (`nursery.py`).

What only the program itself can show stays with the program: what a start imports, hash seeds, an
end by SIGKILL, a test of the process's id or memory.
"""

import atexit
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("tyrian")
_HERE = Path(__file__).parent


@cache
def tyrian() -> tuple[str, ...]:
    """The words that start it; to be followed by the noun and its options."""
    if not sys.platform.startswith("linux"):
        return (str(PROGRAM),)
    folder = tempfile.TemporaryDirectory(prefix="tyrian-warm-")
    address = str(Path(folder.name) / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(128)
        process = subprocess.Popen(
            [sys.executable, str(_HERE / "nursery.py"), str(listener.fileno()), str(PROGRAM)],
            stdin=subprocess.PIPE,  # it ends when this does
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        process.communicate()
        folder.cleanup()

    atexit.register(end)
    return (sys.executable, "-I", "-S", str(_HERE / "client.py"), address)


def script(path: str) -> tuple[str, ...]:
    """The words that start the `main` of a Python file in the same way, once it is imported."""
    client = tyrian()
    return (*client, path) if len(client) > 1 else (sys.executable, path)
