"""Heads of harm and of hazards over the encoder's layers, learnt from more rows than the layers."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from tyrian.models.artefact import dump, members
from tyrian.models.encoder.guard import HAZARDS
from tyrian.models.encoder.network import Rows
from tyrian.models.windows import F32

FORMAT = 1
NAME = "content-heads"


@dataclass(frozen=True, slots=True)
class ContentHeads:
    """One hidden layer, and a logit of harm and of each hazard on top of it."""

    hidden: F32
    """(width of what the encoder makes of a window, neurons)"""
    hidden_bias: F32
    heads: F32
    """(neurons, 15)"""
    heads_bias: F32
    encoder: str
    """Revision of the encoder whose layers they were learnt on; with others they mean nothing."""

    def of(self, look: F32) -> F32:
        """The logit of harm, then one per hazard."""
        inner = np.maximum(look @ self.hidden + self.hidden_bias, np.float32(0))
        logits: F32 = inner @ self.heads + self.heads_bias
        return logits


def dumped(heads: ContentHeads, about: dict[str, object]) -> bytes:
    """The bytes of an artefact: the hidden layer in bytes with a scale per neuron."""
    rows = Rows.of(np.ascontiguousarray(heads.hidden.T))
    arrays: dict[str, npt.NDArray[Any]] = {
        "hidden": rows.codes,
        "hidden_scale": rows.scales,
        "hidden_bias": heads.hidden_bias,
        "heads": heads.heads,
        "heads_bias": heads.heads_bias,
    }
    return dump(arrays, {**about, "format": FORMAT, "labels": HAZARDS, "encoder": heads.encoder})


def parse_heads(data: bytes) -> ContentHeads:
    """Heads from their bytes; ValueError where they are none of ours."""
    meta, arrays = members(data)
    if meta.get("format") != FORMAT or tuple(meta.get("labels", ())) != HAZARDS:
        raise ValueError("these heads were made for another version of the package")
    hidden = Rows(arrays["hidden"], arrays["hidden_scale"])
    return ContentHeads(
        np.ascontiguousarray(hidden.take(np.arange(len(hidden.codes))).T),
        arrays["hidden_bias"],
        arrays["heads"],
        arrays["heads_bias"],
        str(meta["encoder"]),
    )


def embedded_heads(encoder: str) -> ContentHeads | None:
    """The shipped heads; None where they were learnt on another revision of the encoder."""
    place = files("tyrian.models").joinpath("data", f"{NAME}.npz")
    if not place.is_file():
        return None
    heads = parse_heads(place.read_bytes())
    return heads if heads.encoder == encoder else None
