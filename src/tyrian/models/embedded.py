"""The embedded classifiers: linear heads over hashed n-grams, numpy only, any length of text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import exp

import numpy as np

from tyrian.models.artefact import Artefact, load
from tyrian.models.classifier import Scored
from tyrian.models.features import BLOCK, F64, Grams, grams_of
from tyrian.models.windows import F32, SIZES, Grid, buckets_of, grid, window_scores

BENIGN, INJECTION, JAILBREAK = "benign", "injection", "jailbreak"
_CLEARLY_BENIGN = -3.0
"""Logit below which no finer label is worked out."""
_NEARLY = 0.5
"""Share of the highest margin that makes a smaller window the one to show."""


@dataclass(frozen=True, slots=True)
class Block:
    """The grams of one stretch of a text, and where the stretch begins."""

    offset: int
    grams: Grams


def blocks_of(text: str) -> Iterator[Block]:
    """The text in stretches of bounded size that overlap by the largest window."""
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
    def probability(self) -> float:
        """The calibrated probability; one half at the shipped threshold."""
        return sigmoid(self.logit)


def sigmoid(logit: float) -> float:
    """The logistic function, without overflow."""
    return 1.0 / (1.0 + exp(-min(max(logit, -30.0), 30.0)))


def _tightest(margins: F64, windows: Grid, top: float) -> int:
    """The window to show: the best one of the smallest size that is nearly as sure as any."""
    if top <= 0:
        return int(margins.argmax())
    sure = margins >= _NEARLY * top
    size = windows.sizes[sure].min()
    return int(np.where(windows.sizes == size, margins, -np.inf).argmax())


@dataclass(frozen=True, slots=True)
class LinearModel:
    """The arithmetic that both embedded models share."""

    artefact: Artefact

    def judge(self, blocks: Iterable[Block]) -> Evidence:
        """The strongest window over all stretches and window sizes."""
        best: tuple[float, Block, int, int] | None = None
        for block in blocks:
            windows = grid(block.grams.length)
            scores = window_scores(block.grams, self.artefact.main, windows)
            margins = scores - self.artefact.thresholds[windows.sizes]
            top = float(margins.max())
            if best is None or top > best[0]:
                at = _tightest(margins, windows, top)
                best = (top, block, int(windows.starts[at]), int(windows.ends[at]))
        if best is None:
            return Evidence(-30.0, 0, 0, self.artefact.fine_bias)
        margin, block, start, end = best
        first, last = block.grams.span(start, end)
        logit = self.artefact.slope * margin
        # The kind of what is not there does not matter, and most texts are benign.
        is_clear = logit < _CLEARLY_BENIGN
        fine = self.artefact.fine_bias if is_clear else self._fine(block.grams, start, end)
        return Evidence(logit, block.offset + first, block.offset + last, fine)

    def _fine(self, grams: Grams, start: int, end: int) -> F32:
        buckets, count = buckets_of(grams, start, end)
        folded = buckets & np.uint32(self.artefact.fine.shape[1] - 1)
        totals = self.artefact.fine.take(folded, axis=1).sum(axis=1)
        scores: F32 = totals / np.float32(np.sqrt(count)) + self.artefact.fine_bias
        return scores


@dataclass(frozen=True, slots=True)
class PromptGuard:
    """The embedded prompt-attack model: benign, injection, jailbreak."""

    model: LinearModel
    labels: tuple[str, ...] = (BENIGN, INJECTION, JAILBREAK)

    @property
    def revision(self) -> str:
        """Identity of the weights."""
        return self.model.artefact.revision

    def score(self, text: str) -> Mapping[str, float]:
        """The probability of each label."""
        return self.locate(text).scores

    def locate(self, text: str) -> Scored:
        """The probabilities and the window behind them."""
        return self.locate_in(blocks_of(text))

    def locate_in(self, blocks: Iterable[Block]) -> Scored:
        """As `locate`, from grams that were made before.

        The likelier kind gets the whole probability of an attack, the other its fair share, so
        that doubt about the kind never hides the attack.
        """
        found = self.model.judge(blocks)
        attack = found.probability
        jailbreak = sigmoid(float(found.fine[0]))
        top = max(jailbreak, 1.0 - jailbreak)
        scores = {
            BENIGN: 1.0 - attack,
            INJECTION: attack * (1.0 - jailbreak) / top,
            JAILBREAK: attack * jailbreak / top,
        }
        return Scored(scores, found.start, found.end)


@dataclass(frozen=True, slots=True)
class ContentGuard:
    """The embedded content-safety model: S1 to S14, a weak signal (see its model card)."""

    model: LinearModel

    @property
    def labels(self) -> tuple[str, ...]:
        """Hazard categories in the order of the model."""
        return self.model.artefact.labels

    @property
    def revision(self) -> str:
        """Identity of the weights."""
        return self.model.artefact.revision

    def score(self, text: str) -> Mapping[str, float]:
        """The probability of each hazard."""
        return self.locate(text).scores

    def locate(self, text: str) -> Scored:
        """The probabilities and the window behind them."""
        return self.locate_in(blocks_of(text))

    def locate_in(self, blocks: Iterable[Block]) -> Scored:
        """As `locate`, from grams that were made before.

        The likeliest hazard gets the whole probability of unsafe content, the others their share.
        """
        found = self.model.judge(blocks)
        odds = [sigmoid(raw) for raw in found.fine.tolist()]
        unsafe = found.probability / max(odds)
        scores = {label: unsafe * one for label, one in zip(self.labels, odds, strict=True)}
        return Scored(scores, found.start, found.end)


@cache
def embedded_prompt_guard() -> PromptGuard:
    """The shipped prompt-attack model, read once per process."""
    return PromptGuard(LinearModel(load("prompt-guard")))


@cache
def embedded_content_guard() -> ContentGuard:
    """The shipped content-safety model, read once per process."""
    return ContentGuard(LinearModel(load("content-guard")))
