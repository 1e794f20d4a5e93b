"""The second stage of content safety: the encoder's heads of harm, over windows it reads anyway.

The windows are those that the second stage of the prompt-attack model reads: both gates, of attacks
and of harm, decide for both guards, so that one reading serves both and costs once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tyrian.models.content_heads import ContentHeads
from tyrian.models.encoder.guard import HAZARDS, OUTPUTS
from tyrian.models.encoder.windows import around
from tyrian.models.features import F64
from tyrian.models.linear import Block, Evidence, LinearModel
from tyrian.models.stages import Lookout, SecondStage, Suspect
from tyrian.models.windows import F32, Grid, grid

_HARM = OUTPUTS.index("harmful")
_OWN_GATE = -1.0
"""Logit of the first stage from which its strongest window is read, however long the text is."""
_FIRST_RANGE = (-12.0, 12.0)
_READ_RANGE = (-8.0, 8.0)
"""Logits are cut to these before they are mixed, so that neither stage outvotes the other."""


@dataclass(frozen=True, slots=True)
class ContentMix:
    """How the logits of both stages become one; found by the training, kept in the artefact."""

    first: float
    read: float
    offset: float
    unread: float
    """Logit of harm that is assumed for what the encoder does not read."""
    fine: float
    """Share of the encoder's heads in saying which hazard it is, 0..1."""

    @classmethod
    def in_meta(cls, meta: Mapping[str, object]) -> "ContentMix | None":
        """The mix that an artefact of content safety brings along; None where it has none."""
        found = meta.get("mix")
        return cls(**found) if isinstance(found, dict) else None

    def of(self, first: float, read: float) -> float:
        """One logit of two."""
        return (
            self.first * float(np.clip(first, *_FIRST_RANGE))
            + self.read * float(np.clip(read, *_READ_RANGE))
            + self.offset
        )


@dataclass(slots=True)
class Sighting:
    """Sees windows for a model of attacks while that of harm judges them, and keeps its strongest.

    The gates rise with the length of a text; what the first stage finds unsafe by itself is read
    whatever the length.
    """

    lookout: Lookout
    attack: LinearModel
    strongest: Suspect | None = None
    """The window with the highest logit of harm."""

    def see(self, block: Block, windows: Grid, logits: F64) -> None:
        """Look for the strongest window; pass all on with their logits of an attack."""
        self.lookout.see(block, windows, self.attack.logits(block, windows))
        at = int(logits.argmax())
        top = float(logits[at])
        if self.strongest is None or top > self.strongest.logit:
            place = around(int(windows.starts[at]), int(windows.ends[at]), block.grams.length)
            self.strongest = Suspect(0.0, top, block, *place)

    def chosen(self) -> list[Suspect]:
        """The windows that both guards want read, and the strongest one where it is not in them."""
        found = self.lookout.chosen()
        own = self.strongest
        if own is None or own.logit < _OWN_GATE:
            return found
        first, last = own.span
        middle = (first + last) // 2
        if any(one.span[0] <= middle <= one.span[1] for one in found):
            return found
        return [*found, own]


@dataclass(frozen=True, slots=True)
class ContentJudged:
    """What both stages say together."""

    logit: float
    fine: F32
    """One logit per hazard."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ContentStage:
    """The second stage of the prompt-attack model, its first, and how harm is mixed."""

    stage: SecondStage
    attack: LinearModel
    mix: ContentMix
    heads: ContentHeads | None = None
    """Heads of its own over the encoder's layers; without them, those of the encoder."""

    def read(self, suspect: Suspect) -> F32:
        """The logits of harm and of each hazard for one window."""
        look = suspect.block.look(self.stage.encoder, suspect.start, suspect.end)
        return self.heads.of(look) if self.heads else self.stage.encoder.judge(look)[_HARM:]

    def sighting(self) -> Sighting:
        """What collects the windows to read while the first stage judges."""
        return Sighting(self.stage.lookout(), self.attack)

    def judge(
        self, found: Evidence, harm: LinearModel, suspects: Sequence[Suspect]
    ) -> ContentJudged:
        """The highest mixed logit of the windows read; of the first stage where none is.

        After an attack beyond doubt, the model of attacks reads no further window, and this one
        only those that may be harmful by what it knows itself.
        """
        place = (found.start, found.end)
        if not suspects:
            return ContentJudged(self.mix.of(found.logit, self.mix.unread), found.fine, *place)
        judged: list[tuple[float, Suspect, F32]] = []
        is_clear = False
        for suspect in suspects:
            first = highest_within(harm, suspect)
            if is_clear and first < min(self.stage.mix.harm_gate, _OWN_GATE):
                continue
            row = self.read(suspect)
            judged.append((self.mix.of(first, float(row[0])), suspect, row))
            is_clear = is_clear or self.stage.read(suspect).is_clear
        logit, suspect, row = max(judged, key=lambda one: one[0])
        first_place, last_place = suspect.span
        is_inside = first_place <= (found.start + found.end) // 2 <= last_place
        share = np.float32(self.mix.fine if is_inside and found.is_fine else 1.0)
        fine = found.fine.copy()  # a user's own model may know more classes than the encoder
        known = [harm.artefact.labels.index(hazard) for hazard in HAZARDS]
        fine[known] = (np.float32(1) - share) * fine[known] + share * row[1:]
        return ContentJudged(logit, fine, *(place if is_inside else suspect.span))


def highest_within(model: LinearModel, suspect: Suspect) -> float:
    """The highest logit of windows whose middle lies within the window of a suspect."""
    block = suspect.block
    windows = grid(block.grams.length)
    middles = (windows.starts + windows.ends) // 2
    inside = (middles >= suspect.start) & (middles <= suspect.end)
    return float(model.logits(block, windows)[inside].max())
