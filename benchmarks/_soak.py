"""A server under load for a long time: whether its memory and its files stay what they were."""

import threading
import time
from dataclasses import dataclass, field
from statistics import median

from _load import LoadResult, LoadSpec, run_load
from _servers import Server

EVERY_S = 2.0
WARM = 0.2
"""Share of the time at the start in which pools, caches and arenas may still grow."""
MEMORY_MARGIN_MB = 15.0
FILES_MARGIN = 3


@dataclass(slots=True)
class Soak:
    """What was seen, sample by sample."""

    result: LoadResult = field(default_factory=LoadResult)
    memory_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def after_warming(self) -> tuple[float, float, int, int]:
        """Memory and open files just after the warming, and at the end; medians of a tenth."""
        start = int(len(self.memory_mb) * WARM)
        width = max(1, (len(self.memory_mb) - start) // 10)
        memory, files = self.memory_mb[start:], self.files[start:]
        return (
            median(memory[:width]),
            median(memory[-width:]),
            int(median(files[:width])),
            int(median(files[-width:])),
        )

    @property
    def is_flat(self) -> bool:
        """True where neither memory nor files have grown since the warming."""
        before_mb, after_mb, before, after = self.after_warming()
        return after_mb - before_mb <= MEMORY_MARGIN_MB and after - before <= FILES_MARGIN


def soak(server: Server, seconds: float, concurrency: int) -> Soak:
    """Load the server and look at it now and then."""
    seen = Soak()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            seen.memory_mb.append(server.rss_mb())
            seen.files.append(server.open_files())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    try:
        seen.result = run_load(
            LoadSpec(server.port, concurrency, seconds, token=server.token, is_stream=True)
        )
    finally:
        over.set()
        watcher.join()
    seen.result.elapsed_s = seen.result.elapsed_s or time.monotonic() - began
    return seen
