"""The servers under test: started, waited for, measured and stopped as process trees."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

_HERE = Path(__file__).resolve().parent
_TOKEN = re.compile(r"\btyr_[a-z]+_[0-9A-Za-z]{49}\b")
_TOKEN_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and how to talk to it."""

    name: str
    port: int
    process: psutil.Process
    log: Path
    token: str = ""
    ready_s: float = 0.0
    """Time from the start of the process to its first good answer."""

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu_s(self) -> float:
        """CPU seconds that the process tree has used so far."""
        total: float = 0.0
        for process in self._tree():
            times = process.cpu_times()
            total += times.user + times.system
        return total

    def rss_mb(self) -> float:
        """Resident memory of the process tree, in MB (10^6 bytes)."""
        held: float = sum(process.memory_info().rss for process in self._tree())
        return held / 1e6

    def open_files(self) -> int:
        """Open files and sockets of the process tree."""
        held: int = sum(process.num_fds() for process in self._tree())
        return held


class ServerFailedError(RuntimeError):
    """A server that did not start, with the end of its log."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: psutil.Process) -> None:
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=8)
    for left in alive:
        left.kill()
    psutil.wait_procs(alive, timeout=5)


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as reply:
            return bool(reply.status == 200)
    except urllib.error.HTTPError as error:
        return error.code in (401, 403)
    except OSError:
        return False


@contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    *,
    port: int,
    ready_path: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    limit_s: float = 180.0,
) -> Iterator[Server]:
    """Start a server, wait until it answers, and end its whole process tree afterwards."""
    log = Path(tempfile.mkstemp(prefix="bench-", suffix=".log")[1])
    began = time.perf_counter()
    with log.open("wb") as sink:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
    process = psutil.Process(child.pid)
    try:
        while not _answers(port, ready_path):
            if child.poll() is not None or time.perf_counter() - began > limit_s:
                raise ServerFailedError(f"{name} did not start: {_end_of(log)}")
            time.sleep(0.02)
        ready_s = time.perf_counter() - began
        yield Server(name, port, process, log, ready_s=ready_s)
    finally:
        if child.poll() is None:
            _stop(process)
        child.wait()
        log.unlink(missing_ok=True)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:]


@contextmanager
def stub() -> Iterator[Server]:
    """The model server that stands behind everything."""
    port = free_port()
    command: list[str | Path] = [sys.executable, _HERE / "_stub.py", "--port", str(port)]
    with running("stub", command, port=port, ready_path="/v1/models") as server:
        yield server


@contextmanager
def tyrian(name: str, upstream: Server, *options: str) -> Iterator[Server]:
    """`tyrian serve` in front of the upstream, in a fresh home, with its default stack."""
    port = free_port()
    url = f"http://127.0.0.1:{upstream.port}/v1"
    program = Path(sys.executable).parent / "tyrian"
    command: list[str | Path] = [program, "serve", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--upstream", url, *options]
    with tempfile.TemporaryDirectory(prefix="bench-tyrian-") as home:
        env = {"TYRIAN_HOME": f"{home}/state"}
        with running(name, command, port=port, ready_path="/readyz", env=env) as server:
            yield replace(server, token=_shown_token(server))


def _shown_token(server: Server) -> str:
    deadline = time.perf_counter() + _TOKEN_LIMIT_S
    while time.perf_counter() < deadline:
        if found := _TOKEN.search(server.log.read_text(errors="replace")):
            return found.group()
        time.sleep(0.05)
    raise ServerFailedError(f"{server.name} showed no key: {_end_of(server.log)}")


_LITELLM_CONFIG = """\
model_list:
  - model_name: stub
    litellm_params:
      model: openai/stub
      api_base: http://127.0.0.1:{port}/v1
      api_key: none
litellm_settings:
  telemetry: false
general_settings:
  master_key: {key}
"""
_LITELLM_KEY = "sk-benchmark-only"


@contextmanager
def litellm(python: Path, upstream: Server, workers: int = 1) -> Iterator[Server]:
    """LiteLLM's proxy in front of the upstream, as its documentation starts it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-litellm-") as home:
        config = Path(home) / "config.yaml"
        config.write_text(_LITELLM_CONFIG.format(port=upstream.port, key=_LITELLM_KEY))
        command: list[str | Path] = [python.parent / "litellm", "--config", config]
        command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", str(workers)]
        env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        with running("LiteLLM", command, port=port, ready_path="/health/liveliness", env=env) as s:
            yield replace(s, token=_LITELLM_KEY)
