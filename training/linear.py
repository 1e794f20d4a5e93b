"""Fit linear heads over hashed n-grams of windows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from tyrian.models.features import TABLE_SIZE, Grams
from tyrian.models.windows import F32, buckets_of

F64 = npt.NDArray[np.float64]
COLUMNS = 2 * TABLE_SIZE


@dataclass(frozen=True, slots=True)
class Sample:
    """One window of one document, to learn from."""

    document: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Windows as rows, buckets as columns; rows are divided by the root of their gram count."""

    counts: csr_matrix
    scale: F32

    @classmethod
    def of(cls, documents: Sequence[Grams], samples: Sequence[Sample]) -> "Matrix":
        """Collect the buckets of the samples' windows."""
        parts, sizes, lengths = [], [], []
        for sample in samples:
            buckets, count = buckets_of(documents[sample.document], sample.start, sample.end)
            parts.append(buckets)
            sizes.append(count)
            lengths.append(len(buckets))
        indices = np.concatenate(parts).astype(np.int32)
        pointers = np.concatenate(([0], np.cumsum(lengths)))
        ones = np.ones(len(indices), dtype=np.float32)
        counts = csr_matrix((ones, indices, pointers), shape=(len(samples), COLUMNS))
        return cls(counts, (1.0 / np.sqrt(sizes)).astype(np.float32))

    def dot(self, weights: F32) -> F32:
        """The score of each row."""
        scores: F32 = self.counts.dot(weights) * self.scale
        return scores

    def back(self, gradient: F32) -> F32:
        """The gradient of the weights."""
        weights: F32 = self.counts.T.dot(gradient * self.scale)
        return weights

    def rows(self, chosen: npt.NDArray[np.int64]) -> "Matrix":
        """Some of the rows."""
        return Matrix(self.counts[chosen], self.scale[chosen])

    def folded(self, size: int) -> "Matrix":
        """The same rows with buckets folded into `size` columns."""
        old = self.counts
        shape = (old.shape[0], size)
        parts = (old.data, old.indices & (size - 1), old.indptr)
        return Matrix(csr_matrix(parts, shape=shape), self.scale)


def rarity(documents: Sequence[Grams]) -> F32:
    """Inverse document frequency per bucket; 0 for what only one document has."""
    seen = np.zeros(COLUMNS, dtype=np.int64)
    for grams in documents:
        seen[np.unique(buckets_of(grams, 0, grams.length)[0])] += 1
    inverse = np.log((1.0 + len(documents)) / (1.0 + seen))
    inverse = np.where(seen < 2, 0.0, inverse / inverse.max())
    return inverse.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Head:
    """One fitted direction: weights by bucket, and a bias."""

    weights: F32
    bias: float


def fit_head(
    matrix: Matrix, targets: F32, importance: F32, rare: F32, *, strength: float, rounds: int = 60
) -> Head:
    """Logistic regression; `strength` is the inverse of the weight decay, as C elsewhere."""
    total = float(importance.sum())

    def loss(point: F64) -> tuple[float, F64]:
        weights = (point[:-1] * rare).astype(np.float32)
        margins = (matrix.dot(weights) + np.float32(point[-1])) * (2 * targets - 1)
        cost = float((importance * np.logaddexp(0.0, -margins)).sum()) / total
        slope = -importance / (1.0 + np.exp(np.clip(margins, -60, 60))) * (2 * targets - 1) / total
        gradient = np.empty_like(point)
        gradient[:-1] = matrix.back(slope.astype(np.float32)) * rare
        gradient[-1] = float(slope.sum())
        decay = 1.0 / (strength * len(targets))
        gradient[:-1] += decay * point[:-1]
        return cost + 0.5 * decay * float(point[:-1] @ point[:-1]), gradient

    start = np.zeros(matrix.counts.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": rounds})
    return Head((found.x[:-1] * rare).astype(np.float32), float(found.x[-1]))
