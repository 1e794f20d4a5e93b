"""A server under load for a long time: whether its memory and its files stay what they were."""

import asyncio
import json
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
AT_ONCE = 50


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


async def open_streams(server: Server, count: int) -> tuple[int, float]:
    """Open so many slow streams at once; how many were let in, and the memory (MB) with them."""
    held: list[asyncio.StreamWriter] = []
    statuses: list[bytes] = []

    async def begin(number: int) -> None:
        said = [{"role": "user", "content": f"Tell me about {number}. Speed: pace-400."}]
        body = json.dumps({"model": "stub", "stream": True, "messages": said}).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
            f"{server.token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            "\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        held.append(writer)
        writer.write(head.encode() + body)
        statuses.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])

    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(begin(n) for n in range(start, min(count, start + AT_ONCE))))
    await asyncio.sleep(EVERY_S)
    memory_mb = server.rss_mb()
    for writer in held:
        writer.transport.abort()
    return sum(b" 200 " in status for status in statuses), memory_mb


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
