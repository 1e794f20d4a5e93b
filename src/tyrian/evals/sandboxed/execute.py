"""Does what an Execution asks for, in a sandbox: no network, a directory of its own, limits.

Each program runs below a small process of ours that sets its sandbox up (`child.py`), so that many
can run at once and none shares our streams. Where no sandbox works here nothing is run.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from tyrian.errors import InputError
from tyrian.evals.execution import Executed, Execution, ExecutionStatus
from tyrian.evals.patching.container import Containers, ContainerStep
from tyrian.evals.sandboxed.order import Order, Outcome
from tyrian.evals.uplift.step import RangeStep
from tyrian.evals.uplift.visit import Ranges
from tyrian.sandbox.driver import BASE
from tyrian.sandbox.drivers.table import driver_of
from tyrian.stack.sandbox import SandboxSpec

PREFERRED = ("bubblewrap", "gvisor", "landlock")
"""Drivers in the order of their cost to start; each closes the network and all paths but one."""
AT_ONCE = max(2, os.cpu_count() or 2)
_GRACE_S = 30.0
"""Seconds that making and ending a sandbox may take beside the program."""


def working_driver(wanted: Sequence[str] = PREFERRED) -> tuple[str, str]:
    """The first driver that works here, and why the others do not."""
    reasons: list[str] = []
    for name in wanted:
        driver = driver_of(SandboxSpec.model_validate({"type": name}))
        reason = "it isolates nothing" if driver is None else driver.lacks() or driver.why_not()
        if not reason:
            return name, "; ".join(reasons)
        reasons.append(f"{name}: {reason}")
    return "", "; ".join(reasons)


class Sandboxed:
    """Runs programs, `at_once` at a time."""

    def __init__(self, driver: str = "", *, at_once: int = AT_ONCE) -> None:
        self._driver, self._why = (driver, "") if driver else working_driver()
        self._gate = asyncio.Semaphore(at_once)
        self._ranges = Ranges()
        self._containers = Containers()

    async def __call__(self, execution: Execution) -> Executed:
        """Run one program; InputError where the benchmark names files outside the directory."""
        if isinstance(execution, RangeStep):
            return await self._ranges(execution)
        if isinstance(execution, ContainerStep):
            return await self._containers(execution)
        if not self._driver:
            return Executed(ExecutionStatus.REFUSED, reason=f"no sandbox works here: {self._why}")
        async with self._gate:
            home = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="tyrian-eval-", dir=BASE))
            try:
                await asyncio.to_thread(_lay_out, home, execution)
                return await self._run(home, execution)
            finally:
                await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)

    async def _run(self, home: Path, execution: Execution) -> Executed:
        limits = execution.limits
        order = Order(
            driver=self._driver,
            argv=execution.argv,
            work=str(home / "work"),
            outcome=str(home / "outcome.json"),
            time_s=limits.wall_s,
            memory_mb=max(64, limits.memory >> 20),
            processes=max(4, limits.processes),
            environment=dict(execution.environment),
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "tyrian.evals.sandboxed.child"),
            msgspec.json.encode(order).decode(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limits.wall_s + _GRACE_S):
                _, out, err = await asyncio.gather(
                    _fed(process, execution.stdin),
                    _kept(process.stdout, limits.output),
                    _kept(process.stderr, limits.output),
                )
                await process.wait()
        except TimeoutError:
            _end(process)
            await process.wait()
            return Executed(ExecutionStatus.TIMED_OUT, reason="the sandbox did not end in time")
        except asyncio.CancelledError:
            _end(process)
            raise
        return await asyncio.to_thread(_told, home, execution, out, err)


def _lay_out(home: Path, execution: Execution) -> None:
    work = home / "work"
    work.mkdir()
    work.chmod(0o777)
    for name, data in execution.files.items():
        path = work / _inside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o777)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise InputError(f"{name!r} is not a path below the directory of the execution")
    return path


async def _fed(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        return  # the program ended without reading all of it


async def _kept(stream: asyncio.StreamReader | None, most: int) -> bytes:
    """The first bytes of a stream; the rest is read and dropped."""
    assert stream is not None
    kept = bytearray()
    while chunk := await stream.read(65536):
        kept += chunk[: max(0, most - len(kept))]
    return bytes(kept)


def _end(process: asyncio.subprocess.Process) -> None:
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        return


def _told(home: Path, execution: Execution, out: bytes, err: bytes) -> Executed:
    """What came of it, from the note that the child left outside of the sandbox."""
    try:
        outcome = msgspec.json.decode((home / "outcome.json").read_bytes(), type=Outcome)
    except (OSError, msgspec.DecodeError):
        reason = err.decode("utf-8", "replace").strip()[-500:]
        return Executed(ExecutionStatus.REFUSED, reason=reason or "the sandbox left no outcome")
    if outcome.refused:
        return Executed(ExecutionStatus.REFUSED, reason=outcome.refused)
    files = {}
    for name in execution.keep:
        data = _read(home / "work", _inside(name), execution.limits.output)
        if data is not None:
            files[name] = data
    status, code = ExecutionStatus.EXITED, outcome.code
    if outcome.exceeded.startswith("time_s"):
        status = ExecutionStatus.TIMED_OUT
    elif outcome.code > 128:
        status, code = ExecutionStatus.SIGNALLED, outcome.code - 128
    return Executed(status, code, out, err, files, outcome.exceeded)


def _read(work: Path, name: PurePosixPath, most: int) -> bytes | None:
    """A regular file below the directory; links that the program left are not followed."""
    descriptor = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in name.parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        found = os.open(
            name.parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor
        )
        with os.fdopen(found, "rb") as file:
            return file.read(most) if os.path.isfile(f"/proc/self/fd/{found}") else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
