"""A linear head over hashed n-grams: the strongest window of a text of any length."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, sqrt
from typing import Protocol

import numpy as np

from tyrian.models.artefact import Artefact
from tyrian.models.features import BLOCK, F64, Grams, grams_of
from tyrian.models.repeats import said_twice
from tyrian.models.windows import F32, SIZES, Grid, buckets_of, grid, window_scores

_CLEARLY_BENIGN = -3.0
"""Logit below which no finer label is worked out."""
_NEARLY = 0.5
"""Share of the highest logit that makes a smaller window the one to show."""


@dataclass(frozen=True, slots=True)
class Block:
    """The grams of one stretch of a text, and where the stretch begins."""

    offset: int
    grams: Grams
    _logits: dict[int, F64] = field(default_factory=dict, compare=False, repr=False)
    """By model: two guards may ask the same model, and the second stage asks one of them again."""
    _looks: dict[tuple[int, int, int], F32] = field(default_factory=dict, compare=False, repr=False)
    """By reader, start and end: the second stage serves two guards."""

    def look(self, reader: "Reader", start: int, end: int) -> F32:
        """What a reader makes of a window; asked once, however many guards want to know."""
        key = (id(reader), start, end)
        known = self._looks.get(key)
        if known is None:
            known = self._looks[key] = reader.look(self.grams, start, end)
        return known


def blocks_of(text: str) -> Iterator[Block]:
    """The text in stretches of bounded size that overlap by the largest window.

    Words that are said over and over are read twice.
    """
    text = said_twice(text)
    if len(text) <= BLOCK:
        yield Block(0, grams_of(text))
        return
    for offset in range(0, len(text) - max(SIZES), BLOCK - max(SIZES)):
        yield Block(offset, grams_of(text[offset : offset + BLOCK]))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The strongest window of a text: its logit, its place, and what kind it is."""

    logit: float
    start: int
    end: int
    fine: F32
    """One raw score per finer label."""

    @property
    def is_fine(self) -> bool:
        """Whether the finer labels were worked out; for what is clearly benign they are not."""
        return self.logit >= _CLEARLY_BENIGN

    @property
    def probability(self) -> float:
        """The calibrated probability; one half at the shipped threshold."""
        return sigmoid(self.logit)


def sigmoid(logit: float) -> float:
    """The logistic function, without overflow."""
    return 1.0 / (1.0 + exp(-min(max(logit, -30.0), 30.0)))


class Reader(Protocol):
    """Reads one window of a text slowly and well, as the encoder does."""

    def look(self, grams: Grams, start: int, end: int) -> F32:
        """What it makes of a window of the compacted text, in one row."""


class Watch(Protocol):
    """Sees every window of a text as it is judged, to read some of them again."""

    def see(self, block: Block, windows: Grid, logits: F64) -> None:
        """The windows of one stretch and their logits."""


def _tightest(logits: F64, windows: Grid, top: float) -> int:
    """The window to show: the best one of the smallest size that is nearly as sure as any."""
    if top <= 0:
        return int(logits.argmax())
    sure = logits >= _NEARLY * top
    size = windows.sizes[sure].min()
    return int(np.where(windows.sizes == size, logits, -np.inf).argmax())


@dataclass(frozen=True)
class LinearModel:
    """The arithmetic that both embedded models share."""

    artefact: Artefact

    @cached_property
    def _fine_rows(self) -> F32:
        """The weights of all finer labels for one bucket side by side, as memory is read."""
        return np.ascontiguousarray(self.artefact.fine.T)

    def logits(self, block: Block, windows: Grid) -> F64:
        """The logit of every window of a stretch."""
        key = id(self.artefact)
        known = block._logits.get(key)
        if known is None:
            scores = window_scores(block.grams, self.artefact.main, windows)
            known = self.artefact.slope * (scores - self.artefact.thresholds[windows.sizes])
            block._logits[key] = known
        return known

    def judge(self, blocks: Iterable[Block], watch: Watch | None = None) -> Evidence:
        """The strongest window over all stretches and window sizes; a watch sees them all."""
        best: tuple[float, Block, int, int] | None = None
        for block in blocks:
            windows = grid(block.grams.length)
            logits = self.logits(block, windows)
            if watch is not None:
                watch.see(block, windows, logits)
            top = float(logits.max())
            if best is None or top > best[0]:
                at = _tightest(logits, windows, top)
                best = (top, block, int(windows.starts[at]), int(windows.ends[at]))
        if best is None:
            return Evidence(-30.0, 0, 0, self.artefact.fine_bias)
        logit, block, start, end = best
        first, last = block.grams.span(start, end)
        # The kind of what is not there does not matter, and most texts are benign.
        is_clear = logit < _CLEARLY_BENIGN
        fine = self.artefact.fine_bias if is_clear else self._fine(block.grams, start, end)
        return Evidence(logit, block.offset + first, block.offset + last, fine)

    def _fine(self, grams: Grams, start: int, end: int) -> F32:
        buckets, count = buckets_of(grams, start, end)
        folded = buckets & np.uint32(self.artefact.fine.shape[1] - 1)
        # Summed label by label: in another order the last bits would be others.
        weights = np.ascontiguousarray(self._fine_rows.take(folded, axis=0).T)
        totals = np.add.reduce(weights, axis=1)
        scores: F32 = totals / np.float32(sqrt(count)) + self.artefact.fine_bias
        return scores
