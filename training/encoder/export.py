"""From the trained encoder to what the package reads."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from training.encoder.network import Encoder
from tyrian.models.encoder.network import Network, Rows
from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.windows import F32

_TABLES = frozenset({"words.weight", "bags.weight"})


def _array(values: Tensor) -> F32:
    return values.detach().cpu().numpy().astype(np.float32)


def _rounded(array: F32) -> F32:
    """What is left of a matrix when it is stored in bytes, a scale per output."""
    return Rows.of(array).take(np.arange(len(array)))


def network_of(encoder: Encoder, pieces: Sequence[str]) -> Network:
    """The same encoder in numpy, with its tables and matrices rounded to bytes."""
    weights: dict[str, F32] = {}
    for name, values in encoder.state_dict().items():
        if name in _TABLES:
            continue
        array = _array(values)
        is_matrix = array.ndim == 2 and name.endswith(".weight")
        weights[name] = np.ascontiguousarray(_rounded(array).T) if is_matrix else array
    words, bags = (Rows.of(_array(part.weight)) for part in (encoder.words, encoder.bags))
    return Network(Vocabulary.of(pieces), words, bags, weights, len(encoder.layers))
