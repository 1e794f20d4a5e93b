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
_ONE_THREAD = 1 << 18
"""Multiplications up to which OpenBLAS stays on the thread that calls."""


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


def product(rows: F32, weights: F32) -> F32:
    """Rows times weights, in pieces that the linear algebra library leaves on one thread.

    Matrices of this size gain nothing from threads: waking them costs more than the product.
    """
    if rows.ndim == 1:
        single: F32 = np.einsum("i,ij->j", rows, weights)
        return single
    step = max(2, _ONE_THREAD // weights.size)
    whole = len(rows) // step * step
    result = np.empty((len(rows), weights.shape[1]), dtype=np.float32)
    if whole:
        pieces = rows[:whole].reshape(-1, step, rows.shape[1])
        np.matmul(pieces, weights, out=result[:whole].reshape(-1, step, weights.shape[1]))
    if len(rows) - whole == 1:
        result[whole] = np.einsum("i,ij->j", rows[whole], weights)
    elif whole < len(rows):
        np.matmul(rows[whole:], weights, out=result[whole:])
    return result


def attended(query: F32, key: F32, value: F32) -> F32:
    """Attention of (heads, tokens, width) each, some tokens at a time for the same reason."""
    heads, count, width = query.shape
    step = max(2, _ONE_THREAD // (count * width))
    turned = key.transpose(0, 2, 1) / np.float32(np.sqrt(width))
    result = np.empty((heads, count, width), dtype=np.float32)
    for first in range(0, count, step):
        near = query[:, first : first + step] @ turned
        result[:, first : first + step] = softmax(near, axis=-1) @ value
    return result


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
        result = product(rows, self.weights[f"{name}.weight"])
        result += self.weights[f"{name}.bias"]
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
        seen = attended(query, key, value).transpose(1, 0, 2).reshape(count, width)
        rows = rows + self._linear("attention.out", seen)
        inner = relu(self._linear("attention.wide", self._normed("attention.norm2", rows)))
        return rows + self._linear("attention.narrow", inner)
