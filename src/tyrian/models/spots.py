"""Where in a long text the second stage looks: at its few most suspicious sentences.

Among many windows some ordinary one always passes the threshold of the first stage, mostly one of a
page, and tells nothing. An order that was planted shows in windows of its own size, and a glance at
these few words alone, without what stands around, tells it from other sentences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from tyrian.models.encoder.glance import GLANCE_RANGE, Glance
from tyrian.models.encoder.windows import WIDTH, around
from tyrian.models.features import F64
from tyrian.models.linear import Block
from tyrian.models.windows import SIZES, Grid

LONG = max(SIZES)
"""Characters above which a text is searched for spots."""
WORTH = 0.75
"""Worth from which a spot is read, where the artefact does not say."""
_HANDICAPS: Final = np.array((0.0, 0.0, 1.5, 4.0))
"""What is taken off a window's logit, by its size: the larger, the higher are ordinary ones."""
_SENTENCES = 2
"""Sizes of windows, from the smallest, that hold only a few sentences."""
NARROW = 320
"""Characters that are read around a few sentences: more would drown them, and cost more."""
_DOUBT = 1.25
"""What is taken off a logit that speaks against the glance."""
_MOST = 8
"""Spots of a block of text that are glanced at."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A window of a long text that stands out."""

    logit: float
    """The highest around it, less what ordinary windows of that size have."""
    glance: float
    """The logit of an attack at a glance at its own words, as far as they are read."""
    width: int
    """How many characters around it are read."""

    @property
    def worth(self) -> float:
        """By how much it asks to be read; no glance talks it out of a high logit."""
        return max((self.logit + self.glance) / 2, self.logit - _DOUBT)


def spots_in(
    block: Block, windows: Grid, logits: F64, glance: Glance, worth: float
) -> Mapping[int, Spot]:
    """The windows that stand out and may be worth so much, by their numbers, none near another."""
    found: dict[int, Spot] = {}
    middles = (windows.starts + windows.ends) // 2
    heights = logits - _HANDICAPS[windows.sizes]
    left = heights.copy()
    low, high = GLANCE_RANGE
    for _ in range(_MOST):
        at = int(left.argmax())
        if left[at] <= 2 * worth - high:
            break
        place = int(windows.starts[at]), int(windows.ends[at])
        width = NARROW if windows.sizes[at] < _SENTENCES else WIDTH
        start, end = around(*place, block.grams.length, width)
        inside = (middles >= start) & (middles <= end)
        seen_place = place if place[1] - place[0] <= width else (start, end)
        seen = min(max(float(block.look(glance, *seen_place)[0]), low), high)
        found[at] = Spot(float(heights[inside].max()), seen, width)
        left[inside] = -inf
    return found
