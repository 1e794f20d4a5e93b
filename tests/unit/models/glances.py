"""Glances for tests: one with random weights, and one that always says the same."""

from dataclasses import dataclass, field

import numpy as np

from tyrian.models.encoder.glance import QUERIES, Glance
from tyrian.models.encoder.network import Rows
from tyrian.models.encoder.pieces import UNKNOWN, Vocabulary
from tyrian.models.features import Grams
from tyrian.models.windows import F32

WIDTH, HIDDEN = 6, 5


def random_glance(vocabulary: Vocabulary, seed: int = 4) -> Glance:
    """A glance of the true shape with random weights."""
    noise = np.random.default_rng(seed)

    def normal(*shape: int) -> F32:
        return noise.normal(0.0, 0.3, shape).astype(np.float32)

    count = len(vocabulary.numbers)
    shares = np.pad(np.exp(normal(count, QUERIES)), ((0, 0), (1, 0)), constant_values=1)
    weights = {
        "hidden.weight": normal((QUERIES + 2) * WIDTH, HIDDEN),
        "hidden.bias": normal(HIDDEN),
        "out.weight": normal(HIDDEN, 1),
        "out.bias": normal(1),
    }
    return Glance(vocabulary, Rows.of(normal(count, WIDTH)), shares, weights)


@dataclass(frozen=True)
class SteadyGlance(Glance):
    """Says the same of every window, and keeps their places."""

    logit: float = 0.0
    seen: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, logit: float) -> "SteadyGlance":
        """One that says this."""
        random = random_glance(Vocabulary.of([UNKNOWN]))
        return cls(random.vocabulary, random.words, random.shares, random.weights, logit)

    def look(self, grams: Grams, start: int, end: int) -> F32:
        self.seen.append((start, end))
        return np.array([self.logit], dtype=np.float32)
