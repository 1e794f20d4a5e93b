"""Runs a command in its sandbox, with the egress proxy beside it, to its exit code."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tyrian.errors import ConfigError, MissingDependencyError
from tyrian.policy.schema import PolicySpec
from tyrian.sandbox.cgroup import ControlGroup
from tyrian.sandbox.driver import BASE, Driver, Launch
from tyrian.sandbox.drivers.table import driver_of
from tyrian.sandbox.egress.proxy import EgressProxy
from tyrian.sandbox.egress.record import EgressLog
from tyrian.sandbox.egress.resolve import Resolver
from tyrian.sandbox.egress.rules import EgressRules
from tyrian.sandbox.home import Home
from tyrian.sandbox.output import copied, output_pipes
from tyrian.sandbox.plan import Plan, make_plan
from tyrian.sandbox.signals import Signals
from tyrian.stack.sandbox import SandboxSpec

_LOOK_S = 0.5
"""Seconds between two looks at what the sandbox has written."""
_NO_GROUP = (
    "no control group can be made here: memory is limited for each process by itself, and the "
    "number of processes as the kernel counts them for this user"
)
_ENDED = 128 + signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Result:
    """How a sandboxed command ended."""

    code: int
    """The command's exit code, or 128 and the number of the signal that ended it."""
    exceeded: str = ""
    """The limit that ended it; '' where none did."""
    notes: tuple[str, ...] = ()


def run_sandboxed(
    spec: SandboxSpec,
    policy: PolicySpec | None,
    argv: Sequence[str],
    *,
    log: EgressLog | None = None,
    resolver: Resolver | None = None,
) -> Result:
    """Run a command to its end; standard streams are this process's own.

    ConfigError where the sandbox could not run it, MissingDependencyError where the driver does
    not work here: the command is not started then.
    """
    driver = driver_of(spec)
    if driver is None:
        return _bare(spec, argv)
    if reason := driver.lacks():
        raise _does_not_work(driver, reason)
    plan = make_plan(spec, policy, argv)
    hosts = {name: str(address) for name, address in spec.hosts.items()}
    rules = EgressRules(spec.egress_allowlist, policy.net if policy else None, hosts)
    home = Home(Path(tempfile.mkdtemp(prefix="tyrian-run-", dir=BASE)))
    try:
        home.make(plan)
        proxy = EgressProxy(rules, log, resolver)
        return asyncio.run(_run(driver, plan, home, proxy))
    finally:
        shutil.rmtree(home.path, ignore_errors=True)


def _does_not_work(driver: Driver, reason: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"the sandbox {driver.name} does not work here: {reason}",
        hint="tyrian doctor says which sandboxes work; name another one as agent.sandbox.type",
    )


def _bare(spec: SandboxSpec, argv: Sequence[str]) -> Result:
    """The command as it is, where the stack accepts that."""
    if not spec.i_accept_no_isolation:
        raise ConfigError(
            "type none isolates nothing", hint="write i_accept_no_isolation: true to accept that"
        )
    found = shutil.which(argv[0])
    if found is None:
        raise ConfigError(f"there is no program {argv[0]!r}", hint="name it by its path")
    code = os.spawnv(os.P_WAIT, found, list(argv))  # noqa: S606
    return Result(code if code >= 0 else 128 - code)


async def _run(driver: Driver, plan: Plan, home: Home, proxy: EgressProxy) -> Result:
    group: ControlGroup | None = None
    signals = await Signals.passed_on(home.control)
    try:
        if plan.has_network:
            await proxy.start(home.socket)
            home.socket.chmod(0o666)
        launch = driver.launch(plan, home)
        group = ControlGroup.make(home.path.name, plan.limits.memory_mb, launch.tasks)
        notes = plan.shown.notes
        if group is None:
            home.limit_memory_per_process(launch.memory_limit, plan.limits.memory_mb)
            notes = (*notes, _NO_GROUP)
        argv = [shutil.which(launch.argv[0]) or launch.argv[0], *launch.argv[1:]]
        if group:
            argv = group.joined(argv)
        out, err = output_pipes()
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdout=out,
            stderr=err,
            pass_fds=launch.open_files,
            start_new_session=True,
            env=plan.env if launch.env is None else launch.env,  # the driver is seen inside
        )
        for descriptor in launch.open_files:
            os.close(descriptor)
        copying = asyncio.gather(copied(process.stdout, 1), copied(process.stderr, 2))
        exceeded = await _watched(process, plan, launch)
        await copying
        code = process.returncode or 0
        if not exceeded and group and group.has_run_out_of_memory:
            exceeded = f"memory_mb: {plan.limits.memory_mb}"
        if launch.clean:
            await _quietly(launch.clean)
        if not signals.has_supervisor and not exceeded:
            raise _does_not_work(driver, driver.why_not() or "it ended before the command began")
        ended = _ENDED if exceeded else code if code >= 0 else 128 - code
        return Result(ended, exceeded, notes)
    finally:
        signals.close()
        await proxy.close()
        if group:
            group.remove()


async def _watched(process: asyncio.subprocess.Process, plan: Plan, launch: Launch) -> str:
    """Wait for the end, or bring it about where a limit is passed; the limit, or ''."""
    limits, began = plan.limits, time.monotonic()
    writable = [mount.host for mount in plan.shown.mounts if mount.is_writable]
    before = await asyncio.to_thread(_size_of, writable)
    while True:
        left = began + limits.time_s - time.monotonic() if limits.time_s else _LOOK_S
        try:
            await asyncio.wait_for(process.wait(), max(0.01, min(left, _LOOK_S)))
        except TimeoutError:
            exceeded = ""
            if limits.time_s and time.monotonic() - began >= limits.time_s:
                exceeded = f"time_s: {limits.time_s:g}"
            elif writable:
                written = await asyncio.to_thread(_size_of, writable) - before
                if written > limits.disk_mb << 20:
                    exceeded = f"disk_mb: {limits.disk_mb}"
            if exceeded:
                await _end(process, launch)
                return exceeded
        else:
            return ""


async def _end(process: asyncio.subprocess.Process, launch: Launch) -> None:
    if launch.kill:
        await _quietly(launch.kill)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _quietly(argv: Sequence[str]) -> None:
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*argv, stdin=null, stdout=null, stderr=null)
    await process.wait()


def _size_of(roots: Sequence[Path]) -> int:
    """Bytes on disk below the directories."""
    size, stack = 0, list(map(str, roots))
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return size
