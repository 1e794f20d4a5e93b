"""The embedded classifiers: linear heads over hashed n-grams, numpy only, any length of text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, inf

import numpy as np

from tyrian.models.artefact import Artefact, load
from tyrian.models.classifier import Scored
from tyrian.models.encoder.guard import Encoder, embedded_encoder, has_encoder
from tyrian.models.encoder.windows import around
from tyrian.models.features import BLOCK, F64, Grams, grams_of
from tyrian.models.windows import F32, SIZES, Grid, buckets_of, grid, window_scores

BENIGN, INJECTION, JAILBREAK = "benign", "injection", "jailbreak"
_CLEARLY_BENIGN = -3.0
"""Logit below which no finer label is worked out."""
MOST_SUSPECTS = 4
"""Windows of one text that the second stage reads."""
_FIRST_RANGE = (-12.0, 12.0)
"""Logits of the first stage are cut to this before they are mixed."""
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
class Suspect:
    """A window that the first stage leaves open: where it is, and how it was judged."""

    logit: float
    block: Block
    start: int
    end: int


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


def _suspects(block: Block, logits: F64, windows: Grid, gate: float) -> list[Suspect]:
    """The strongest windows that pass, as far apart as the encoder reads; the strongest first."""
    found: list[Suspect] = []
    length = block.grams.length
    open_logits = logits.copy()
    while len(found) < MOST_SUSPECTS:
        at = int(open_logits.argmax())
        if open_logits[at] <= gate:
            break
        start, end = around(int(windows.starts[at]), int(windows.ends[at]), length)
        found.append(Suspect(float(open_logits[at]), block, start, end))
        middles = (windows.starts + windows.ends) // 2
        open_logits[(middles >= start) & (middles <= end)] = -inf
    return found


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

    def judge(
        self, blocks: Iterable[Block], gate: float = inf, suspects: list[Suspect] | None = None
    ) -> Evidence:
        """The strongest window over all stretches and window sizes.

        Windows whose logit passes the gate are added to `suspects`, for a second stage to read.
        """
        best: tuple[float, Block, int, int] | None = None
        for block in blocks:
            windows = grid(block.grams.length)
            scores = window_scores(block.grams, self.artefact.main, windows)
            margins = scores - self.artefact.thresholds[windows.sizes]
            top = float(margins.max())
            if suspects is not None and self.artefact.slope * top > gate:
                logits = self.artefact.slope * margins
                suspects.extend(_suspects(block, logits, windows, gate))
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
class SecondStage:
    """The encoder, and how its logit and that of the first stage become one."""

    encoder: Encoder
    gate: float
    """Logit of the first stage from which a window is read."""
    first: float
    read: float
    offset: float
    unread: float
    """Logit of the encoder that is assumed for what it does not read."""

    @classmethod
    def of(cls, encoder: Encoder) -> "SecondStage":
        """The numbers that the training found, from the artefact."""
        mix = encoder.mix
        return cls(encoder, mix["gate"], mix["first"], mix["read"], mix["offset"], mix["unread"])

    def mixed(self, found: Evidence, suspects: Iterable[Suspect]) -> tuple[float, float | None]:
        """The logit of an attack, and the logit of a jailbreak where a window was read."""
        chosen = sorted(suspects, key=lambda one: -one.logit)[:MOST_SUSPECTS]
        if not chosen:
            return self._mixed(found.logit, self.unread), None
        logits = [(one, self.encoder.read(one.block.grams, one.start, one.end)) for one in chosen]
        return max((self._mixed(one.logit, float(row[0])), float(row[1])) for one, row in logits)

    def _mixed(self, first: float, read: float) -> float:
        low, high = _FIRST_RANGE
        return self.first * min(max(first, low), high) + self.read * read + self.offset


@dataclass(frozen=True, slots=True)
class PromptGuard:
    """The embedded prompt-attack model: benign, injection, jailbreak."""

    model: LinearModel
    second: SecondStage | None = None
    labels: tuple[str, ...] = (BENIGN, INJECTION, JAILBREAK)

    @property
    def revision(self) -> str:
        """Identity of the weights, of both stages where there are two."""
        first = self.model.artefact.revision
        return f"{first}+{self.second.encoder.revision}" if self.second else first

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
        suspects: list[Suspect] = []
        found = self.model.judge(blocks, self.second.gate if self.second else inf, suspects)
        attack, jailbreak = found.probability, sigmoid(float(found.fine[0]))
        if self.second:
            logit, read = self.second.mixed(found, suspects)
            attack = sigmoid(logit)
            jailbreak = jailbreak if read is None else sigmoid(read)
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
    second = SecondStage.of(embedded_encoder()) if has_encoder() else None
    return PromptGuard(LinearModel(load("prompt-guard")), second)


@cache
def embedded_content_guard() -> ContentGuard:
    """The shipped content-safety model, read once per process."""
    return ContentGuard(LinearModel(load("content-guard")))
