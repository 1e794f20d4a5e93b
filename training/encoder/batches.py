"""Windows of rows as batches for the encoder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tyrian.models.encoder.tokens import Tokens
from tyrian.models.features import I64, U64
from tyrian.models.windows import F32


@dataclass(frozen=True, slots=True)
class Example:
    """One window: its tokens, what it is, and how much it counts per output."""

    tokens: Tokens
    known: I64
    targets: F32
    importance: F32


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples side by side."""

    buckets: Tensor
    starts: Tensor
    known: Tensor
    mask: Tensor
    targets: Tensor
    importance: Tensor

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the encoder reads."""
        return self.buckets, self.starts, self.known, self.mask


def known_rows(words: U64, hashes: U64) -> I64:
    """Row of each word among the known ones, plus one; 0 for what is not known."""
    at = np.minimum(np.searchsorted(hashes, words), len(hashes) - 1)
    return np.where(hashes[at] == words, at + 1, 0)


def batch_of(examples: Sequence[Example]) -> Batch:
    """The examples, padded to the longest."""
    longest = max(len(example.tokens) for example in examples)
    known = np.zeros((len(examples), longest), dtype=np.int64)
    mask = np.zeros((len(examples), longest, 1), dtype=np.float32)
    starts, shift = [], 0
    for row, example in enumerate(examples):
        count = len(example.tokens)
        known[row, :count] = example.known
        mask[row, :count] = 1
        starts.append(example.tokens.starts + shift)
        shift += len(example.tokens.buckets)
    buckets = np.concatenate([e.tokens.buckets for e in examples]).astype(np.int64)
    return Batch(
        torch.from_numpy(buckets),
        torch.from_numpy(np.concatenate(starts)),
        torch.from_numpy(known),
        torch.from_numpy(mask),
        torch.from_numpy(np.stack([e.targets for e in examples])),
        torch.from_numpy(np.stack([e.importance for e in examples])),
    )


def batches(examples: Sequence[Example], size: int, seed: int | None) -> Iterator[Batch]:
    """Batches of examples of like length, in random order where there is a seed."""
    lengths = np.array([len(example.tokens) for example in examples])
    if seed is None:
        order = np.argsort(lengths, kind="stable")
    else:
        noise = np.random.default_rng(seed)
        order = np.argsort(lengths * noise.uniform(0.8, 1.25, len(lengths)), kind="stable")
    groups = [order[first : first + size] for first in range(0, len(order), size)]
    if seed is not None:
        noise.shuffle(groups)
    for group in groups:
        yield batch_of([examples[int(number)] for number in group])
