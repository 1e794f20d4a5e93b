"""What runs windows of tokens through a classifier: torch, ONNX Runtime."""

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ids = tuple[int, ...]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


class WindowModel(Protocol):
    """Gives the class probabilities of windows; called by one thread at a time."""

    @property
    def revision(self) -> str:
        """Identity of the weights and of what was done to them."""

    @property
    def max_tokens(self) -> int:
        """Most tokens of a window, special ones among them."""

    @property
    def group(self) -> int:
        """Windows of one text that are worth judging together: 1 on a CPU, many on a GPU."""

    @property
    def batch_tokens(self) -> int:
        """Most tokens, padding among them, of one call."""

    def probabilities(self, batch: Sequence[Ids]) -> F64:
        """Probabilities [windows, classes], each row summing to 1."""


def default_threads() -> int:
    """Half of the processors that this process may use: the rest is for everything else."""
    return max(1, len(os.sched_getaffinity(0)) // 2 if hasattr(os, "sched_getaffinity") else 1)


def padded(batch: Sequence[Ids], pad_id: int) -> tuple[I64, I64]:
    """Ids and mask, [windows, longest], padded on the right."""
    longest = max(map(len, batch))
    ids = np.full((len(batch), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(batch), longest), dtype=np.int64)
    for row, window in enumerate(batch):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask


def softmax(logits: npt.NDArray[np.floating]) -> F64:
    """Probabilities of each row of logits."""
    wide = logits.astype(np.float64)
    raised = np.exp(wide - wide.max(axis=1, keepdims=True))
    found: F64 = raised / raised.sum(axis=1, keepdims=True)
    return found
