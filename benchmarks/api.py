"""The whole API under load, with keys, limits, budgets, audit and guards on, beside LiteLLM.

    python benchmarks/api.py [--quick] [--rounds N] [--seconds S] [--only NAME] [--no-peers]
    python benchmarks/api.py --soak 600 [--only NAME]

Every configuration runs at the same time in front of a model server that answers at once; in each
round each one gets the same load in turn. What the columns mean stands in benchmarks/README.md.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from _databases import NotInstalledError, postgresql, redis
from _load import LoadSpec, percentile, run_load
from _peers import LITELLM, PeerUnavailableError, ensure
from _servers import Server, ServerFailedError, free_port, litellm, running, stub
from _soak import Soak, open_streams, soak
from _table import Cell, table, verdict
from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.record import RateRule
from tyrian.gateway.store.engine import Store
from tyrian.stack.load import default_text

DIRECT, PEER = "direct", "LiteLLM, 1 worker"
FIRST = "tyrian, SQLite, memory, 1 worker"
CONCURRENCIES = (1, 16, 64)
ENOUGH = 10**9
"""A limit that is counted and never reached."""
KEY_CHECKS = 20_000
STREAMS = 1_000

_MODELS = """
models:
  stub:
    base_url: http://127.0.0.1:{port}/v1
    price: {{input_usd: 0.5, output_usd: 1.5}}
"""


@dataclass(frozen=True, slots=True)
class Setup:
    """One configuration of Tyrian."""

    has_postgresql: bool = False
    has_redis: bool = False
    workers: int = 1

    @property
    def name(self) -> str:
        """How tables call it."""
        store = "PostgreSQL" if self.has_postgresql else "SQLite"
        windows = "Redis" if self.has_redis else "memory"
        return f"tyrian, {store}, {windows}, {self.workers} worker{'s' * (self.workers > 1)}"


SETUPS = (
    Setup(),
    Setup(workers=2),
    Setup(has_postgresql=True),
    Setup(has_postgresql=True, workers=2),
    Setup(has_postgresql=True, has_redis=True),
    Setup(has_postgresql=True, has_redis=True, workers=2),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one server did in one round."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    errors: int


async def _key(database: str) -> str:
    """A key with a budget and limits of its own; its value."""
    store = await asyncio.to_thread(Store.open, database)
    try:
        keys, budgets = Keys(store), Budgets(store)
        record, token = await keys.create("benchmark")
        await budgets.set(record.id, ENOUGH * 10**6)
        for subject in (record.id, record.organisation_id):
            await budgets.set_rate(RateRule(subject, "*", ENOUGH, ENOUGH * 100))
        await keys.close()
    finally:
        await store.close()
    return token


@contextmanager
def tyrian(setup: Setup, upstream: Server, database: str, redis_url: str) -> Iterator[Server]:
    """`tyrian serve` with the default guards, and a key that has limits and a budget."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-api-") as home:
        stack = Path(home) / "stack.yaml"
        stack.write_text(default_text() + _MODELS.format(port=upstream.port))
        url = database or f"sqlite:///{home}/keys.db"
        token = asyncio.run(_key(url))
        program = Path(sys.executable).parent / "tyrian"
        command: list[str | Path] = [program, "serve", "--port", str(port), "--stack", stack]
        command += ["--database", url, "--workers", str(setup.workers)]
        if setup.has_redis:
            command += ["--redis", redis_url]
        env = {"TYRIAN_HOME": f"{home}/state"}
        with running(setup.name, command, port=port, ready_path="/readyz", env=env) as server:
            yield replace(server, token=token)


def _servers(keep: ExitStack, given: argparse.Namespace) -> Iterator[Server]:
    upstream = keep.enter_context(stub())
    yield replace(upstream, name=DIRECT)
    for setup in SETUPS:
        if given.only and given.only not in setup.name:
            continue
        try:
            database = keep.enter_context(postgresql()) if setup.has_postgresql else ""
            redis_url = keep.enter_context(redis()) if setup.has_redis else ""
            yield keep.enter_context(tyrian(setup, upstream, database, redis_url))
        except (NotInstalledError, ServerFailedError) as error:
            print(f"left out: {setup.name}: {error}", file=sys.stderr)
    if given.no_peers or given.soak:
        return
    for workers in (1, 2) if not given.only or "2 workers" in given.only else (1,):
        try:
            peer = keep.enter_context(litellm(ensure(LITELLM), upstream, workers))
            yield replace(peer, name=f"LiteLLM, {workers} worker{'s' * (workers > 1)}")
        except (PeerUnavailableError, ServerFailedError) as error:
            print(f"left out: {error}", file=sys.stderr)


def _sample(server: Server, concurrency: int, seconds: float) -> Sample:
    before = server.cpu_s()
    result = run_load(LoadSpec(server.port, concurrency, seconds, token=server.token))
    spent = server.cpu_s() - before
    return Sample(
        result.per_second,
        percentile(result.latencies_ms, 0.5),
        percentile(result.latencies_ms, 0.99),
        spent / result.answered * 1e6 if result.answered else float("nan"),
        sum(result.errors.values()),
    )


Board = dict[tuple[int, str], list[Sample]]


def _measure(servers: Sequence[Server], rounds: int, seconds: float) -> Board:
    board: Board = {}
    for number in range(rounds):
        for concurrency in CONCURRENCIES:
            for server in servers:
                found = _sample(server, concurrency, seconds)
                board.setdefault((concurrency, server.name), []).append(found)
        print(f"  round {number + 1} of {rounds} done", file=sys.stderr)
    return board


