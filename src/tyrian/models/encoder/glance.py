"""A glance at the words of a window: static embeddings of their pieces, pooled, and a small head.

It costs a fiftieth of reading the window, and knows words by what they mean, not their order. With
the first stage, which knows how words are written and what stands beside them, it says which
windows are worth reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tyrian.models.encoder.network import Rows, relu
from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.encoder.tokens import pieces_of, places_of
from tyrian.models.features import Grams
from tyrian.models.windows import F32

QUERIES = 3
GLANCE_RANGE = (-5.0, 5.0)
"""The logit of a glance is cut to this before it counts."""
_FEW = np.float32(1e-3)
_MEAN = np.float32(3)


@dataclass(frozen=True, slots=True, repr=False)
class Glance:
    """Vectors and shares by piece of the encoder's vocabulary, and the weights of the head."""

    vocabulary: Vocabulary
    words: Rows
    shares: F32
    """(pieces, 1 + QUERIES) how much each piece counts: once in the sum, and by its shares, all
    above zero, in the means."""
    weights: Mapping[str, F32]

    def look(self, grams: Grams, start: int, end: int) -> F32:
        """(1,) the logit of an attack in a window of the compacted text."""
        starts, ends, _ = places_of(grams, max(start, 1), end, end - start)
        pieces, _ = pieces_of(grams, starts, ends, self.vocabulary)
        vectors, shares = self.words.take(pieces), self.shares[pieces]
        totals = shares.sum(axis=0) + _FEW
        sums = shares.T @ vectors
        tamed = sums[0] / (np.sqrt(totals[0] + 1) * _MEAN)
        means = sums[1:] / totals[1:, None]
        return self._head(np.concatenate((tamed, means.ravel(), vectors.max(axis=0))))

    def _head(self, features: F32) -> F32:
        inner = relu(features @ self.weights["hidden.weight"] + self.weights["hidden.bias"])
        logits: F32 = inner @ self.weights["out.weight"] + self.weights["out.bias"]
        return logits
