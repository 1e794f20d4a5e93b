"""What the gateway costs, beside LiteLLM's proxy, in one run.

    python benchmarks/gateway.py [--quick] [--rounds N] [--seconds S] [--only CASE] [--no-peers]

A model server that answers at once stands behind all of them. Every round asks each server in
turn, so that a busy machine troubles all alike; cells are medians over rounds, ratios are taken
within a round. What the columns mean stands in benchmarks/README.md.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import median

from _load import LoadResult, LoadSpec, percentile, run_load
from _peers import LITELLM, PeerUnavailableError, ensure
from _servers import Server, ServerFailedError, litellm, stub, tyrian
from _stub import PACED_CHUNKS
from _table import Cell, table, verdict

DIRECT, BARE, GUARDED, PEER = "direct", "tyrian, guards off", "tyrian, default", "LiteLLM"
CONCURRENCIES = (1, 16, 64)
PACE_MS = 5
HOLD_BACK = 256
"""Characters that the default stack keeps behind until they are judged."""
CHUNK_CHARS = 6


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of traffic."""

    concurrency: int
    is_stream: bool
    pace_ms: int = 0

    @property
    def title(self) -> str:
        """How tables call it."""
        kind = "streamed" if self.is_stream else "whole"
        pace = f", chunks {self.pace_ms} ms apart" if self.pace_ms else ""
        return f"c={self.concurrency}, {kind}{pace}"


@dataclass(slots=True)
class Sample:
    """What one server did with one case in one round."""

    per_second: float
    p50_ms: float
    p99_ms: float
    first_p50_ms: float
    cpu_us: float
    errors: int


@dataclass(slots=True)
class Board:
    """All samples, by case and server, one per round."""

    samples: dict[tuple[Case, str], list[Sample]] = field(default_factory=dict)

    def note(self, case: Case, name: str, sample: Sample) -> None:
        """Keep a sample."""
        self.samples.setdefault((case, name), []).append(sample)

    def middle(self, case: Case, name: str, value: Callable[[Sample], float]) -> float:
        """The median over rounds; NaN where there is none."""
        found = [value(s) for s in self.samples.get((case, name), [])]
        return median(found) if found else float("nan")

    def paired(
        self, case: Case, name: str, base: str, of: Callable[[Sample, Sample], float]
    ) -> float:
        """The median over rounds of a figure taken from two servers in the same round."""
        ours, theirs = self.samples.get((case, name), []), self.samples.get((case, base), [])
        found = [of(a, b) for a, b in zip(ours, theirs, strict=False)]
        return median(found) if found else float("nan")

    def added(self, case: Case, name: str, value: Callable[[Sample], float]) -> float:
        """What the server adds to the direct way."""
        return self.paired(case, name, DIRECT, lambda a, b: value(a) - value(b))


def _sample(server: Server, case: Case, seconds: float) -> Sample:
    spec = LoadSpec(
        server.port,
        case.concurrency,
        seconds,
        token=server.token,
        is_stream=case.is_stream,
        pace_ms=case.pace_ms,
    )
    before = server.cpu_s()
    result = run_load(spec)
    spent = server.cpu_s() - before
    return _judge(result, spent)


def _judge(result: LoadResult, cpu_s: float) -> Sample:
    nothing = float("nan")
    return Sample(
        result.per_second,
        percentile(result.latencies_ms, 0.5),
        percentile(result.latencies_ms, 0.99),
        percentile(result.first_ms, 0.5),
        cpu_s / result.answered * 1e6 if result.answered else nothing,
        sum(result.errors.values()),
    )


def _servers(keep: ExitStack, has_peers: bool) -> Iterator[Server]:
    upstream = keep.enter_context(stub())
    yield replace(upstream, name=DIRECT)
    yield keep.enter_context(tyrian(BARE, upstream, "--no-guards"))
    yield keep.enter_context(tyrian(GUARDED, upstream))
    if has_peers:
        try:
            yield keep.enter_context(litellm(ensure(LITELLM), upstream))
        except (PeerUnavailableError, ServerFailedError) as error:
            print(f"left out: {error}", file=sys.stderr)


