"""What a thousand samples cost: our runner, a pool of threads, Inspect AI; same stub, one run.

    python benchmarks/evals.py [--quick] [--no-peers] [--rounds N]

Single-turn samples, 64 in flight, against a stub server in a process of its own. CPU seconds are
of the client process alone; engines take turns, medians are shown.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _peers import INSPECT, PeerUnavailableError, ensure
from _table import table, verdict

HERE = Path(__file__).resolve().parent
TARGET_CPU_S = 1.0
GROWTH = 1.25
"""Most by which memory may grow from the fewest samples to the most."""


@contextmanager
def stub() -> Iterator[int]:
    """The stub server's port."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "_stub.py")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def measured(python: str, engine: str, count: int, port: int) -> dict[str, float]:
    """One run of one engine in a fresh process."""
    done = subprocess.run(
        [python, str(HERE / "_evals_worker.py"), engine, str(count), str(port)],
        check=False,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    if done.returncode:
        raise SystemExit(f"{engine} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if found["answers"] != count:
        raise SystemExit(f"{engine} gave {found['answers']:.0f} of {count} answers")
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples and rounds")
    parser.add_argument("--no-peers", action="store_true", help="leave Inspect AI out")
    parser.add_argument("--rounds", type=int, default=5, help="of the fewest samples")
    options = parser.parse_args()
    engines = {"tyrian": sys.executable, "threads": sys.executable}
    if not options.no_peers:
        try:
            engines["inspect"] = str(ensure(INSPECT))
        except PeerUnavailableError as error:
            print(f"without Inspect AI: {error}", file=sys.stderr)
    counts = (1000,) if options.quick else (1000, 10_000)
    rounds = 2 if options.quick else options.rounds
    rows: list[list[str | float | int]] = []
    ours: dict[int, float] = {}
    with stub() as port:
        for count in counts:
            found: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
            for _ in range(rounds if count == counts[0] else max(1, rounds // 2)):
                for name, python in engines.items():
                    found[name].append(measured(python, name, count, port))
            base = statistics.median(one["cpu_s"] for one in found["tyrian"])
            for name, runs in found.items():
                cpu = statistics.median(one["cpu_s"] for one in runs)
                peak = statistics.median(one["peak_mb"] for one in runs)
                wall = statistics.median(one["wall_s"] for one in runs)
                per = cpu / count * 1000
                rows.append([name, count, per, cpu / base, count / wall, peak])
                if name == "tyrian":
                    ours[count] = peak
                    cost = per
        if not options.quick:
            many = measured(sys.executable, "tyrian", 100_000, port)
            ours[100_000] = many["peak_mb"]
            rows.append(
                ["tyrian", 100_000, many["cpu_s"] / 100, 1.0, 1e5 / many["wall_s"], many["peak_mb"]]
            )
    head = ["engine", "samples", "CPU s / 1,000", "x ours", "samples/s", "peak MB"]
    print(table("Evaluation engines, 64 in flight", head, rows))
    print(f"under {TARGET_CPU_S} CPU-second per 1,000: {verdict(cost < TARGET_CPU_S)}")
    if len(ours) > 1:
        growth = max(ours.values()) / min(ours.values())
        print(f"memory, most over least samples: {growth:.2f} ({verdict(growth <= GROWTH)})")


if __name__ == "__main__":
    main()
