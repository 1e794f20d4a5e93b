"""The second stage of the embedded models: reads the windows of which the first is not sure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import exp
from pathlib import Path
from typing import Protocol

import numpy as np

from tyrian.models.artefact import members, shipped
from tyrian.models.encoder.glance import Glance
from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.encoder.storage import glance_in, network_in
from tyrian.models.encoder.tokens import Tokens, tokens_of
from tyrian.models.encoder.windows import at_most
from tyrian.models.features import Grams, grams_of
from tyrian.models.windows import F32

FORMAT = 4
NAME = "encoder"
HAZARDS = tuple(f"S{number}" for number in range(1, 15))
OUTPUTS = ("attack", "jailbreak", "harmful", *HAZARDS)


class Layers(Protocol):
    """What turns the tokens of a window into one logit per output, in two steps."""

    def pooled(self, tokens: Tokens) -> F32:
        """What the layers make of a window, in one row; nearly all of the cost."""

    def heads(self, pooled: F32) -> F32:
        """The logits of `OUTPUTS`."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A small network over words with one head per label."""

    network: Layers
    vocabulary: Vocabulary
    revision: str
    meta: Mapping[str, object] = field(repr=False)
    mixes: Mapping[str, Mapping[str, float]]
    """Per origin of a text, how its logit and that of the first stage become one; see `Mix`."""
    glance: Glance | None = None
    """What a glance at the words says, before anything is read."""

    def look(self, grams: Grams, start: int, end: int) -> F32:
        """What the layers make of a window of the compacted text, for heads to judge."""
        return self.network.pooled(tokens_of(grams, start, end, at_most(), self.vocabulary))

    def judge(self, look: F32) -> F32:
        """The logits of `OUTPUTS` for what the layers made of a window."""
        return self.network.heads(look)

    def read(self, grams: Grams, start: int, end: int) -> F32:
        """The logits of `OUTPUTS` for a window of the compacted text."""
        return self.judge(self.look(grams, start, end))

    def hazards(self, text: str) -> dict[str, float]:
        """The probability of each hazard in a text; only its first window is read."""
        grams = grams_of(text)
        return hazards_in(self.read(grams, 0, grams.length))


def hazards_in(logits: F32) -> dict[str, float]:
    """The probability of each hazard by the logits of a window.

    The likeliest hazard gets the whole probability of harm, the others their share.
    """
    odds = 1.0 / (1.0 + np.exp(-logits[3:].astype(np.float64)))
    unsafe = 1.0 / (1.0 + exp(-float(logits[2]))) / float(odds.max())
    return {label: unsafe * float(one) for label, one in zip(HAZARDS, odds, strict=True)}


def parse(source: bytes | Path) -> Encoder:
    """An encoder from its bytes or file; ValueError where it is not one of ours."""
    meta, arrays = members(source)
    if meta.get("format") != FORMAT or tuple(meta.get("outputs", ())) != OUTPUTS:
        raise ValueError("this encoder was made for another version of the package")
    network = network_in(arrays)
    words = network.vocabulary
    glance = glance_in(arrays, words)
    return Encoder(network, words, str(meta["revision"]), meta, meta["mixes"], glance)


@cache
def embedded_encoder() -> Encoder:
    """The shipped encoder, read once per process."""
    return parse(shipped(NAME))
