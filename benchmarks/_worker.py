"""The parent's side of `_guards_worker.py`: ask for timings, give up on what never ends."""

import json
import os
import selectors
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

_SCRIPT = Path(__file__).resolve().parent / "_guards_worker.py"
_START_LIMIT_S = 180.0


class WorkerFailedError(RuntimeError):
    """A worker that did not start."""


class Worker:
    """One environment's detectors, in a process of their own that is restarted when it hangs."""

    def __init__(self, package: str, python: Path) -> None:
        self.package = package
        self._command = [str(python), str(_SCRIPT), package]
        self._child: subprocess.Popen[bytes] | None = None
        self.subjects: tuple[str, ...] = ()
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if not os.environ.get("BENCH_DEBUG") else None,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )
        hello = self._read_line(_START_LIMIT_S)
        if hello is None:
            self._stop()
            raise WorkerFailedError(f"{self.package} did not start; BENCH_DEBUG=1 shows why")
        self.subjects = tuple(json.loads(hello)["subjects"])

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()

    def _read_line(self, limit_s: float) -> bytes | None:
        assert self._child is not None
        assert self._child.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._child.stdout, selectors.EVENT_READ)
            if not ready.select(limit_s):
                return None
        return self._child.stdout.readline() or None

    def time(self, subject: str, texts: list[str], *, limit_s: float = 60.0) -> list[float] | None:
        """CPU microseconds per text; None when the worker failed or took longer than the limit."""
        assert self._child is not None
        assert self._child.stdin is not None
        request = json.dumps({"subject": subject, "texts": texts}) + "\n"
        try:
            self._child.stdin.write(request.encode())
            self._child.stdin.flush()
            line = self._read_line(limit_s)
        except BrokenPipeError:
            line = None
        if line is None:
            self._stop()
            self._start()
            return None
        spent: list[float] = json.loads(line)["cpu_us"]
        return spent or None
