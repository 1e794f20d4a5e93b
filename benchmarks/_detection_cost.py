"""What the embedded guards weigh and cost for 500 characters, and the most that each may."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from _table import Cell
from _texts import ordinary
from tyrian.models.embedded import blocks_of, embedded_content_guard, embedded_prompt_guard
from tyrian.models.linear import LinearModel

MODELS = Path(__file__).resolve().parents[1] / "src" / "tyrian" / "models" / "data"
_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured, and the most that it may be."""

    name: str
    measured: float
    most: float


def costs(benign: Sequence[str], count: int) -> list[Cost]:
    """Megabytes, median CPU of both stages, and how many benign texts the second one reads."""
    guard, content = embedded_prompt_guard(), embedded_content_guard()
    pages = [ordinary(_CHARACTERS, seed) for seed in range(count)]
    found = [
        Cost("size in the package, MB", sum(f.stat().st_size for f in MODELS.iterdir()) / 1e6, 25),
        Cost("first stage, prompt attacks, ms", _median(partial(_first, guard.model), pages), 1),
        Cost("first stage, content, ms", _median(partial(_first, content.model), pages), 1),
    ]
    second = guard.second
    if second is None:
        return found

    def read(page: str) -> None:
        (block,) = blocks_of(page)
        second.encoder.read(block.grams, 0, block.grams.length)

    asked = 0
    for text in benign:
        lookout = second.lookout()
        guard.model.judge(blocks_of(text), lookout)
        asked += bool(lookout.chosen())
    return [
        *found,
        Cost("second stage, a window, ms", _median(read, pages), 15),
        Cost("ordinary texts that it reads, %", 100 * asked / max(len(benign), 1), 15),
    ]


def cost_cells(found: Sequence[Cost]) -> list[list[Cell]]:
    """A row for each cost."""
    return [[one.name, one.measured] for one in found]


def _first(model: LinearModel, text: str) -> None:
    model.judge(blocks_of(text))


def _median(work: Callable[[str], object], pages: Sequence[str]) -> float:
    """Milliseconds of CPU."""
    spent = []
    for page in pages:
        began = time.process_time_ns()
        work(page)
        spent.append((time.process_time_ns() - began) / 1e6)
    return float(np.median(spent))
