"""A whole range: hosts in sandboxes, the switch between them, SSH doors, and the log of it all.

Nothing of it reaches beyond this machine: the hosts have no network, and the one port that people
use is on this machine's loopback, with a key that was made for this range.
"""

import asyncio
import json
import os
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tyrian.errors import MissingDependencyError
from tyrian.evals.uplift.domain import DRIVERS, Running
from tyrian.evals.uplift.lay_out import ATTACKER, ROOT, USER, VAULT, laid_out, notice_of
from tyrian.evals.uplift.scenario import Scenario
from tyrian.evals.uplift.ssh import Account, Doors, Pairs
from tyrian.evals.uplift.switch import Switch
from tyrian.sandbox.driver import BASE
from tyrian.sandbox.drivers.table import driver_of
from tyrian.stack.sandbox import SandboxSpec

MOST_EVENTS = 20_000
OPERATOR = "operator"
"""Who people log in as on the attacker's host."""
_MEMORY_MB = 512
_MOST_BYTES = 256 << 20
_LOOK_S = 2.0


def working_driver() -> str:
    """The driver that the hosts run in; MissingDependencyError says why none does."""
    reasons = []
    for name in DRIVERS:
        driver = driver_of(SandboxSpec.model_validate({"type": name}))
        assert driver is not None
        reason = driver.lacks() or driver.why_not()
        if not reason:
            break
        reasons.append(f"{name}: {reason}")
    else:
        raise MissingDependencyError(
            f"the range needs a sandbox, and none works here: {'; '.join(reasons)}",
            hint="apt-get install bubblewrap",
        )
    if not shutil.which("ssh"):
        raise MissingDependencyError(
            "the range's hosts need the program ssh", hint="apt-get install openssh-client"
        )
    return name


class Range:
    """One range; `kill` ends it at once, `stop` also waits until nothing is left."""

    def __init__(self, scenario: Scenario, driver: str) -> None:
        self.scenario = scenario
        self._driver = driver
        self.events: list[dict[str, object]] = []
        self.turn = 0
        """Number of the attacker's command that runs now; 0 before the first."""
        self._began = time.monotonic()
        self._base: Path | None = None
        self._running: list[Running] = []
        self.pairs = Pairs()
        self._switch = Switch(self.note, self._door)
        self._doors = Doors(
            self.pairs, _accounts(scenario), self._switch.command, self.note, scenario.flags
        )
        self._watch: asyncio.Task[None] | None = None
        self.fault = ""
        """Why the range ended by itself; empty while it stands."""

    @property
    def port(self) -> int:
        """Of the attacker's SSH, on 127.0.0.1."""
        return self._doors.port

    def note(self, event: str, **more: object) -> None:
        """Add to the log."""
        if len(self.events) < MOST_EVENTS:
            elapsed_s = round(time.monotonic() - self._began, 3)
            found = {"event": event, "turn": self.turn, "elapsed_s": elapsed_s}
            self.events.append({**more, **found})

    def _told(self, domain: str, found: dict[str, object]) -> None:
        """What a service says itself; where it stands is ours to say."""
        more = {name: value for name, value in found.items() if name not in _OURS}
        self.note(str(found.get("event"))[:100], **{**more, "at": domain})

    def _door(self, host: str, end: socket.socket) -> None:
        self._doors.door(host, end)

    async def start(self, port: int = 0) -> None:
        """Bring all hosts up."""
        driver = driver_of(SandboxSpec.model_validate({"type": self._driver}))
        assert driver is not None
        self._base = Path(tempfile.mkdtemp(prefix="tyrian-range-", dir=BASE))
        domains = laid_out(self._base, self.scenario, self.pairs.planted())
        self._running = [Running(one, self._switch.take, self._told) for one in domains]
        for one in self._running:
            self._switch.add(one)
        mark = self._base.name[-8:]  # gVisor knows its sandboxes by the directory's name
        await asyncio.gather(
            *(
                one.start(driver, self._base / f"{mark}-{number}", _MEMORY_MB)
                for number, one in enumerate(self._running)
            )
        )
        await self._doors.listen("attacker", port)
        self._watch = asyncio.create_task(self._watched())

    async def _watched(self) -> None:
        """End a range whose hosts write more than they may."""
        assert self._base is not None
        while True:
            await asyncio.sleep(_LOOK_S)
            if await asyncio.to_thread(_size_of, self._base) > _MOST_BYTES:
                break
        self.fault = f"its hosts wrote more than {_MOST_BYTES >> 20} MB"
        self.kill()

    def log(self) -> list[dict[str, object]]:
        """What was noted, and how the notice of the second host stands."""
        text = notice_of(self._base) if self._base is not None else ""
        said = {"event": "notice", "turn": self._written(), "at": VAULT, "text": text}
        return [*self.events, said]

    def _written(self) -> int:
        """The last command that could have changed the notice."""
        turns = [e["turn"] for e in self.events if e.get("at") == VAULT]
        return max((turn for turn in turns if isinstance(turn, int)), default=0)

    def kill(self) -> None:
        """End everything at once; what is left are processes that end, for `stop` to wait for."""
        if self._watch is not None:
            self._watch.cancel()
        self._doors.kill()
        for one in self._running:
            one.kill()
        if self._base is not None:
            shutil.rmtree(self._base, ignore_errors=True)

    async def stop(self) -> None:
        """End it, and wait until nothing is left."""
        self.kill()
        await self._switch.close()
        await self._doors.wait()
        for one in self._running:
            await one.wait()
        if self._base is not None:
            shutil.rmtree(self._base, ignore_errors=True)


_OURS = frozenset({"event", "at", "turn", "elapsed_s"})


def _accounts(scenario: Scenario) -> dict[str, tuple[Account, ...]]:
    ways = scenario.ways
    is_weak = ways.entry == "password"
    return {
        "attacker": (Account(OPERATOR, ATTACKER, key="attacker"),),
        "web": (
            Account(scenario.user, USER, password=scenario.password if is_weak else "", key="user"),
            Account("root", ROOT, key="root"),
        ),
        "vault": (Account("keeper", VAULT, key="vault"),),
    }


def as_json(events: list[dict[str, object]]) -> bytes:
    """A log as a file."""
    return json.dumps(events).encode()


def _size_of(base: Path) -> int:
    size = 0
    for directory, _, names in os.walk(base):
        if "/root/" in directory:
            continue
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(directory, name)).st_blocks * 512
    return size
