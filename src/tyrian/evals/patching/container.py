"""Programs in container images, for benchmarks whose cases are images: docker or podman.

Images are pulled when they are first needed. A container has no network, no rights, bounds of
memory and processes, and is gone after its run; what it shares with this machine is one directory.
"""

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tyrian.evals.execution import Executed, Execution, ExecutionStatus

ENGINES = ("docker", "podman")
SHARED = "/tyrian"
"""Where a container finds the files of its step, and leaves those that are kept."""
_PULL_S = 3600.0
_LOOK_S = 30.0


@dataclass(frozen=True, slots=True)
class ContainerStep(Execution):
    """An Execution in a container of an image; `argv` is run in it, `files` lie in `SHARED`."""

    image: str = ""


class Containers:
    """Runs steps, `at_once` at a time."""

    def __init__(self, *, at_once: int = 2) -> None:
        self._gate = asyncio.Semaphore(at_once)
        self._engine = ""

    async def __call__(self, step: ContainerStep) -> Executed:
        """Run a step; without an engine or its image nothing is run, and the outcome says why."""
        if not self._engine:
            self._engine, why = await _working_engine()
            if not self._engine:
                reason = f"the case is a container image, and no engine works here: {why}"
                return Executed(ExecutionStatus.REFUSED, reason=f"{reason}; install podman")
        async with self._gate:
            if why := await self._missing(step.image):
                return Executed(ExecutionStatus.REFUSED, reason=f"no image {step.image}: {why}")
            with tempfile.TemporaryDirectory(prefix="tyrian-container-") as shared:
                return await self._run(step, Path(shared))

    async def _missing(self, image: str) -> str:
        code, _, _ = await _said([self._engine, "image", "inspect", image], _LOOK_S)
        if code == 0:
            return ""
        code, _, err = await _said([self._engine, "pull", "--quiet", image], _PULL_S)
        return "" if code == 0 else _last(err) or "it cannot be pulled"

    async def _run(self, step: ContainerStep, shared: Path) -> Executed:
        _lay_out(shared, step)
        name, limits = f"tyrian-{uuid4().hex[:12]}", step.limits
        argv = [
            *(self._engine, "run", "--rm", "--name", name, "--network", "none"),
            *("--platform", "linux/amd64", "--cap-drop", "ALL", "--cap-add", "SYS_PTRACE"),
            *("--security-opt", "no-new-privileges", "--memory", str(limits.memory)),
            *("--pids-limit", str(limits.processes), "--volume", f"{shared}:{SHARED}:rw"),
            *("--entrypoint", step.argv[0], step.image, *step.argv[1:]),
        ]
        code, out, err = await _said(argv, limits.wall_s, limits.output)
        if code is None:
            await _said([self._engine, "kill", name], _LOOK_S)
            return Executed(ExecutionStatus.TIMED_OUT, stdout=out, stderr=err)
        if code in (125, 126, 127) and not out:
            return Executed(ExecutionStatus.REFUSED, reason=_last(err) or f"code {code}")
        return Executed(ExecutionStatus.EXITED, code, out, err, _left(shared, step))


def _lay_out(shared: Path, step: ContainerStep) -> None:
    for name, data in step.files.items():
        (shared / name).write_bytes(data)
    shared.chmod(0o777)


def _left(shared: Path, step: ContainerStep) -> dict[str, bytes]:
    """The kept files that are there; links that the container left are not followed."""
    kept = {}
    for name in step.keep:
        try:
            descriptor = os.open(shared / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                kept[name] = file.read(step.limits.output)
    return kept


async def _working_engine() -> tuple[str, str]:
    reasons = []
    for name in ENGINES:
        if not shutil.which(name):
            reasons.append(f"{name} is not installed")
            continue
        code, _, err = await _said([name, "info"], _LOOK_S)
        if code == 0:
            return name, ""
        reasons.append(f"{name}: {_last(err) or 'it does not answer'}")
    return "", "; ".join(reasons)


async def _said(
    argv: Sequence[str], time_s: float, most: int = 1 << 16
) -> tuple[int | None, bytes, bytes]:
    """Exit code and the first bytes of both streams; no code where the time was over."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = bytearray(), bytearray()
    try:
        async with asyncio.timeout(time_s):
            await asyncio.gather(_kept(process.stdout, out, most), _kept(process.stderr, err, most))
            return await process.wait(), bytes(out), bytes(err)
    except TimeoutError:
        return None, bytes(out), bytes(err)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _kept(stream: asyncio.StreamReader | None, into: bytearray, most: int) -> None:
    assert stream is not None
    while chunk := await stream.read(1 << 16):
        into += chunk[: max(0, most - len(into))]


def _last(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else ""
