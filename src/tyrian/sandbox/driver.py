"""What the drivers of the sandbox have in common: one plan in, one command to start out."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tyrian.sandbox.home import Home
from tyrian.sandbox.plan import Plan

SUPERVISOR_TASKS = 32
"""Threads that the supervisor may have, two for each connection."""
BASE = "/tmp"  # noqa: S108  each run makes a directory of its own in it
"""Where runs have their files: paths of Unix sockets must be short."""
TRY_S = 20.0
"""Seconds that a driver has to show that it works."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a sandbox is started, ended and cleaned up after."""

    argv: Sequence[str]
    open_files: Sequence[int] = ()
    """Descriptors that the command inherits; closed once it runs."""
    env: Mapping[str, str] | None = None
    """The environment of the command itself, where it is not the plan's."""
    tasks: int = 0
    """Most processes and threads on this machine, the supervisor's among them; 0 for no limit."""
    memory_limit: str = "RLIMIT_DATA"
    """The limit that bounds a process's memory where no control group does."""
    kill: Sequence[str] = ()
    """A command that ends the sandbox at once, where killing the first one does not."""
    clean: Sequence[str] = ()
    """A command to run after the end."""


class Driver(Protocol):
    """One kind of sandbox."""

    @property
    def name(self) -> str:
        """The `type` of the stack that asks for it."""
        ...

    def lacks(self) -> str:
        """What it needs and does not have, as far as can be told at once; '' for nothing."""
        ...

    def why_not(self) -> str:
        """Why it does not work here, found by trying; '' where it does."""
        ...

    def launch(self, plan: Plan, home: Home) -> Launch:
        """Write what the sandbox needs, and say how to start it."""
        ...


def missing(program: str, package: str) -> str:
    """Why a driver cannot work without its program; '' where the program is there."""
    if shutil.which(program):
        return ""
    return f"the program {program} is not installed: apt-get install {package}"


def failure(argv: Sequence[str]) -> str:
    """What a trial run of a command says where it fails; '' where it works."""
    try:
        done = subprocess.run(  # noqa: S603
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRY_S,
            check=False,
            env={**os.environ, "TMPDIR": BASE},
        )
    except subprocess.TimeoutExpired:
        return f"{argv[0]} hangs"
    except OSError as error:
        return f"{argv[0]} cannot be started: {error.strerror}"
    if done.returncode == 0:
        return ""
    told = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"{argv[0]} fails here: {told[-1] if told else f'code {done.returncode}'}"
