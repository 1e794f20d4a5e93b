"""Heads of harm over the encoder's layers: what they learn, and from which rows."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tyrian.models.encoder.guard import OUTPUTS

pytest.importorskip("torch")
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def beside_the_repository() -> Iterator[None]:
    """`training` is no part of the package; it is imported from the repository's root."""
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


@pytest.fixture
def heads() -> ModuleType:
    return importlib.import_module("training.content_guard.heads")


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
