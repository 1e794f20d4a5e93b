"""PostgreSQL and Redis of a benchmark's own, on ports of their own, gone when it ends."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from _servers import ServerFailedError, free_port

_START_LIMIT_S = 30.0
_PLACES = "/usr/lib/postgresql"


class NotInstalledError(RuntimeError):
    """A server that is not on this machine; the benchmark goes on without it."""


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database with its server's usual settings (fsync among them)."""
    binaries = sorted(Path(_PLACES).glob("*/bin/initdb"))
    if not binaries:
        raise NotInstalledError("PostgreSQL is not installed (apt-get install postgresql)")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as home:
        run = _runner(binaries[-1].parent, Path(home))
        run("initdb", f"--pgdata={home}/data", "--auth=trust", "--username=bench")
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
        run("pg_ctl", f"--pgdata={home}/data", f"--log={home}/log", "-w", f"-o{options}", "start")
        try:
            run("createdb", "-h127.0.0.1", f"-p{port}", "-Ubench", "bench")
            yield f"postgresql://bench@127.0.0.1:{port}/bench"
        finally:
            run("pg_ctl", f"--pgdata={home}/data", "-mimmediate", "stop")


def _runner(binaries: Path, home: Path) -> Callable[..., None]:
    """Runs PostgreSQL's programs, which refuse to be run by root."""
    before: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(home, user.pw_uid, user.pw_gid)
        before = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*before, str(binaries / program), *arguments]
        log = home / "programs.log"
        with log.open("ab") as sink:
            done = subprocess.run(command, check=False, stdout=sink, stderr=sink, cwd="/")
        if done.returncode:
            raise ServerFailedError(f"{program}: {log.read_text()[-800:]}")

    return run


@contextmanager
def redis() -> Iterator[str]:
    """The URL of an empty Redis or Valkey server without persistence."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise NotInstalledError("Redis is not installed (apt-get install redis-server)")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly"]
    child = subprocess.Popen(
        [*command, "no"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/tmp"
    )
    try:
        _wait_for(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        child.terminate()
        child.wait(10)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise ServerFailedError("Redis did not start")
