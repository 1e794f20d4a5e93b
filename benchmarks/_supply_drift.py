"""Comparing fifty thousand files with what was approved: as lists, and on the disk."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from _table import Cell
from tyrian.supply.drift.compare import compare
from tyrian.supply.drift.look import look
from tyrian.supply.drift.tree import tree_of_lock
from tyrian.supply.lock.make import Approval, lock_directory

FILES = 50_000
_A_FOLDER = 50
_RUNS = 3


def drift_rows(folder: Path) -> list[list[Cell]]:
    """Rows of what is done, wall and CPU seconds (the median), and how many changes it tells."""
    for number in range(FILES):
        place = folder / f"model-{number // _A_FOLDER:04d}"
        place.mkdir(exist_ok=True, parents=True)
        (place / f"part-{number % _A_FOLDER}.bin").write_bytes(number.to_bytes(8, "little"))
    locked = lock_directory(folder, Approval("all", "Ada", "2026-01-01T00:00:00Z"))
    rows: list[list[Cell]] = []
    rows.append(_row("on the disk, nothing changed", lambda: compare(
        tree_of_lock(locked), look(folder, locked))))  # fmt: skip
    for number in range(0, FILES, 500):
        at = folder / f"model-{number // _A_FOLDER:04d}" / f"part-{number % _A_FOLDER}.bin"
        at.write_bytes(b"changed")
    rows.append(_row("on the disk, 100 files changed", lambda: compare(
        tree_of_lock(locked), look(folder, locked))))  # fmt: skip
    tree = look(folder, locked)
    rows.append(_row("lists alone", lambda: compare(tree_of_lock(locked), tree)))
    return rows


def _row(name: str, work: Callable[[], Sequence[object]]) -> list[Cell]:
    walls, spent, count = [], [], 0
    for _ in range(_RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        count = len(work())
        walls.append(time.perf_counter() - wall)
        spent.append(time.process_time() - cpu)
    return [name, sorted(walls)[_RUNS // 2], sorted(spent)[_RUNS // 2], count]
