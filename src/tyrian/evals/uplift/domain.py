"""One domain of a range: a sandbox with `node.py` in it, and the wire to it.

The sandbox is the one of `tyrian run`: an empty network, no rights, no paths but its own. Its name,
its account and its /etc are those of the host that it stands for.
"""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tyrian.errors import MissingDependencyError
from tyrian.evals.uplift.inside.node import NOTE, READY, frame, read_frame
from tyrian.evals.uplift.lay_out import PROGRAMS, Domain, python
from tyrian.policy.schema import PolicySpec
from tyrian.sandbox.cgroup import ControlGroup
from tyrian.sandbox.driver import Driver, Launch
from tyrian.sandbox.home import Home
from tyrian.sandbox.plan import Plan, make_plan
from tyrian.stack.sandbox import SandboxSpec

DRIVERS = ("bubblewrap", "gvisor")
"""Those that give a host its own paths; landlock cannot."""
START_S = 60.0
_PATH = f"{PROGRAMS}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ERRORS = 4000

Taken = Callable[["Running", int, int, bytes], None]


class Running:
    """A domain that runs; `take` is given every frame but its notes, which go to `noted`."""

    def __init__(
        self, domain: Domain, take: Taken, noted: Callable[[str, dict[str, object]], None]
    ) -> None:
        self.domain = domain
        self._take = take
        self._noted = noted
        self._ready = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._launch: Launch | None = None
        self._group: ControlGroup | None = None
        self._control: asyncio.Server | None = None
        self._held: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._errors = bytearray()

    async def start(self, driver: Driver, home: Path, memory_mb: int) -> None:
        """Start the sandbox; MissingDependencyError says why it does not come up."""
        domain = self.domain
        writable = [path for path in domain.shown if path not in domain.read_only]
        spec = SandboxSpec.model_validate(
            {
                "type": driver.name,
                "mounts": {inside: str(host) for inside, host in domain.shown.items()},
                "limits": {"memory_mb": memory_mb, "processes": 128, "disk_mb": 64},
            }
        )
        fs = {
            "read": [f"{path}/**" for path in domain.shown],
            "write": [f"{path}/**" for path in writable],
            "hard_links": "allow",  # all that a domain shows is its own
        }
        policy = PolicySpec.model_validate({"cwd": domain.home, "fs": fs})
        argv = [python(), "-I", "-S", f"{PROGRAMS}/node.py"]
        plan = make_plan(spec, policy, argv, {"PATH": _PATH})
        made = _made(home, plan, domain)
        self._control = await asyncio.start_unix_server(self._supervised, made.control)
        self._launch = launch = driver.launch(plan, made)
        self._group = ControlGroup.make(f"{home.parent.name}-{home.name}", memory_mb, launch.tasks)
        if self._group is None:
            made.limit_memory_per_process(launch.memory_limit, memory_mb)
        wanted = _as_host(driver, launch, made, domain)
        wanted[0] = shutil.which(wanted[0]) or wanted[0]
        self._process = await asyncio.create_subprocess_exec(
            *(self._group.joined(wanted) if self._group else wanted),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=launch.open_files,
            start_new_session=True,
            env=plan.env if launch.env is None else launch.env,
        )
        for descriptor in launch.open_files:
            os.close(descriptor)
        self._tasks = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._keep_errors()),
        ]
        self.send(frame(READY, 0, json.dumps(self._plan()).encode()))
        try:
            await asyncio.wait_for(self._ready.wait(), START_S)
        except TimeoutError:
            said = self._errors.decode("utf-8", "replace").strip()[-500:]
            raise MissingDependencyError(
                f"the host {domain.name} of the range does not start in {driver.name}: "
                f"{said or 'it says nothing'}",
                hint="tyrian doctor says which sandboxes work",
            ) from None

    def _plan(self) -> dict[str, object]:
        domain = self.domain
        return {
            "home": domain.home,
            "env": {
                "HOME": domain.home,
                "USER": domain.account,
                "LOGNAME": domain.account,
                "PATH": _PATH,
                "TERM": "dumb",
                **domain.env,
            },
            "reaches": [[one.address, one.port, one.to] for one in domain.reaches],
            "services": [list(one) for one in domain.services],
            "serves": list(domain.serves),
        }

    def send(self, data: bytes) -> None:
        """Put frames on the wire; nothing happens once the domain has ended."""
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(data)

    async def _supervised(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._held.append(writer)  # the supervisor would take signals from it

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with suppress(ValueError):  # what is no frame ends the wire
            while (got := await read_frame(self._process.stdout)) is not None:
                kind, stream, data = got
                if kind == READY:
                    self._ready.set()
                elif kind == NOTE:
                    self._note(data)
                else:
                    self._take(self, kind, stream, data)

    def _note(self, data: bytes) -> None:
        with suppress(ValueError, RecursionError):
            found = json.loads(data)
            if isinstance(found, dict):
                self._noted(self.domain.name, found)

    async def _keep_errors(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(1 << 14):
            self._errors += chunk
            del self._errors[:-_ERRORS]

    def kill(self) -> None:
        """End it at once; `wait` afterwards leaves nothing behind."""
        process, launch = self._process, self._launch
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for writer in self._held:
            writer.close()
        if self._control is not None:
            self._control.close()
        for task in self._tasks:
            task.cancel()
        if launch is not None and launch.kill:
            _quietly(launch.kill)
            _quietly(launch.clean)
        if self._group is not None:
            self._group.remove()
            self._group = None

    async def wait(self) -> None:
        """Until the process is gone."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            await self._process.wait()


def _made(home: Path, plan: Plan, domain: Domain) -> Home:
    """The sandbox's directory, with the domain's own /etc."""
    home.mkdir()
    made = Home(home)
    made.make(plan)
    for name, text in domain.etc.items():
        path = made.root / "etc" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return made


def _as_host(driver: Driver, launch: Launch, home: Home, domain: Domain) -> list[str]:
    """The command that starts the sandbox under the host's name, as the domain's account."""
    argv = list(launch.argv)
    if driver.name == "bubblewrap":
        argv[argv.index("--hostname") + 1] = domain.host
        return [argv[0], "--uid", str(domain.uid), "--gid", str(domain.uid), *argv[1:]]
    path = home.path / "bundle" / "config.json"
    config = json.loads(path.read_text())
    config["hostname"] = domain.host
    path.write_text(json.dumps(config))
    return argv


def _quietly(argv: Sequence[str]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    try:
        pid = os.posix_spawnp(
            argv[0],
            list(argv),
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)],
        )
        os.waitpid(pid, 0)
    finally:
        os.close(null)
