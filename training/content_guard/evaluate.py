"""Leave-source-out figures of the content-safety model, for its card.

    python -m training.content_guard.evaluate --data ../shared/data/guard

Trains without the sources named below and measures on them, at a threshold from the dev set.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from training.calibrate import thresholds_at
from training.content_guard.train import FINE_SIZE, LABELS, RATE, fit, fit_hazards, gather
from training.corpus import read_rows
from training.inputs import given_data
from training.linear import Matrix, Sample
from training.mining import raw_scores
from training.prompt_guard.train import documents_of, figures

HELD_OUT = frozenset(
    {
        *("ailuminate_A", "multijail_en", "jailbreakllms_questions", "davidson"),
        *("llmwarden_benign", "banking77", "own_safe_contrast", "gpteacher_roleplay"),
        "surge_toxicity",
    }
)


def evaluate(data: Path) -> dict[str, object]:
    """AUC, recall or false positives per held-out source, and how often the top hazard is right."""
    rows = gather(data)
    kept = [r for r in rows if r.family not in HELD_OUT]
    held = [r for r in rows if r.family in HELD_OUT]
    ordinary = [r for r in read_rows(data / "injection_dev.jsonl.gz") if not r.labels]
    head, matrix, samples = fit(kept, documents_of(kept))
    hazards = fit_hazards(kept, matrix, samples)
    limits = thresholds_at(raw_scores(head.weights, documents_of(ordinary)), RATE)
    documents = documents_of(held)
    margins = (raw_scores(head.weights, documents) - limits).max(axis=1)
    unsafe = [number for number, row in enumerate(held) if row.labels]
    whole = Matrix.of(documents, [Sample(n, 0, documents[n].length) for n in unsafe])
    folded = whole.folded(FINE_SIZE)
    scores = np.stack([folded.dot(hazard.weights) + hazard.bias for hazard in hazards], axis=1)
    tops = [LABELS[int(row.argmax())] for row in scores]
    hits = [top in held[n].labels for top, n in zip(tops, unsafe, strict=True)]
    return {**figures(held, margins), "top_hazard_right": round(float(np.mean(hits)), 4)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    print(json.dumps(evaluate(parser.parse_args().data), indent=1))


if __name__ == "__main__":
    main()
