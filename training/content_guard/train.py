"""Train the embedded content-safety model.

    python -m training.content_guard.train --data ../shared/data/guard

Writes src/tyrian/models/data/content-guard.npz and prints the figures of the model card.
"""

import argparse
import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from training.calibrate import slope_for, thresholds_at
from training.content_guard.phrases import Keep
from training.content_guard.rows import every, is_own, training_rows
from training.corpus import Row, read_rows
from training.documents import documents_of
from training.inputs import artefact_path, given_data, training_digest_of
from training.linear import Head, Matrix, Sample, fit_head, rarity
from training.mining import first_samples, importance, merged, raw_scores, strongest
from training.prompt_guard.generate import generate
from tyrian.models.artefact import FORMAT, dump, pack, unpack
from tyrian.models.features import F64, TABLE_SIZE, Grams
from tyrian.models.windows import F32, SIZES

SEED = 20261
FINE_SIZE = 1 << 15
STRENGTH = 10.0
RATE = 0.004
LETTERS = 0.6
"""How much grams of letters count beside grams of words: topics are words."""
COMMON = 2.0
"""The power of rarity: how hard common grams such as "how do I" are held back."""
OWN = 0.4
"""How much a row of the phrase tables counts beside a given one: its form repeats."""
NAME = "content-guard"
LABELS = tuple(f"S{number}" for number in range(1, 15))
PARALLEL = {
    "benign_prompt", "benign_short", "benign_roleplay", "benign_multilingual", "benign_code",
    "benign_email", "benign_doc", "benign_tool_output", "benign_cyber",
    "benign_trigger_words", "benign_dialog", "benign_repeated", "benign_cyber_doc",
}  # fmt: skip


def gather(data: Path, keep: Keep = every, without: Collection[str] = ()) -> list[Row]:
    """The labelled rows, and benign text of many kinds as more safe rows.

    Attacks on the prompt itself are neither safe nor unsafe here and are left out.
    """
    rows = training_rows(data, keep, without)
    seen = {row.text for row in rows}
    more = read_rows(data / "injection_train.jsonl.gz") + generate(SEED)
    return rows + [
        r for r in more if r.kind in PARALLEL and r.text not in seen and r.family not in without
    ]


def weights_of(rows: Sequence[Row], samples: Sequence[Sample], targets: F32) -> F32:
    """How much each window counts: as elsewhere, and less where our own phrases made it."""
    weights = importance(samples, targets)
    own = np.array([is_own(rows[sample.document]) for sample in samples])
    weights[own] *= np.float32(OWN)
    positive = targets == 1
    weights[positive] *= weights[~positive].sum() / weights[positive].sum()
    return weights


def fit(rows: Sequence[Row], documents: Sequence[Grams]) -> tuple[Head, Matrix, list[Sample]]:
    """The main head: safe or unsafe."""
    unsafe = np.array([bool(row.labels) for row in rows])
    rare: F32 = rarity(documents) ** np.float32(COMMON)
    rare[:TABLE_SIZE] *= np.float32(LETTERS)
    first = first_samples(rows, documents, SEED)
    samples = first
    for last in (False, True):
        matrix = Matrix.of(documents, samples)
        targets = np.array([unsafe[s.document] for s in samples], dtype=np.float32)
        weights = weights_of(rows, samples, targets)
        head = fit_head(matrix, targets, weights, rare, strength=STRENGTH)
        if not last:
            samples = merged(first, strongest(head, rows, documents))
    return head, matrix, samples


def fit_hazards(rows: Sequence[Row], matrix: Matrix, samples: Sequence[Sample]) -> list[Head]:
    """One head per hazard, learnt from unsafe windows only: which kind is it?"""
    chosen = np.array([i for i, s in enumerate(samples) if rows[s.document].labels])
    few = [samples[i] for i in chosen]
    folded = matrix.rows(chosen).folded(FINE_SIZE)
    flat = np.ones(FINE_SIZE, dtype=np.float32)
    heads = []
    for label in LABELS:
        targets = np.array([label in rows[s.document].labels for s in few], dtype=np.float32)
        weights = np.sqrt(weights_of(rows, few, targets))
        heads.append(fit_head(folded, targets, weights, flat, strength=2.0, rounds=30))
    return heads


def arrays_of(head: Head, hazards: Sequence[Head], limits: F64, slope: float) -> dict[str, object]:
    """What the artefact holds."""
    codes, scale = pack(head.weights)
    packed = [pack(hazard.weights) for hazard in hazards]
    return {
        "main": codes,
        "main_scale": np.float64(scale),
        "thresholds": limits,
        "slope": np.float64(slope),
        "fine": np.stack([fine for fine, _ in packed]),
        "fine_scale": np.array([scale for _, scale in packed]),
        "fine_bias": np.array([hazard.bias for hazard in hazards], dtype=np.float32),
    }


def train(data: Path) -> bytes:
    """The bytes of the artefact."""
    rows = gather(data)
    ordinary = [r for r in read_rows(data / "injection_dev.jsonl.gz") if not r.labels]
    documents = documents_of(rows)
    head, matrix, samples = fit(rows, documents)
    hazards = fit_hazards(rows, matrix, samples)
    shipped = unpack(*pack(head.weights))
    benign = raw_scores(shipped, documents_of(ordinary))
    limits = thresholds_at(benign, RATE)
    known = raw_scores(shipped, [d for d, row in zip(documents, rows, strict=True) if row.labels])
    margins = np.concatenate(((benign - limits).max(axis=1), (known - limits).max(axis=1)))
    slope = slope_for(margins, np.arange(len(margins)) >= len(benign))
    training_digest = training_digest_of(NAME, data)
    meta = {
        "format": FORMAT,
        "sizes": SIZES,
        "labels": LABELS,
        "revision": f"content-guard-embedded-{training_digest[:12]}",
        "training_digest": training_digest,
        "rows": len(rows),
        "windows": len(samples),
        "ordinary_rate": round(float((margins[: len(benign)] > 0).mean()), 4),
        "recall_in_training": round(float((margins[len(benign) :] > 0).mean()), 4),
    }
    arrays = arrays_of(head, hazards, limits, slope)
    print(json.dumps({**meta, "slope": slope, "thresholds": limits.tolist()}, indent=1))
    return dump({name: np.asarray(array) for name, array in arrays.items()}, meta)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--out", type=Path, default=artefact_path(NAME))
    options = parser.parse_args()
    options.out.write_bytes(train(options.data))


if __name__ == "__main__":
    main()
