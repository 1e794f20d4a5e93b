"""Windows of rows as batches for the encoder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.encoder.network import Inputs
from tyrian.models.encoder.tokens import Tokens
from tyrian.models.features import I64, U32
from tyrian.models.windows import F32


@dataclass(frozen=True, slots=True)
class Example:
    """One window: its tokens, what it is, and how much it counts per output."""

    tokens: Tokens
    targets: F32
    importance: F32


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples side by side."""

    inputs: Inputs
    targets: Tensor
    importance: Tensor


def _joined(parts: Sequence[I64 | U32], starts: Sequence[I64]) -> tuple[Tensor, Tensor]:
    """The parts one after the other, and their starts in the whole."""
    shifts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    moved = [start + shift for start, shift in zip(starts, shifts, strict=True)]
    whole = np.concatenate(parts).astype(np.int64)
    return torch.from_numpy(whole), torch.from_numpy(np.concatenate(moved))


def inputs_of(windows: Sequence[Tokens]) -> Inputs:
    """What the encoder reads of these windows."""
    return Inputs(
        *_joined([one.buckets for one in windows], [one.starts for one in windows]),
        *_joined([one.pieces for one in windows], [one.piece_starts for one in windows]),
        torch.tensor([len(one) for one in windows]),
    )


def batch_of(examples: Sequence[Example]) -> Batch:
    """The examples side by side."""
    return Batch(
        inputs_of([e.tokens for e in examples]),
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
