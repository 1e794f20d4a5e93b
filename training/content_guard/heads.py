"""Train heads of harm and hazards over the encoder, on many more rows than its layers learnt from.

    python -m training.content_guard.heads --data ../shared/data/guard

Writes src/tyrian/models/data/content-heads.npz. To be run after `training.encoder.train` and before
`training.content_guard.mix`; it takes some minutes. The layers stay as they are: what they make of
each row is worked out once, and a small network learns from that.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from training.content_guard.rows import is_own, is_written
from training.content_guard.train import gather
from training.corpus import Row, prepared
from training.inputs import artefact_path, given_data
from tyrian.models.content_heads import NAME, ContentHeads, dumped, layers_of
from tyrian.models.encoder.guard import HAZARDS, Encoder, embedded_encoder
from tyrian.models.encoder.windows import WIDTH
from tyrian.models.features import grams_of
from tyrian.models.windows import F32

SEED = 20264
MOST_GIVEN, MOST_OWN, MOST_LONG = 80, 22, 60
"""Rows of a source and side: given, of the phrase tables, and those made of several sentences."""
MANY = ("own_errands", "own_contrast", "own_functions")
"""Families whose few sections hold many texts."""
MOST_MANY, MOST_WRITTEN = 100, 260
_LONG = ("own_passages", "own_carried")
NEURONS = 96
EPOCHS = 8
_OWN = 0.5
"""How much a row of the phrase tables counts beside a given one."""
_SMOOTH = 0.02
_BATCH = 128
_HAZARDS_COUNT = 0.5


def sampled(rows: Sequence[Row], seed: int = SEED) -> list[Row]:
    """Rows of every source, of none too many."""
    groups: dict[tuple[str, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.source, bool(row.labels)), []).append(row)
    pick = random.Random(seed)
    found: list[Row] = []
    for key in sorted(groups):
        group = groups[key]
        found += pick.sample(group, min(_most(group[0]), len(group)))
    return found


def _most(row: Row) -> int:
    if is_written(row):
        return MOST_WRITTEN
    if row.family in MANY:
        return MOST_MANY
    if row.family in _LONG:
        return MOST_LONG
    return MOST_OWN if is_own(row) else MOST_GIVEN


def seen(encoder: Encoder, rows: Sequence[Row]) -> F32:
    """What the layers make of the first window of each row: (rows, width)."""
    found = []
    for row in rows:
        grams = grams_of(prepared(row.text[: 2 * WIDTH]))
        found.append(encoder.look(grams, 0, min(grams.length, WIDTH)).astype(np.float16))
    return np.stack(found).astype(np.float32)


def targets_of(rows: Sequence[Row]) -> F32:
    """Harm, then each hazard: (rows, 15) of 0 and 1."""
    return np.array(
        [[bool(row.labels), *(hazard in row.labels for hazard in HAZARDS)] for row in rows],
        dtype=np.float32,
    )


def fitted(views: F32, targets: F32, counts: F32, layers: str) -> ContentHeads:
    """The heads, fitted to rows that count so much each."""
    torch.manual_seed(SEED)
    middle, spread = views.mean(axis=0), views.std(axis=0) + np.float32(1e-3)
    inputs = torch.from_numpy((views - middle) / spread)
    wanted = torch.from_numpy(targets * (1 - 2 * _SMOOTH) + _SMOOTH)
    weights = torch.from_numpy(counts)
    wide = nn.Linear(views.shape[1], NEURONS)
    narrow = nn.Linear(NEURONS, targets.shape[1])
    net = nn.Sequential(wide, nn.ReLU(), nn.Dropout(0.3), narrow)
    each = max(len(views) // _BATCH, 1)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=EPOCHS * each + 1)
    net.train()
    for _ in range(EPOCHS):
        order = torch.randperm(len(views))
        for at in range(0, each * _BATCH, _BATCH):
            batch = order[at : at + _BATCH]
            lost = binary_cross_entropy_with_logits(
                net(inputs[batch]), wanted[batch], reduction="none"
            )
            loss = ((lost[:, 0] + _HAZARDS_COUNT * lost[:, 1:].sum(1)) * weights[batch]).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            pace.step()
    first = wide.weight.detach().numpy() / spread
    bias = wide.bias.detach().numpy() - first @ middle
    return ContentHeads(
        np.ascontiguousarray(first.T),
        bias,
        np.ascontiguousarray(narrow.weight.detach().numpy().T),
        narrow.bias.detach().numpy(),
        layers,
    )


def heads_of(encoder: Encoder, rows: Sequence[Row]) -> ContentHeads:
    """Heads learnt on what this encoder makes of rows of every source."""
    chosen = sampled(rows)
    views = seen(encoder, chosen)
    return fitted(views, targets_of(chosen), counts_of(chosen), layers_of(encoder.network))


def counts_of(rows: Sequence[Row]) -> F32:
    """How much each row counts."""
    return np.array([_OWN if is_own(row) else 1.0 for row in rows], dtype=np.float32)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--out", type=Path, default=artefact_path(NAME))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    heads = heads_of(embedded_encoder(), gather(options.data))
    options.out.write_bytes(dumped(heads, {}))


if __name__ == "__main__":
    main()
