"""The supply chain: scans, hashing, signatures, drift, bills of materials and data, beside peers.

    python benchmarks/supply.py [--pickle-mb 20] [--tensors-mb 2048] [--no-peers]
                                [--only scan|sign|drift|others]

Each figure is one command in a process of its own, the median of three runs: wall and CPU seconds
and the peak of resident memory. Peers run in environments of their own, one after another in the
same run. The pickle is one of dictionaries, texts and numbers (about 0.4 million opcodes a
megabyte); the tensors are random bytes in a safetensors file without holes, read once before so
that all find them in memory (they need as much room in the folder of TMPDIR). What is compared
with hashing alone takes turns with it, five times, by the median of CPU seconds: with the start of
each program, as a user has it, and without, as the bytes have it. A peer that passes a file over
is fast there: the last column says what it did. Bills of materials, data and the gate have
benchmarks of their own, which run at the end. The load of the machine stands above the tables: on
a busy one ratios say more than seconds.
"""

import argparse
import json
import os
import pickle
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from _peers import FICKLING, MODELAUDIT, MODELSCAN, PICKLESCAN, Peer, PeerUnavailableError, ensure
from _supply_drift import drift_rows
from _supply_sign import commands, is_alike
from _table import Cell, table

HASHED = "tyrian, with SHA-256"
_RUNS = 3
_TURNS = 5
PARTS = ("scan", "sign", "drift", "others")
OTHERS = ("supply_bom.py", "supply_data.py", "supply_gate.py")
"""Benchmarks that run by themselves as well."""
_LIMIT_S = 900
_QUIET = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1", "DO_NOT_TRACK": "1"}
_BARE = [sys.executable, "-c", "import hashlib; hashlib.sha256()"]
_HASH = (
    "import hashlib, sys; print(hashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256').hexdigest())"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took."""

    wall_s: float
    cpu_s: float
    rss_mb: float
    code: int


def run_once(command: list[str]) -> Cost:
    """Run a command to its end; TimeoutError where it takes too long."""
    began = time.perf_counter()
    done = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **_QUIET}
    )
    while True:
        pid, status, usage = os.wait4(done.pid, os.WNOHANG)
        if pid:
            break
        if time.perf_counter() - began > _LIMIT_S:
            done.kill()
            os.wait4(done.pid, 0)
            raise TimeoutError
        time.sleep(0.002)
    done.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(wall, cpu, usage.ru_maxrss / 1024, done.returncode)


def median_of(command: list[str]) -> Cost:
    """The median of some runs, by wall time."""
    runs = sorted((run_once(command) for _ in range(_RUNS)), key=lambda cost: cost.wall_s)
    return runs[len(runs) // 2]


def in_turns(commands: Sequence[list[str]]) -> list[Cost]:
    """The median by CPU time of each command; all run once before any runs again."""
    runs = [[run_once(command) for command in commands] for _ in range(_TURNS)]
    return [median_low(costs, key=lambda cost: cost.cpu_s) for costs in zip(*runs, strict=True)]


def median_low(costs: Sequence[Cost], key: Callable[[Cost], float]) -> Cost:
    """The one in the middle."""
    return sorted(costs, key=key)[(len(costs) - 1) // 2]


def tools(*, with_peers: bool) -> Iterator[tuple[str, list[str]]]:
    """Name and command of each scanner; the path comes last."""
    tyrian = str(Path(sys.executable).with_name("tyrian"))
    yield "tyrian", [tyrian, "model", "scan", "-q"]
    yield HASHED, [tyrian, "model", "scan", "-q", "--sha256", "--format", "json"]
    if not with_peers:
        return
    peers: list[tuple[Peer, str, list[str]]] = [
        (PICKLESCAN, "picklescan", ["-p"]),
        (MODELSCAN, "modelscan", ["-p"]),
        (FICKLING, "fickling", ["--check-safety"]),
        (MODELAUDIT, "modelaudit", ["scan"]),
    ]
    for peer, program, arguments in peers:
        try:
            python = ensure(peer)
        except PeerUnavailableError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        yield peer.name, [str(python.with_name(program)), *arguments]


def write_pickle(path: Path, megabytes: int) -> None:
    """Dictionaries of texts and numbers, as tokenizers and optimizers are kept."""
    chance = random.Random(1)
    row = [
        {f"k{i % 50}": [chance.randrange(1 << 30), chance.random(), f"s{i % 999}"], "t": (i, i)}
        for i in range(20_800)
    ]
    with path.open("wb") as file:
        pickle.dump([pickle.loads(pickle.dumps(row)) for _ in range(megabytes)], file, 4)


def write_tensors(path: Path, megabytes: int) -> None:
    """Random bytes as one tensor of a safetensors file."""
    size = megabytes << 20
    told = {"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    head = json.dumps(told).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))


def _apart(write: Callable[[Path, int], None], path: Path, megabytes: int) -> None:
    """Write in a process of its own: what a parent once held counts as its children's peak."""
    process = get_context("spawn").Process(target=write, args=(path, megabytes))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{path.name} could not be written")


def row_of(name: str, command: list[str], path: Path, bare: Cost) -> list[Cell]:
    """One row: the costs, and megabytes for each second."""
    size = path.stat().st_size / 1e6
    try:
        cost = median_of([*command, str(path)])
    except TimeoutError:
        return [name, None, None, None, None, f"over {_LIMIT_S} s"]
    work = max(cost.cpu_s - bare.cpu_s, 1e-3)
    return [name, cost.wall_s, size / cost.wall_s, size / work, cost.rss_mb, f"exit {cost.code}"]


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pickle-mb", type=int, default=20)
    parser.add_argument("--tensors-mb", type=int, default=2048)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--only", choices=PARTS, action="append")
    options = parser.parse_args()
    parts = options.only or PARTS
    print(f"load {', '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} CPUs\n")
    scanners = list(tools(with_peers=not options.no_peers))
    with tempfile.TemporaryDirectory(prefix="bench-supply-") as made:
        folder = Path(made)
        _check_room(folder, options.tensors_mb)
        if "scan" in parts:
            _measure(folder, scanners, options.pickle_mb, options.tensors_mb)
        if "sign" in parts:
            _measure_signing(folder, options.tensors_mb, with_peers=not options.no_peers)
        if "drift" in parts:
            head = ["50,000 files compared with their lock", "wall s", "CPU s", "changes told"]
            print(table("Drift", head, drift_rows(folder / "many")))
    for name in OTHERS if "others" in parts else ():
        if not Path(__file__).with_name(name).is_file():
            continue
        more = ["--no-peers"] if options.no_peers else []
        subprocess.run([sys.executable, str(Path(__file__).with_name(name)), *more], check=False)


def beside_hashing(title: str, path: Path, rows: Sequence[tuple[str, list[str], list[str]]]) -> str:
    """A table of what hashes a file and does more; of each a name, its command, and its start.

    The start is the same command where there is next to nothing to do.
    """
    hashing = ("hashlib alone", [sys.executable, "-c", _HASH, str(path)], _BARE)
    named = [hashing, *rows]
    whole = in_turns([command for _, command, _ in named])
    starts = in_turns([start for _, _, start in named])
    alone, beyond = whole[0].cpu_s, whole[0].cpu_s - starts[0].cpu_s
    size = path.stat().st_size / 1e6
    cells: list[list[Cell]] = [
        [name, size / cost.wall_s, cost.cpu_s, start.cpu_s, cost.cpu_s / alone,
         (cost.cpu_s - start.cpu_s) / beyond, cost.rss_mb, f"exit {cost.code}"]
        for (name, _, _), cost, start in zip(named, whole, starts, strict=True)
    ]  # fmt: skip
    head = ["", "MB/s", "CPU s", "start CPU s", "CPU / hashing", "beyond start", "MB", "ended"]
    return table(f"{title}, {size:,.0f} MB", head, cells)


def _check_room(folder: Path, megabytes: int) -> None:
    room = shutil.disk_usage(folder).free >> 20
    if room < 1.2 * megabytes:
        raise SystemExit(f"{folder} has room for {room} MB; name another folder with TMPDIR")


def _measure_signing(folder: Path, megabytes: int, *, with_peers: bool) -> None:
    small, large = folder / "small" / "model", folder / "large" / "model"
    for model, size in ((small, 0), (large, megabytes)):
        model.mkdir(parents=True)
        _apart(write_tensors, model / "model.safetensors", size)
    of_small = dict(commands(small, with_peers=with_peers))
    rows = [
        (name, command, of_small[name]) for name, command in commands(large, with_peers=with_peers)
    ]
    for _, command, start in rows:  # signatures have to be there before they are verified
        run_once(start)
        run_once(command)
    print(beside_hashing("Signing and verifying", large / "model.safetensors", rows))
    print(f"same inputs, same attestation: {is_alike(large)}\n")


def _measure(
    folder: Path, scanners: list[tuple[str, list[str]]], pickle_mb: int, tensors_mb: int
) -> None:
    tiny = folder / "tiny"
    tiny.mkdir()
    (tiny / "a.pkl").write_bytes(pickle.dumps({"a": [1.0]}))
    python = median_of([sys.executable, "-c", "pass"])
    starts: dict[str, Cost] = {}
    rows: list[list[Cell]] = [["python -c pass", python.wall_s, python.cpu_s, python.rss_mb]]
    for name, command in scanners:
        starts[name] = cost = median_of([*command, str(tiny / "a.pkl")])
        rows.append([name, cost.wall_s, cost.cpu_s, cost.rss_mb])
    print(table("Start-up: one small pickle", ["scanner", "wall s", "CPU s", "MB"], rows))
    head = ["scanner", "wall s", "MB/s", "MB/CPU-s beyond start", "MB", "ended"]
    large = folder / "large.pkl"
    _apart(write_pickle, large, pickle_mb)
    rows = [row_of(name, command, large, starts[name]) for name, command in scanners]
    print(table(f"A pickle of {large.stat().st_size / 1e6:.0f} MB", head, rows))
    large.unlink()
    tensors = folder / "model.safetensors"
    _apart(write_tensors, tensors, tensors_mb)
    _apart(write_tensors, tiny / "model.safetensors", 0)
    program = shutil.which("sha256sum")
    rows = [row_of("sha256sum", [program], tensors, python)] if program else []
    rows += [row_of(name, command, tensors, starts[name]) for name, command in scanners]
    print(table(f"Tensors of {tensors_mb} MB", head, rows))
    scan = dict(scanners)[HASHED]
    start = [*scan, str(tiny / "model.safetensors")]
    print(beside_hashing("Hash and scan", tensors, [(HASHED, [*scan, str(tensors)], start)]))
    tensors.unlink()


if __name__ == "__main__":
    main()
