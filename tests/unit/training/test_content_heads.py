"""Heads of harm over the encoder's layers: what they learn, and from which rows."""

import importlib
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from tyrian.models.encoder.guard import OUTPUTS

pytest.importorskip("torch")


@pytest.fixture
def heads(training: Callable[[str], ModuleType]) -> ModuleType:
    return training("content_guard.heads")


def test_heads_learn_what_tells_the_rows_apart(heads: ModuleType) -> None:
    dice = np.random.default_rng(3)
    views = dice.normal(size=(8000, 12)).astype(np.float32)
    targets = np.zeros((8000, len(OUTPUTS) - 2), dtype=np.float32)
    targets[:, 0] = targets[:, 4] = views[:, 3] > 0
    made = heads.fitted(views, targets, np.ones(8000, dtype=np.float32), "some")
    logits = made.of(views)
    assert ((logits[:, 0] > 0) == (views[:, 3] > 0)).mean() > 0.8
    assert (logits[:, 4] > logits[:, 5]).mean() > 0.4


def test_no_source_outweighs_the_others(heads: ModuleType) -> None:
    corpus = importlib.import_module("training.corpus")
    rows = [corpus.Row(f"a {n}", (), "given", "safe") for n in range(900)]
    rows += [corpus.Row(f"b {n}", ("S1",), "own_x/S1_say", "unsafe_user") for n in range(900)]
    chosen = heads.sampled(rows)
    assert len([row for row in chosen if not row.labels]) == heads.MOST_GIVEN
    assert len([row for row in chosen if row.labels]) == heads.MOST_OWN
    assert chosen == heads.sampled(rows)
