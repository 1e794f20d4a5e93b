"""Figures of the content-safety model on sources and phrases not trained on, for its card.

    python -m training.content_guard.evaluate --data ../shared/data/guard

Trains without the sources named below and without a fifth of the phrases and frames, and measures
on those, at a threshold from the dev set.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.calibrate import auc, average_precision, slope_for, thresholds_at
from training.content_guard.phrases import fold_of
from training.content_guard.rows import own_rows
from training.content_guard.train import (
    LABELS,
    RATE,
    arrays_of,
    fit,
    fit_hazards,
    gather,
)
from training.corpus import Row, prepared, read_rows
from training.documents import LONGEST, documents_of
from training.inputs import given_data
from training.mining import raw_scores
from tyrian.models.artefact import FORMAT, dump, parse
from tyrian.models.embedded import ContentGuard, LinearModel
from tyrian.models.features import F64
from tyrian.models.windows import SIZES

HELD_OUT = frozenset(
    {
        *("ailuminate_A", "multijail_en", "jailbreakllms_questions", "davidson", "hatecheck"),
        *("llmwarden_benign", "banking77", "own_safe_contrast", "gpteacher_roleplay"),
        "surge_toxicity",
    }
)
ORDINARY = frozenset({"llmwarden_benign", "banking77", "gpteacher_roleplay"})
OTHER_SEED = 77


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows and what the model says of them: a column per hazard."""

    rows: list[Row]
    scores: F64

    def where(self, families: frozenset[str], *, unsafe: bool) -> F64:
        """The highest score of each row of these families that is unsafe, or safe."""
        chosen = [bool(r.labels) == unsafe and r.family in families for r in self.rows]
        return np.asarray(self.scores[np.array(chosen)].max(axis=1))


def model_without(data: Path, ordinary: Sequence[Row]) -> ContentGuard:
    """A model that has not seen what is held out."""
    rows = gather(data, lambda line: fold_of(line) != 0, HELD_OUT)
    documents = documents_of(rows)
    head, matrix, samples = fit(rows, documents)
    hazards = fit_hazards(rows, matrix, samples)
    benign = raw_scores(head.weights, documents_of(ordinary))
    known = raw_scores(head.weights, [d for d, r in zip(documents, rows, strict=True) if r.labels])
    limits = thresholds_at(benign, RATE)
    margins = np.concatenate(((benign - limits).max(axis=1), (known - limits).max(axis=1)))
    slope = slope_for(margins, np.arange(len(margins)) >= len(benign))
    arrays = arrays_of(head, hazards, limits, slope)
    meta = {"format": FORMAT, "sizes": SIZES, "labels": LABELS, "revision": "held-out"}
    whole = dump({name: np.asarray(array) for name, array in arrays.items()}, meta)
    return ContentGuard(LinearModel(parse(whole)))


def judged(model: ContentGuard, rows: list[Row]) -> Judged:
    """What the model says, as the detector would ask it."""
    scores = [list(model.score(prepared(r.text[:LONGEST])).values()) for r in rows]
    return Judged(rows, np.array(scores))


def of_hazards(unsafe: Judged, benign: F64) -> dict[str, float]:
    """Per hazard, how well its score tells its rows from benign ones."""
    found = {}
    for column, label in enumerate(LABELS):
        has = np.array([label in row.labels for row in unsafe.rows])
        if has.sum() >= 5:
            found[label] = round(auc(unsafe.scores[has, column], benign[:, column]), 3)
    return found


def figures(part: Judged, ordinary: Judged) -> dict[str, object]:
    """AUC, AUPRC, and per source the share above the threshold."""
    families = frozenset(row.family for row in part.rows)
    unsafe, safe = (part.where(families, unsafe=wanted) for wanted in (True, False))
    shares: dict[str, float] = {}
    for family in sorted(families):
        for name, wanted in (("recall", True), ("flagged", False)):
            top = part.where(frozenset({family}), unsafe=wanted)
            if len(top):
                shares[f"{family} {name}"] = round(float((top >= 0.5).mean()), 3)
    rows = [i for i, row in enumerate(part.rows) if row.labels]
    only = Judged([part.rows[i] for i in rows], part.scores[rows])
    tops = [LABELS[int(i)] for i in only.scores.argmax(axis=1)]
    right = [top in row.labels for top, row in zip(tops, only.rows, strict=True)]
    hazards = of_hazards(only, ordinary.scores)
    return {
        "auc": round(auc(unsafe, safe), 3),
        "auprc": round(average_precision(unsafe, safe), 3),
        "auc_against_ordinary": round(auc(unsafe, ordinary.scores.max(axis=1)), 3),
        "hazards": hazards,
        "macro_auc": round(float(np.mean([v for k, v in hazards.items() if k != "S14"])), 3),
        "top_hazard_right": round(float(np.mean(right)), 3),
        "shares": shares,
    }


def evaluate(data: Path) -> dict[str, object]:
    """Figures on left-out sources, and on left-out phrases of our own."""
    dev = [r for r in read_rows(data / "injection_dev.jsonl.gz") if not r.labels]
    model = model_without(data, dev)
    given = read_rows(data / "content_train.jsonl.gz")
    held = judged(model, [r for r in given if r.family in HELD_OUT])
    ordinary = judged(model, dev + [r for r in held.rows if r.family in ORDINARY])
    own = judged(model, own_rows(OTHER_SEED, lambda line: fold_of(line) == 0))
    return {"sources": figures(held, ordinary), "phrases": figures(own, ordinary)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    print(json.dumps(evaluate(parser.parse_args().data), indent=1))


if __name__ == "__main__":
    main()
