"""The arithmetic of the encoder in numpy: word pieces and n-grams, layers of attention, pooling."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.encoder.threads import threads
from tyrian.models.encoder.tokens import Tokens
from tyrian.models.windows import F32

I8 = npt.NDArray[np.int8]
HEADS = 12
_ZERO = np.float32(0)
_SMALL = np.float32(1e-12)
_FAR = np.float32(80)
"""Beyond this, an exponential or its sum leaves single precision."""


@dataclass(frozen=True, slots=True, repr=False)
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
    """Nothing below zero; the values given are overwritten."""
    return np.maximum(values, _ZERO, out=values)


def softmax(values: F32, axis: int) -> F32:
    """Shares that add up to one along an axis; the values given are overwritten."""
    values -= values.max(axis=axis, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=axis, keepdims=True)
    return values


def attended(query: F32, key: F32, value: F32) -> F32:
    """Attention of (heads, tokens, width) each; what is nearer than `_FAR` counts as that near."""
    near = query @ (key.transpose(0, 2, 1) / np.float32(np.sqrt(key.shape[2])))
    np.exp(np.clip(near, -_FAR, _FAR, out=near), out=near)
    seen: F32 = near @ value
    seen /= near.sum(axis=-1, keepdims=True)
    return seen


def means(table: Rows, rows: npt.NDArray[np.integer], starts: npt.NDArray[np.int64]) -> F32:
    """The mean of the vectors of each group of rows; the groups begin at `starts`."""
    sums = np.add.reduceat(table.take(rows), starts, axis=0)
    sums /= np.diff(starts, append=len(rows)).astype(np.float32)[:, None]
    return sums


@dataclass(frozen=True, slots=True, repr=False)
class Network:
    """The weights: word pieces and bags of n-grams as tables, everything else by name."""

    vocabulary: Vocabulary
    words: Rows
    """A row per piece of the vocabulary."""
    bags: Rows
    weights: Mapping[str, F32]
    depth: int
    """Layers of attention."""

    def logits(self, tokens: Tokens) -> F32:
        """One logit per output for the tokens of one window."""
        return self.heads(self.pooled(tokens))

    def heads(self, pooled: F32) -> F32:
        """One logit per output for what the layers made of a window."""
        with threads().one():
            return self._linear("heads", relu(self._linear("hidden", pooled)))

    def pooled(self, tokens: Tokens) -> F32:
        """What the layers make of the tokens of one window, in one row."""
        with threads().one():
            rows = self._embedded(tokens)
            for number in range(self.depth):
                rows = self._layer(f"layers.{number}", rows)
            shares = softmax(self._linear("queries", rows), axis=0)
            return np.concatenate((rows[0], (shares.T @ rows).ravel(), rows.max(axis=0)))

    def _linear(self, name: str, rows: F32) -> F32:
        result: F32 = rows @ self.weights[f"{name}.weight"]
        result += self.weights[f"{name}.bias"]
        return result

    def _normed(self, name: str, rows: F32) -> F32:
        rows -= rows.mean(axis=-1, keepdims=True)
        squares = np.einsum("ij,ij->i", rows, rows) / np.float32(rows.shape[1])
        rows /= np.sqrt(squares + _SMALL)[:, None]
        rows *= self.weights[f"{name}.weight"]
        rows += self.weights[f"{name}.bias"]
        return rows

    def _embedded(self, tokens: Tokens) -> F32:
        """A row per token, with one before the first and one after the last."""
        places = self.weights["places"]
        rows = np.empty((len(tokens) + 2, places.shape[1]), dtype=np.float32)
        rows[0], rows[-1] = self.weights["edges"]
        bags = means(self.bags, tokens.buckets, tokens.starts)
        rows[1:-1] = means(self.words, tokens.pieces, tokens.piece_starts)
        rows[1:-1] += bags @ self.weights["bag.weight"]
        rows += places[: len(rows)]
        return self._normed("norm", rows)

    def _layer(self, name: str, rows: F32) -> F32:
        count, width = rows.shape
        mixed = self._linear(f"{name}.mixed", rows)
        query, key, value = mixed.reshape(count, 3, HEADS, width // HEADS).transpose(1, 2, 0, 3)
        seen = attended(query, key, value).transpose(1, 0, 2).reshape(count, width)
        rows = self._normed(f"{name}.norm", rows + self._linear(f"{name}.out", seen))
        inner = relu(self._linear(f"{name}.wide", rows))
        return self._normed(f"{name}.norm2", rows + self._linear(f"{name}.narrow", inner))
