"""Heads of harm and of hazards over the encoder's layers, learnt from more rows than the layers."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from tyrian.models.artefact import dump, members
from tyrian.models.encoder.guard import HAZARDS, Layers
from tyrian.models.encoder.network import Network, Rows
from tyrian.models.windows import F32

FORMAT = 1
NAME = "content-heads"


@dataclass(frozen=True, slots=True, repr=False)
class ContentHeads:
    """One hidden layer, and a logit of harm and of each hazard on top of it."""

    hidden: F32
    """(width of what the encoder makes of a window, neurons)"""
    hidden_bias: F32
    heads: F32
    """(neurons, 15)"""
    heads_bias: F32
    layers: str
    """Which layers they were learnt on, see `layers_of`; with others they mean nothing."""

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
    return dump(arrays, {**about, "format": FORMAT, "labels": HAZARDS, "layers": heads.layers})


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
        str(meta["layers"]),
    )


def layers_of(network: Layers) -> str:
    """A short digest of the layers, by their norms and biases; heads and tables do not count."""
    total = hashlib.blake2b(digest_size=8)
    if isinstance(network, Network):
        for name in sorted(network.weights):
            array = network.weights[name]
            if array.ndim == 1 and not name.startswith(("hidden", "heads")):
                total.update(name.encode() + array.astype(np.float16).tobytes())
    return total.hexdigest()


def embedded_heads(network: Layers) -> ContentHeads | None:
    """The shipped heads; None where they were learnt on other layers."""
    place = files("tyrian.models").joinpath("data", f"{NAME}.npz")
    if not place.is_file():
        return None
    heads = parse_heads(place.read_bytes())
    return heads if heads.layers == layers_of(network) else None
