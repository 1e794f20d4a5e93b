"""`tyrian serve` as people start it, with the scripted model and a home of its own."""

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.warm.program import tyrian

START_LIMIT_S = 60.0

STACK = """\
agent:
  preflight_guards:
    - {name: hidden_text, block_classes: ["*"]}
    - {name: prompt_guard, block_classes: [jailbreak, injection]}
  postflight_guards:
    - {name: secrets, redact_classes: ["*"]}
"""


@dataclass
class Served:
    """A running gateway and what it has said so far."""

    process: subprocess.Popen[str]
    output_file: Path
    log: list[str] = field(default_factory=list)

    @property
    def output(self) -> list[str]:
        """The lines that it wrote to standard output."""
        return self.output_file.read_text().splitlines()

    @property
    def url(self) -> str:
        """Where it listens."""
        return next(line for line in self.output if line.startswith("Tyrian guards"))[14:-3]

    @property
    def curl(self) -> str:
        """The line that people paste, empty where there is none."""
        return next((line for line in self.output if line.startswith("curl ")), "")

    @property
    def page(self) -> str:
        """The address of the page that needs but a key, with the key in it on the first start."""
        key = next(line.strip() for line in self.output if line.startswith("  tyr_live_"))
        return f"{self.url}/ask#key={key}"

    @property
    def link(self) -> str:
        """The link that signs into the console, once; empty where there is none."""
        return next(
            (word for line in self.output for word in line.split() if "/setup#" in word), ""
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(30)


def environment(home: Path) -> dict[str, str]:
    """Ours without any setting of Tyrian's, and a home."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("TYRIAN_")}
    return {**plain, "TYRIAN_HOME": str(home), "NO_COLOR": "1"}


def _start(home: Path, *arguments: str, program: Sequence[str | Path] = ()) -> Served:
    stack = home.parent / "stack.yaml"
    stack.write_text(STACK)
    output_file = home.parent / f"output-{time.monotonic_ns()}"
    with output_file.open("w") as output:
        process = subprocess.Popen(
            [*(program or tyrian()), "serve", "--port", "0", "--stack", str(stack), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(home),
        )
    served = Served(process, output_file)
    is_ready: queue.Queue[bool] = queue.Queue()

    def read_log() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            served.log.append(line.rstrip("\n"))
            if '"event": "ready"' in line:
                is_ready.put(True)
        is_ready.put(False)
        process.stderr.close()

    threading.Thread(target=read_log, daemon=True).start()
    assert is_ready.get(timeout=START_LIMIT_S), "\n".join(served.log)
    return served


Start = Callable[..., Served]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts gateways with the same home; all are ended with the test.

    `program` is what starts them where their own process matters.
    """
    running: list[Served] = []

    def begin(*arguments: str, program: Sequence[str | Path] = ()) -> Served:
        running.append(_start(tmp_path / "home", *arguments, program=program))
        return running[-1]

    yield begin
    for served in running:
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait(30)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all tests of a module."""
    served = _start(tmp_path_factory.mktemp("served") / "home")
    yield served
    served.process.kill()
    served.process.wait(30)
