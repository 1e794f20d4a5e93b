"""The second stage: which windows the encoder reads, and how two logits become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, log2

import numpy as np

from tyrian.models.encoder.glance import GLANCE_RANGE, Glance
from tyrian.models.encoder.guard import Encoder
from tyrian.models.encoder.windows import WIDTH, around
from tyrian.models.features import F64, I64
from tyrian.models.linear import Block, Evidence, LinearModel
from tyrian.models.spots import LONG, WORTH, Spot, spots_in
from tyrian.models.windows import Grid

USERS, OTHERS = "users", "others"
"""Origins of text: what a user writes to the model, and all that comes from elsewhere."""
MOST_SUSPECTS = 4
"""Windows of one text that the second stage reads."""
_RANGE = (-12.0, 30.0)
"""Logits of the first stage are cut to this before they are mixed."""
_STRETCH = WIDTH // 2
"""Characters that one glance decides on, with as many around them."""
_SHORT = 250
"""Characters up to which the gates stand as they were found."""
_PER_DOUBLING = 1.5
"""What a text of twice the length adds to a gate: its windows are more, so the highest of ordinary
ones is higher, and without it most long texts would be read again."""
_SURE = 0.0
"""Logit of the first stage, its own threshold, from which a window of a text that is not long is
read whatever a glance says, which sees a short order among many other words."""
_CLEAR = 5.0
"""Mixed logit from which no further window is read: it can hardly make the answer another one."""
_HARM_FROM = -2.0
"""Logit of harm from which it counts."""


def doublings(length: int) -> float:
    """How often a text of so many characters is twice as long as the longest that is not long."""
    return log2(max(length / LONG, 1.0))


@dataclass(frozen=True, slots=True)
class Suspect:
    """A window that the first stage leaves open: where it is, and how it was judged."""

    excess: float
    """By how much it passes a gate."""
    logit: float
    block: Block
    start: int
    end: int
    glance: float = 0.0
    """Logit of an attack at a glance; content safety has no use for it."""

    @property
    def span(self) -> tuple[int, int]:
        """Its place in the text."""
        first, last = self.block.grams.span(self.start, self.end)
        return self.block.offset + first, self.block.offset + last


@dataclass(slots=True)
class Lookout:
    """Collects the windows that pass a gate: by the logit of an attack, or by that of harm.

    The logit of an attack is the mean of the first stage's and of a glance's.
    """

    gate: float
    harm: LinearModel | None = None
    harm_gate: float = inf
    glance: Glance | None = None
    worth: float = WORTH
    """Worth of a spot of a long text from which it is read."""
    found: list[Suspect] = field(default_factory=list)
    seen: float = -inf
    """The highest logit of all windows, by which the gate judges."""
    glanced: float = GLANCE_RANGE[0]
    """The glance's share in it."""

    def see(self, block: Block, windows: Grid, logits: F64) -> None:
        """Keep the windows that pass, as far apart as the encoder reads, the strongest first.

        In a long text, spots take the place of the gate of attacks; it would seldom open.
        """
        middles = (windows.starts + windows.ends) // 2
        rise = _PER_DOUBLING * log2(max(block.grams.length / _SHORT, 1.0))
        is_long = self.glance is not None and block.grams.length > LONG
        clipped: F64 = np.clip(logits, *GLANCE_RANGE)
        glances = clipped if is_long else self._glances(block, middles, logits, rise)
        seen = (np.clip(logits, *_RANGE) + glances) / 2
        at = int(seen.argmax())
        if seen[at] > self.seen:
            self.seen, self.glanced = float(seen[at]), float(glances[at])
        excess = np.full(len(seen), -inf) if is_long else seen - self.gate
        if self.harm is not None:
            excess = np.maximum(excess, self.harm.logits(block, windows) - self.harm_gate)
        excess -= rise
        spots: Mapping[int, Spot] = {}
        if self.glance is None or not is_long:
            excess = np.maximum(excess, logits - _SURE)
        else:
            spots = spots_in(block, windows, logits, self.glance, self.worth)
            for at, spot in spots.items():
                excess[at] = max(excess[at], spot.worth - self.worth)
        if excess.max() <= 0:
            return
        for _ in range(MOST_SUSPECTS):
            at = int(excess.argmax())
            if excess[at] <= 0:
                break
            here = spots.get(at)
            place = int(windows.starts[at]), int(windows.ends[at])
            start, end = around(*place, block.grams.length, here.width if here else WIDTH)
            inside = (middles >= start) & (middles <= end)
            if here:
                logit, glance = here.logit, here.glance
            else:
                logit, glance = float(logits[inside].max()), float(glances[inside].max())
            self.found.append(Suspect(float(excess[at]), logit, block, start, end, glance))
            excess[inside] = -inf

    def _glances(self, block: Block, middles: I64, logits: F64, rise: float) -> F64:
        """Per window, what a glance says where that can open the gate.

        Elsewhere, and without a glance, the first stage speaks for both.
        """
        found: F64 = np.clip(logits, *GLANCE_RANGE)
        if self.glance is None:
            return found
        is_open = logits > 2 * (self.gate + rise) - GLANCE_RANGE[1]
        stretches = middles // _STRETCH
        while is_open.any():
            stretch = int(stretches[np.where(is_open, logits, -inf).argmax()])
            first = stretch * _STRETCH
            place = around(first, first + _STRETCH, block.grams.length)
            logit = float(block.look(self.glance, *place)[0])
            here = stretches == stretch
            found[here] = min(max(logit, GLANCE_RANGE[0]), GLANCE_RANGE[1])
            is_open &= ~here
        return found

    def chosen(self) -> list[Suspect]:
        """The strongest of all that were seen."""
        return sorted(self.found, key=lambda one: -one.excess)[:MOST_SUSPECTS]


