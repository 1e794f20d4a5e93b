"""A program that a benchmark wants run, and what came of it.

Model-chosen code and bytes are hostile: the drivers run them in a sandbox or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """Bounds of a program: seconds, bytes, processes."""

    wall_s: float = 10.0
    cpu_s: float = 10.0
    memory: int = 512 << 20
    output: int = 1 << 20
    """Bytes that are kept of each of standard output and error."""
    processes: int = 64


@dataclass(frozen=True, slots=True)
class Execution:
    """A command in a fresh directory with these files, without network.

    `argv[0]` is looked up on the sandbox's PATH; relative names are below the directory, which is
    the working directory. `files` maps relative paths to bytes.
    """

    argv: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    stdin: bytes = b""
    limits: ExecutionLimits = ExecutionLimits()
    keep: tuple[str, ...] = ()
    """Files that are read back afterwards, where they are there and within the output limit."""
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class ExecutionStatus(StrEnum):
    """How the program ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    """No sandbox here, or it could not start: nothing was run."""


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of an Execution."""

    status: ExecutionStatus
    code: int = 0
    """Exit code, or the number of the signal."""
    stdout: bytes = b""
    stderr: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    reason: str = ""
    """Why nothing was run."""

    @property
    def was_run(self) -> bool:
        """Whether the program started at all."""
        return self.status is not ExecutionStatus.REFUSED
