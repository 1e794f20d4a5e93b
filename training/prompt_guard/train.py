"""Train the embedded prompt-attack model.

    python -m training.prompt_guard.train --data ../shared/data/guard

Writes src/tyrian/models/data/prompt-guard.npz and prints the figures of the model card.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.calibrate import auc, slope_for, thresholds_at
from training.corpus import Row, read_rows
from training.documents import documents_of as documents_of
from training.inputs import artefact_path, given_data, training_digest_of
from training.linear import Head, Matrix, Sample, fit_head, rarity
from training.mining import first_samples, importance, merged, raw_scores, strongest
from training.prompt_guard.rows import training_rows
from tyrian.models.artefact import FORMAT, dump, pack, unpack
from tyrian.models.features import F64, Grams
from tyrian.models.windows import F32, SIZES

SEED = 20260
FINE_SIZE = 1 << 15
STRENGTH = 16.0
RATE = 0.0075
NAME = "prompt-guard"
HARMFUL, HARMFUL_COUNTS = "plain_harmful", 0.2
"""Kind of what is harmful and no attack, and how much it counts here.

A sum of weights cannot tell a frame around harm from harm alone, so either both score or neither
does. The threshold keeps most plain ones out, and the second stage tells them apart.
"""
CORE, CORE_COUNTS = frozenset({"gen_core", "gen_override", "gen_override_core"}), 4.0
"""Sources of plain overrides, and how much they count: none may be missed, wherever it stands."""
QUOTES = "benign_quote"
"""Benign texts that quote attacks: no window of the quote could be told from an attack here."""


def fit(rows: Sequence[Row], documents: Sequence[Grams]) -> tuple[Head, Matrix, list[Sample]]:
    """The main head: fit, look where it is strongest, fit again on those windows too."""
    attack = np.array([bool(row.labels) for row in rows])
    rare = rarity(documents)
    first = first_samples(rows, documents, SEED)
    samples = first
    for last in (False, True):
        matrix = Matrix.of(documents, samples)
        targets = np.array([attack[s.document] for s in samples], dtype=np.float32)
        weights = _counting(rows, samples, importance(samples, targets), targets)
        head = fit_head(matrix, targets, weights, rare, strength=STRENGTH)
        if not last:
            samples = merged(first, strongest(head, rows, documents))
    return head, matrix, samples


def _counting(rows: Sequence[Row], samples: Sequence[Sample], weights: F32, targets: F32) -> F32:
    """The weights with what counts less or more; both classes count the same in all."""
    harmful = np.array([rows[s.document].kind == HARMFUL for s in samples])
    core = np.array([rows[s.document].source in CORE for s in samples])
    found = weights * np.where(harmful, HARMFUL_COUNTS, np.where(core, CORE_COUNTS, 1.0))
    found = found.astype(np.float32)
    found[targets == 1] *= found[targets == 0].sum() / found[targets == 1].sum()
    return found


def fit_kind(rows: Sequence[Row], matrix: Matrix, samples: Sequence[Sample]) -> Head:
    """The finer head: jailbreak (1) or injection (0), learnt from attacks only."""
    chosen = np.array([i for i, s in enumerate(samples) if rows[s.document].labels])
    kinds = [rows[samples[i].document].kind for i in chosen]
    targets = np.array(["jailbreak" in kind for kind in kinds], dtype=np.float32)
    folded = matrix.rows(chosen).folded(FINE_SIZE)
    weights = importance([samples[i] for i in chosen], targets)
    flat = np.ones(FINE_SIZE, dtype=np.float32)
    return fit_head(folded, targets, weights, flat, strength=1.0, rounds=30)


def figures(rows: Sequence[Row], margins: F64) -> dict[str, object]:
    """AUC, and per source the share above the threshold."""
    attack = np.array([bool(row.labels) for row in rows])
    shares: dict[str, dict[str, float]] = {}
    for source in sorted({row.source for row in rows}):
        for name, want in (("recall", True), ("false_positives", False)):
            of = np.array([row.source == source for row in rows]) & (attack == want)
            if of.any():
                share = round(float((margins[of] > 0).mean()), 4)
                shares.setdefault(source, {})[name] = share
    limit = np.quantile(margins[~attack], 0.99)
    return {
        "auc": round(auc(margins[attack], margins[~attack]), 4),
        "recall_at_1_percent": round(float((margins[attack] > limit).mean()), 4),
        "sources": shares,
    }


def artefact_of(rows: Sequence[Row], dev: Sequence[Row], training_digest: str) -> bytes:
    """The bytes of the artefact that these rows make, with its threshold from the dev rows."""
    documents, dev_documents = documents_of(rows), documents_of(dev)
    head, matrix, samples = fit(rows, documents)
    kind = fit_kind(rows, matrix, samples)
    codes, scale = pack(head.weights)
    raw = raw_scores(unpack(codes, scale), dev_documents)
    attack = np.array([bool(row.labels) for row in dev])
    limits = thresholds_at(raw[~attack], RATE)
    margins = (raw - limits).max(axis=1)
    slope = slope_for(margins, attack)
    fine_codes, fine_scale = pack(kind.weights)
    meta = {
        "format": FORMAT,
        "sizes": SIZES,
        "labels": ["jailbreak"],
        "revision": f"prompt-guard-embedded-{training_digest[:12]}",
        "training_digest": training_digest,
        "rows": len(rows),
        "windows": len(samples),
        "dev": figures(dev, margins),
    }
    arrays = {
        "main": codes,
        "main_scale": np.float64(scale),
        "thresholds": limits,
        "slope": np.float64(slope),
        "fine": fine_codes[None, :],
        "fine_scale": np.array([fine_scale]),
        "fine_bias": np.array([kind.bias], dtype=np.float32),
    }
    print(json.dumps({**meta, "slope": slope, "thresholds": limits.tolist()}, indent=1))
    return dump({name: np.asarray(array) for name, array in arrays.items()}, meta)


def train(data: Path) -> bytes:
    """The bytes of the artefact."""
    dev = read_rows(data / "injection_dev.jsonl.gz")
    rows = [row for row in training_rows(data, SEED) if row.kind != QUOTES]
    return artefact_of(rows, dev, training_digest_of(NAME, data))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--out", type=Path, default=artefact_path(NAME))
    options = parser.parse_args()
    options.out.write_bytes(train(options.data))


if __name__ == "__main__":
    main()