def _cases(is_quick: bool) -> tuple[Case, ...]:
    shapes = [Case(c, is_stream) for is_stream in (False, True) for c in CONCURRENCIES]
    paced = [Case(c, True, PACE_MS) for c in ((1,) if is_quick else (1, 16))]
    return (*shapes, *paced)


def rows(board: Board, case: Case, servers: list[Server]) -> list[list[Cell]]:
    """A row per server."""
    found: list[list[Cell]] = []
    for name in (server.name for server in servers):
        times = [_p50, _p99, _first] if case.is_stream else [_p50, _p99]
        seen = board.middle if name == DIRECT else board.added
        row: list[Cell] = [name, board.middle(case, name, _rate)]
        row += [seen(case, name, value) for value in times]
        row += [board.middle(case, name, _cpu), board.paired(case, name, PEER, _cpu_ratio)]
        row.append(sum(s.errors for s in board.samples.get((case, name), [])))
        found.append(row)
    return found


def _rate(sample: Sample) -> float:
    return sample.per_second


def _p50(sample: Sample) -> float:
    return sample.p50_ms


def _p99(sample: Sample) -> float:
    return sample.p99_ms


def _first(sample: Sample) -> float:
    return sample.first_p50_ms


def _cpu(sample: Sample) -> float:
    return sample.cpu_us


def _cpu_ratio(ours: Sample, peer: Sample) -> float:
    return peer.cpu_us / ours.cpu_us


def _head(case: Case) -> list[str]:
    first = ["+first ms"] if case.is_stream else []
    cpu = ["CPU us/req", "LiteLLM CPU / its", "errors"]
    return ["server", "req/s", "+p50 ms", "+p99 ms", *first, *cpu]


def target_rows(board: Board, servers: list[Server], paced: Case) -> list[list[Cell]]:
    """The issue's targets for the gateway."""
    busy, alone = Case(16, False), Case(1, False)

    off, on = (board.paired(busy, name, PEER, _cpu_ratio) for name in (BARE, GUARDED))
    added = board.added(alone, GUARDED, _p50)
    first = board.added(paced, BARE, _first)
    held = board.added(paced, GUARDED, _first)
    chunk_ms = board.middle(paced, DIRECT, _p50) / PACED_CHUNKS
    window_ms = HOLD_BACK / CHUNK_CHARS * chunk_ms
    memory = next(s.rss_mb() for s in servers if s.name == GUARDED)
    targets = (
        ("CPU, guards off, c=16: LiteLLM / ours", ">= 25", off, off >= 25),
        ("CPU, default guards, c=16: LiteLLM / ours", ">= 8", on, on >= 8),
        ("added p50, c=1, default guards, ms", "< 3", added, added < 3),
        ("first chunk behind upstream, no guards, ms", "<= 5", first, first <= 5),
        ("the same, default guards, ms", f"<= {window_ms:.0f} + 5", held, held <= window_ms + 5),
        ("resident memory after the load, MB", "< 200", memory, memory < 200),
    )
    return [
        [what, target, value, verdict(is_met)]
        for what, target, value, is_met in targets
        if value == value  # what was left out of this run has no verdict
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="per server, case and round")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1.5 seconds")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--only", default="", help="only cases whose title has this, such as c=16")
    return parser.parse_args()


def main() -> None:
    """Run all rounds and print the tables."""
    given = _arguments()
    rounds, seconds = (3, 1.5) if given.quick else (given.rounds, given.seconds)
    board = Board()
    cases = [case for case in _cases(given.quick) if given.only in case.title]
    with ExitStack() as keep:
        servers = list(_servers(keep, not given.no_peers))
        for number in range(rounds):
            for case in cases:
                for server in servers:
                    board.note(case, server.name, _sample(server, case, seconds))
            print(f"  round {number + 1} of {rounds} done", file=sys.stderr)
        for case in cases:
            print(table(case.title, _head(case), rows(board, case, servers)))
        ready: list[list[Cell]] = [[s.name, s.ready_s, s.rss_mb()] for s in servers]
        print(table("Start and memory", ["server", "first answer s", "RSS MB"], ready))
        targets = target_rows(board, servers, Case(1, True, PACE_MS))
        print(table("Targets", ["what", "target", "measured", ""], targets))


if __name__ == "__main__":
    main()
