"""The parent's side of `_code_shield_worker.py`: ask for judgements, give up on what never ends."""

import json
import os
import selectors
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from _code_shield_data import Row

_SCRIPT = Path(__file__).resolve().parent / "_code_shield_worker.py"
_LIMIT_S = 180.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What a tool said of a row, and the CPU microseconds that it took."""

    row: Row
    is_found: bool | None
    cpu_us: float


class Judge:
    """One tool in a process of its own, started when first asked and again when it hangs."""

    def __init__(self, name: str, python: Path) -> None:
        self.name = name
        self._command = [str(python), str(_SCRIPT), name]
        self._child: subprocess.Popen[bytes] | None = None
        self._temporary = tempfile.TemporaryDirectory(prefix="bench-code-")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None
    ) -> None:
        self._stop()
        self._temporary.cleanup()

    def judge(
        self, rows: Sequence[Row], profile: str = "warn", *, limit_s: float = _LIMIT_S
    ) -> list[Judged]:
        """Ask row by row; rows that took longer than the limit are left out."""
        return [each for row in rows for each in self._ask([row], profile, limit_s)]

    def least_us(
        self, rows: Sequence[Row], rounds: int, *, limit_s: float = _LIMIT_S
    ) -> dict[str, float]:
        """The least CPU time of each row over several rounds, microseconds, by the row's id.

        What else the machine does can only add to it, so the least is nearest to the truth. Rows
        are asked for together, as a server under load gets them, so that what a processor takes
        to wake up for each is not counted.
        """
        taken: dict[str, float] = {}
        for _ in range(rounds):
            for judged in self._ask(rows, "warn", limit_s):
                if judged.is_found is not None:
                    before = taken.get(judged.row.id, judged.cpu_us)
                    taken[judged.row.id] = min(before, judged.cpu_us)
        return taken

    def _ask(self, rows: Sequence[Row], profile: str, limit_s: float) -> list[Judged]:
        """Judge the rows, or none of them where they took longer than the limit."""
        child = self._started()
        assert child.stdin is not None
        asked = [{"language": row.language, "code": row.code} for row in rows]
        try:
            child.stdin.write(json.dumps({"rows": asked, "profile": profile}).encode() + b"\n")
            child.stdin.flush()
            line = self._read_line(child, limit_s)
        except BrokenPipeError:
            line = None
        if line is None:
            self._stop()
            return []
        reply = json.loads(line)
        return [
            Judged(row, is_found, cpu_us)
            for row, is_found, cpu_us in zip(rows, reply["found"], reply["cpu_us"], strict=True)
        ]

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get("BENCH_DEBUG") else subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": self._temporary.name},
                start_new_session=True,
            )
        return self._child

    @staticmethod
    def _read_line(child: subprocess.Popen[bytes], limit_s: float) -> bytes | None:
        assert child.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(child.stdout, selectors.EVENT_READ)
            if not ready.select(limit_s):
                return None
        return child.stdout.readline() or None

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        os.killpg(child.pid, signal.SIGKILL)  # with what it has started
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()
