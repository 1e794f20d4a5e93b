"""What scans cost: snippets, messages, hostile code, and the first scan of a process."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from _code_shield_data import Row
from _code_shield_findings import Tool
from _code_shield_hostile import HOSTILE_CODE, HOSTILE_MESSAGES
from _code_shield_judge import Judge
from _load import percentile
from _table import Cell

HOSTILE_SIZE = 100_000
_LANGUAGES = (
    "python", "javascript", "c", "php", "shell", "sql", "cpp", "csharp", "dockerfile", "go", "java",
    "kotlin", "kubernetes", "ruby", "rust", "swift", "terraform", "typescript",
)  # fmt: skip
_FIRST_SCAN = """
from tyrian.core.detection import View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
detector = create_detector("code_shield", DetectorConfig("code_shield"))
text = "```python\\nimport os\\nos.system('ping ' + host)\\n```"
assert detector.detect(View.of(Message.assistant(text))).findings
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """What a row of texts cost one tool, milliseconds of CPU."""

    label: str
    times_ms: list[float]
    ours_ms: list[float]

    @property
    def p50_ms(self) -> float:
        """The median."""
        return percentile(self.times_ms, 0.5)

    @property
    def p99_ms(self) -> float:
        """The 99th percentile."""
        return percentile(self.times_ms, 0.99)

    @property
    def cells(self) -> list[Cell]:
        """A row of the table; the ratios are to ours on the same texts."""
        if not self.times_ms:
            return [self.label, 0, *[None] * 6]
        times, ours = self.times_ms, self.ours_ms
        return [
            self.label, len(times), self.p50_ms, self.p99_ms, max(times), fmean(times),
            self.p50_ms / percentile(ours, 0.5), fmean(times) / fmean(ours),
        ]  # fmt: skip


def latency_rows(
    what: str, texts: Sequence[Row], tools: Sequence[Tool], rounds: int, sample: int
) -> list[Latency]:
    """Ours on all texts, each peer on a sample and beside it ours on the same texts.

    A text's time is the least of `rounds`.
    """
    ours, *peers = tools
    ours.judge.judge(texts)  # what is built on first use is not counted
    found = [Latency("tyrian", every := _all(ours.judge, texts, rounds), every)]
    for peer in peers:
        some = texts[:: max(1, len(texts) // sample)]
        known = [each.row for each in peer.judge.judge(some) if each.is_found is not None]
        theirs = _all(peer.judge, known, rounds)
        found.append(Latency(peer.label, theirs, _all(ours.judge, known, rounds)))
        print(f"  cost of a {what}: {peer.label} done", file=sys.stderr)
    return found


def _all(judge: Judge, texts: Sequence[Row], rounds: int) -> list[float]:
    return [us / 1000 for us in judge.least_us(texts, rounds).values()]


def _hostile_ms(judge: Judge, row: Row) -> float:
    times = [found.cpu_us / 1000 for _ in range(3) for found in judge.judge([row], limit_s=60.0)]
    return min(times, default=float("inf"))


def _dearest(
    judge: Judge, row: Row, make: Callable[[int], str], sizes: Sequence[int], rounds: int
) -> list[float]:
    """What the dearest text of about each size costs, milliseconds: the least of the rounds.

    Sizes take turns, so that what else the machine does meets them alike.
    """
    # Whether a quote is open at the end can decide how often a text is read, so both are tried.
    tried = [(size, less) for size in sizes for less in range(5)]
    rows = {key: replace(row, id=f"{row.id} {key}", code=make(key[0] - key[1])) for key in tried}
    least = judge.least_us(list(rows.values()), rounds, limit_s=60.0)
    return [
        max(least.get(rows[size, less].id, float("inf")) for less in range(5)) / 1000
        for size in sizes
    ]


def hostile_rows(judge: Judge, *, is_quick: bool) -> tuple[list[list[Cell]], float, float]:
    """The ten worst kinds with their worst language, the worst time and the greatest growth.

    Growth is the time over that of a text half as long; times under 20 ms tell nothing about it.
    """
    languages: Sequence[str] = _LANGUAGES[:6] if is_quick else _LANGUAGES
    judge.judge([Row("warm", language, "x") for language in languages])
    kinds: list[tuple[float, Row, Callable[[int], str]]] = []
    for name, make in HOSTILE_CODE.items():
        rows = [Row(name, language, make(HOSTILE_SIZE)) for language in languages]
        took = {each.row: each.cpu_us for each in judge.judge(rows, limit_s=60.0)}
        row = max(rows, key=lambda row: took.get(row, float("inf")))
        kinds.append((_dearest(judge, row, make, [HOSTILE_SIZE], 1)[0], row, make))
    for name, make in HOSTILE_MESSAGES.items():
        row = Row(name, None, make(HOSTILE_SIZE))
        kinds.append((_dearest(judge, row, make, [HOSTILE_SIZE], 1)[0], row, make))
    kinds.sort(key=lambda each: each[0], reverse=True)
    cells: list[list[Cell]] = []
    worst_ms = growth = 0.0
    for _, row, make in kinds[:10]:
        took_ms, half = _dearest(judge, row, make, [HOSTILE_SIZE, HOSTILE_SIZE // 2], 5)
        worst_ms = max(worst_ms, took_ms)
        growth = max(growth, took_ms / half if took_ms > 20 else 0.0)
        cells.append([row.id, row.language or "message", took_ms, half, took_ms / half])
    print("  hostile code done", file=sys.stderr)
    return cells, worst_ms, growth


def dashes_rows(tools: Sequence[Tool]) -> list[list[Cell]]:
    """A row per tool: what dashes cost, milliseconds, and how much more twice as many do."""
    cells: list[list[Cell]] = []
    for tool in tools:
        half, whole = (
            _hostile_ms(tool.judge, Row("dashes", "python", "-" * size)) for size in (8_000, 16_000)
        )
        cells.append([tool.label, half, whole, whole / half])
    return cells


def first_scan_ms(rounds: int) -> float:
    """CPU of a process that imports and scans once, beyond one that imports Tyrian.

    Both are the least of the rounds, which take turns. Modules are compiled beforehand, as those
    of an installed package are.
    """
    with tempfile.TemporaryDirectory(prefix="bench-code-") as folder:
        given = {key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"}
        environment = {**given, "PYTHONPYCACHEPREFIX": folder}

        def once(code: str) -> float:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-c", "import tyrian\n" + code]
            subprocess.run(command, check=True, env=environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return taken * 1000

        once(_FIRST_SCAN)
        taken = [(once(_FIRST_SCAN), once("")) for _ in range(rounds)]
        return min(scan for scan, _ in taken) - min(bare for _, bare in taken)