@dataclass(frozen=True, slots=True)
class Judged:
    """What both stages say together."""

    logit: float
    jailbreak: float | None = None
    """Logit of the kind, where a window was read."""
    suspect: Suspect | None = None
    """The window that decided, where one was read."""

    @property
    def is_clear(self) -> bool:
        """Whether it is an attack beyond doubt."""
        return self.logit >= _CLEAR


@dataclass(frozen=True, slots=True)
class Mix:
    """How the logits of both stages become one; found by the training, kept in the artefact."""

    gate: float
    """Logit of an attack from which a window is read."""
    harm_gate: float
    """Logit of harmful content from which a window is read."""
    first: float
    glance: float
    read: float
    harm: float
    offset: float
    unread: float
    """Logit of the encoder that is assumed for what it does not read."""
    worth: float = WORTH
    """Worth of a spot of a long text from which it is read."""
    rise: float = 0.0
    """What a long text of twice the length takes off its logit: it has more chances to pass."""

    def of(self, first: float, glance: float, read: float, harm: float) -> float:
        """One logit of four."""
        low, high = _RANGE
        kept = min(max(first, low), high)
        known = self.first * kept + self.glance * glance + self.read * read
        return known + self.harm * max(harm - _HARM_FROM, 0.0) + self.offset


@dataclass(frozen=True, slots=True)
class SecondStage:
    """The encoder, the model that watches for harm, and the mix."""

    encoder: Encoder
    harm: LinearModel | None
    mix: Mix

    def lookout(self) -> Lookout:
        """What collects the windows to read while the first stage judges."""
        mix = self.mix
        return Lookout(mix.gate, self.harm, mix.harm_gate, self.encoder.glance, mix.worth)

    def judge(self, found: Evidence, glanced: float, suspects: Sequence[Suspect]) -> Judged:
        """The highest logit of the windows read; of what was seen before where none is.

        The most suspicious come first, and none after one that is an attack beyond doubt.
        """
        if not suspects:
            return Judged(self.mix.of(found.logit, glanced, self.mix.unread, _HARM_FROM))
        judged = []
        for suspect in suspects:
            judged.append(self.read(suspect))
            if judged[-1].is_clear:
                break
        return max(judged, key=lambda one: one.logit)

    def read(self, suspect: Suspect) -> Judged:
        """What both stages say of one window."""
        look = suspect.block.look(self.encoder, suspect.start, suspect.end)
        row = self.encoder.judge(look)
        logit = self.mix.of(suspect.logit, suspect.glance, float(row[0]), float(row[2]))
        logit -= self.mix.rise * doublings(suspect.block.grams.length)
        return Judged(logit, float(row[1]), suspect)
