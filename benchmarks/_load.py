"""A load generator: keep-alive connections that each send one chat after another.

Run it as a process of its own: it reads a `LoadSpec` as one line of JSON from standard input and
writes a `LoadResult` as one line of JSON. `run_load` does that and is what benchmarks call.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import httptools
import uvloop

_CONTENT = re.compile(rb'"content":\s*"[^"]')


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """What to send, and for how long."""

    port: int
    concurrency: int
    seconds: float
    token: str = ""
    model: str = "stub"
    is_stream: bool = False
    pace_ms: int = 0
    body_chars: int = 900
    """Characters of the user's prompt; 900 gives a body of about 1 KB."""
    unique: bool = True
    """A number in every prompt, so that no cache of decisions or answers can help."""
    warmup_s: float = 0.3


@dataclass(slots=True)
class LoadResult:
    """What came back. Times are in milliseconds."""

    requests: int = 0
    answered: int = 0
    """All requests answered, those of the warm-up included: what the server's CPU went into."""
    elapsed_s: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    """Time from the request to the first piece of answer text (streams only)."""
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return self.requests / self.elapsed_s if self.elapsed_s else 0.0


_PROSE = (
    "Please explain how a small harbour town plans its market day, who sets up the stalls, "
    "when the boats come in, and what the baker needs to know the evening before. "
)


class Requests:
    """Whole HTTP requests as they go over the wire, alike but for one number."""

    def __init__(self, spec: LoadSpec) -> None:
        mark = "000000000"
        prompt = (_PROSE * (spec.body_chars // len(_PROSE) + 1))[: spec.body_chars]
        pace = f" Speed: pace-{spec.pace_ms}." if spec.pace_ms else ""
        content = f"{prompt} Question {mark}.{pace}"
        body: dict[str, object] = {
            "model": spec.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0.2,
        }
        if spec.is_stream:
            body["stream"] = True
        data = json.dumps(body).encode()
        auth = f"authorization: Bearer {spec.token}\r\n" if spec.token else ""
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{spec.port}\r\n{auth}"
            f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        self._before, _, self._after = (head.encode() + data).partition(mark.encode())
        self._count = int(time.time() * 1000) % 10**8 if spec.unique else 0
        self._step = 1 if spec.unique else 0

    def next(self) -> bytes:
        """The next request; unlike every one before it where the spec says `unique`."""
        self._count += self._step
        return b"%b%09d%b" % (self._before, self._count % 10**9, self._after)


class _Client(asyncio.Protocol):
    """One connection; `ask` sends a request and waits for the end of its answer."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._tail = b""
        self.first_at = 0.0
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_open = False
        self._settle(0)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._settle(-1)

    def on_body(self, body: bytes) -> None:
        if not self.first_at:
            seen = self._tail + body
            if _CONTENT.search(seen):
                self.first_at = time.perf_counter()
            self._tail = seen[-64:]

    def on_message_complete(self) -> None:
        self._settle(self._parser.get_status_code())

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)

    async def ask(self, request: bytes) -> int:
        """The answer's status; 0 when the connection was lost, -1 when it made no sense."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self.first_at, self._tail = 0.0, b""
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _connect(port: int) -> _Client:
    _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    return client


class _Run:
    def __init__(self, spec: LoadSpec) -> None:
        self.spec = spec
        self.result = LoadResult()
        self.errors: Counter[str] = Counter()
        self._requests = Requests(spec)
        self._measure_from = 0.0
        self._stop_at = 0.0

    async def _worker(self) -> None:
        client = await _connect(self.spec.port)
        while time.perf_counter() < self._stop_at:
            if not client.is_open:
                client = await _connect(self.spec.port)
            request = self._requests.next()
            began = time.perf_counter()
            status = await client.ask(request)
            ended = time.perf_counter()
            self.result.answered += status == 200
            if ended >= self._measure_from:
                self._note(status, began, ended, client.first_at)
            if status != 200:
                await asyncio.sleep(0.01)
        client.close()

    def _note(self, status: int, began: float, ended: float, first_at: float) -> None:
        if status != 200:
            self.errors[str(status)] += 1
            return
        self.result.requests += 1
        self.result.latencies_ms.append((ended - began) * 1000)
        if self.spec.is_stream and first_at:
            self.result.first_ms.append((first_at - began) * 1000)

    async def run(self) -> LoadResult:
        self._measure_from = time.perf_counter() + self.spec.warmup_s
        self._stop_at = self._measure_from + self.spec.seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(self.spec.concurrency):
                group.create_task(self._worker())
        self.result.elapsed_s = time.perf_counter() - self._measure_from
        self.result.errors = dict(self.errors)
        return self.result


def run_load(spec: LoadSpec) -> LoadResult:
    """Run the load in a process of its own and return what it measured."""
    command = [sys.executable, __file__]
    limit_s = 120 + spec.seconds
    asked = json.dumps(asdict(spec))
    done = subprocess.run(
        command, input=asked, check=False, capture_output=True, text=True, timeout=limit_s
    )
    if done.returncode:
        raise RuntimeError(f"load generator failed: {done.stderr[-400:]}")
    return LoadResult(**json.loads(done.stdout))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie; NaN where there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    given = LoadSpec(**json.loads(sys.stdin.readline()))
    print(json.dumps(asdict(uvloop.run(_Run(given).run()))))