def _paired(board: Board, concurrency: int, name: str, base: str, field: str) -> list[float]:
    """Pairs of the same round: the difference in latency, or the ratio of anything else."""
    pairs = zip(
        board.get((concurrency, name), []), board.get((concurrency, base), []), strict=False
    )
    found = [(getattr(a, field), getattr(b, field)) for a, b in pairs]
    return [a - b if field.endswith("_ms") else a / b for a, b in found if b]


def _middle(values: Sequence[float]) -> float:
    return median(values) if values else float("nan")


def rows(board: Board, concurrency: int, servers: Sequence[Server]) -> list[list[Cell]]:
    """A row per server."""
    found: list[list[Cell]] = []
    for server in servers:
        samples = board[concurrency, server.name]
        is_direct = server.name == DIRECT

        def latency(field: str, name: str = server.name, own: bool = is_direct) -> float:
            if own:
                return _middle([getattr(s, field) for s in board[concurrency, name]])
            return _middle(_paired(board, concurrency, name, DIRECT, field))

        found.append(
            [
                server.name,
                _middle([s.per_second for s in samples]),
                latency("p50_ms"),
                latency("p99_ms"),
                _middle([s.cpu_us for s in samples]),
                _middle(_paired(board, concurrency, server.name, PEER, "per_second")),
                sum(s.errors for s in samples),
            ]
        )
    return found


_HEAD = ["server", "req/s", "+p50 ms", "+p99 ms", "CPU us/req", "req/s / LiteLLM's", "errors"]


def target_rows(board: Board, servers: Sequence[Server]) -> list[list[Cell]]:
    """The issue's targets that this command measures."""
    check_us = asyncio.run(_key_check_us())
    found: list[list[Cell]] = [
        ["check of a key, us", "< 30", check_us, verdict(check_us < 30)],
    ]
    added = _middle(_paired(board, 1, FIRST, DIRECT, "p50_ms"))
    if added == added:
        found.append(["added p50, c=1, everything on, ms", "< 5", added, verdict(added < 5)])
    for concurrency in (16, 64):
        ratio = _middle(_paired(board, concurrency, FIRST, PEER, "per_second"))
        if ratio == ratio:
            what = f"req/s over LiteLLM's, one worker each, c={concurrency}"
            found.append([what, ">= 5", ratio, verdict(ratio >= 5)])
    first = next((server for server in servers if server.name == FIRST), None)
    if first is not None:
        count, held_mb = asyncio.run(open_streams(first, STREAMS))
        is_met = count == STREAMS and held_mb < 400
        found.append([f"MB with {count:,} open streams", "< 400", held_mb, verdict(is_met)])
    return found


async def _key_check_us() -> float:
    """Microseconds of one check of a key that was seen before."""
    with tempfile.TemporaryDirectory(prefix="bench-key-") as home:
        url = f"sqlite:///{home}/keys.db"
        token = await _key(url)
        store = await asyncio.to_thread(Store.open, url)
        keys = Keys(store)
        await keys.verify(token)
        began = time.perf_counter()
        for _ in range(KEY_CHECKS):
            await keys.verify(token)
        spent = time.perf_counter() - began
        await keys.close()
        await store.close()
    return spent / KEY_CHECKS * 1e6


def _soak_rows(soaked: dict[str, Soak]) -> list[list[Cell]]:
    found: list[list[Cell]] = []
    for name, seen in soaked.items():
        before_mb, after_mb, before, after = seen.after_warming()
        result = seen.result
        found.append(
            [
                name,
                result.per_second,
                percentile(result.latencies_ms, 0.5),
                percentile(result.latencies_ms, 0.99),
                sum(result.errors.values()),
                f"{before_mb:.1f} -> {after_mb:.1f}",
                f"{before} -> {after}",
                "flat" if seen.is_flat else "GROWING",
            ]
        )
    return found


_SOAK_HEAD = ["server", "streams/s", "p50 ms", "p99 ms", "errors", "RSS MB", "open files", ""]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="per server, case and round")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 2 seconds")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--only", default="", help="configurations whose name has this")
    parser.add_argument("--soak", type=float, default=0.0, help="seconds of load on each, instead")
    return parser.parse_args()


def main() -> None:
    """Run what was asked for and print the tables."""
    given = _arguments()
    rounds, seconds = (2, 2.0) if given.quick else (given.rounds, given.seconds)
    with ExitStack() as keep:
        servers = list(_servers(keep, given))
        if given.soak:
            soaked = {s.name: soak(s, given.soak, 16) for s in servers if s.name != DIRECT}
            print(table(f"{given.soak:.0f} s of streams, c=16", _SOAK_HEAD, _soak_rows(soaked)))
            return
        board = _measure(servers, rounds, seconds)
        for concurrency in CONCURRENCIES:
            print(table(f"c={concurrency}, whole", _HEAD, rows(board, concurrency, servers)))
        ready: list[list[Cell]] = [[s.name, s.ready_s, s.rss_mb()] for s in servers]
        print(table("Start and memory", ["server", "first answer s", "RSS MB"], ready))
        targets = target_rows(board, servers)
        print(table("Targets", ["what", "target", "measured", ""], targets))


if __name__ == "__main__":
    main()
