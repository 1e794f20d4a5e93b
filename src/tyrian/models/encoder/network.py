"""The arithmetic of the encoder in numpy: bags of n-grams, convolutions, attention, pooling."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tyrian.models.encoder.tokens import Tokens
from tyrian.models.features import U64
from tyrian.models.windows import F32

I8 = npt.NDArray[np.int8]
HEADS = 4
DILATIONS = (1, 2, 4)
_ZERO = np.float32(0)
_SMALL = np.float32(1e-5)


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of vectors, one signed byte per number and one scale per row."""

    codes: I8
    scales: F32

    @classmethod
    def of(cls, values: F32) -> "Rows":
        """The nearest table of bytes."""
        scales = np.maximum(np.abs(values).max(axis=1), np.float32(1e-9)) / np.float32(127)
        codes = np.rint(values / scales[:, None]).astype(np.int8)
        return cls(codes, scales.astype(np.float32))

    def take(self, rows: npt.NDArray[np.integer]) -> F32:
        """Some of the vectors."""
        vectors: F32 = self.codes[rows].astype(np.float32)
        vectors *= self.scales[rows][:, None]
        return vectors


def relu(values: F32) -> F32:
    """Nothing below zero."""
    return np.maximum(values, _ZERO)


def softmax(values: F32, axis: int) -> F32:
    """Shares that add up to one along an axis."""
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    shares: F32 = powers / powers.sum(axis=axis, keepdims=True)
    return shares


@dataclass(frozen=True, slots=True)
class Network:
    """The weights: `bags` and `vectors` as tables, everything else by name."""

    bags: Rows
    hashes: U64
    """Sorted hashes of the known words, a row of `vectors` each."""
    vectors: Rows
    weights: Mapping[str, F32]

    def logits(self, tokens: Tokens) -> F32:
        """One logit per output for the tokens of one window."""
        rows = self._normed("norm", self._embedded(tokens))
        for number, dilation in enumerate(DILATIONS):
            name = f"convolutions.{number}"
            inner = self._convolved(f"{name}.conv", self._normed(f"{name}.norm", rows), dilation)
            rows = rows + relu(inner)
        rows = self._normed("last", self._attended(rows))
        shares = softmax(self._linear("queries", rows), axis=0)
        pooled = np.concatenate(((shares.T @ rows).ravel(), rows.max(axis=0)))
        return self._linear("heads", relu(self._linear("hidden", pooled)))

    def _linear(self, name: str, rows: F32) -> F32:
        result: F32 = rows @ self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return result

    def _normed(self, name: str, rows: F32) -> F32:
        centred = rows - rows.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + _SMALL)
        result: F32 = centred / spread * self.weights[f"{name}.weight"]
        return result + self.weights[f"{name}.bias"]

    def _embedded(self, tokens: Tokens) -> F32:
        sums = np.add.reduceat(self.bags.take(tokens.buckets), tokens.starts, axis=0)
        sizes = np.diff(tokens.starts, append=len(tokens.buckets)).astype(np.float32)
        at = np.minimum(np.searchsorted(self.hashes, tokens.words), len(self.hashes) - 1)
        is_known = (self.hashes[at] == tokens.words).astype(np.float32)
        known = self.vectors.take(at) * is_known[:, None]
        rows = sums / sizes[:, None] + self._linear("known", known)
        return rows.astype(np.float32, copy=False)

    def _convolved(self, name: str, rows: F32, dilation: int) -> F32:
        padded = np.pad(rows, ((dilation, dilation), (0, 0)))
        beside = (padded[: len(rows)], rows, padded[2 * dilation :])
        return self._linear(name, np.concatenate(beside, axis=1))

    def _attended(self, rows: F32) -> F32:
        count, width = rows.shape
        mixed = self._linear("attention.mixed", self._normed("attention.norm", rows))
        query, key, value = mixed.reshape(count, 3, HEADS, width // HEADS).transpose(1, 2, 0, 3)
        near = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(width // HEADS))
        seen = (softmax(near, axis=-1) @ value).transpose(1, 0, 2).reshape(count, width)
        rows = rows + self._linear("attention.out", seen)
        inner = relu(self._linear("attention.wide", self._normed("attention.norm2", rows)))
        return rows + self._linear("attention.narrow", inner)
