"""Leave-out figures of the first stage of the prompt-attack model.

    python -m training.prompt_guard.evaluate --data ../shared/data/guard

Trains without the sources that `leave_out` names and without a quarter of our own templates, and
measures on those, at the threshold of the development set.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.corpus import Row
from training.documents import documents_of
from training.inputs import given_data
from training.mining import raw_scores
from training.prompt_guard.leave_out import comparisons, split
from training.prompt_guard.leave_out import is_held_out as is_held_out
from training.prompt_guard.train import QUOTES, SEED, artefact_of
from tyrian.models.artefact import parse
from tyrian.models.features import F64


def evaluate(data: Path) -> dict[str, object]:
    """Figures by class, and per source the share above the threshold."""
    kept, groups = split(data, SEED)
    rows = [row for row in kept if row.kind != QUOTES]
    artefact = parse(artefact_of(rows, groups["dev"], "evaluation"))
    measured = [row for group in groups.values() for row in group]
    raw = raw_scores(artefact.main.weights, documents_of(measured))
    logits = artefact.slope * (raw - artefact.thresholds).max(axis=1)
    names = [f"{name}: {row.family}" for name, group in groups.items() for row in group]
    return {"classes": comparisons(groups, logits), "sources": _by_source(names, measured, logits)}


def _by_source(names: Sequence[str], rows: Sequence[Row], logits: F64) -> dict[str, list[float]]:
    """Rows, and the share above the threshold, of the attacks and of the benign texts of each."""
    attack = np.array([bool(row.labels) for row in rows])
    where = np.array(names)
    return {
        f"{name} {'recall' if want else 'flagged'}": [
            int(of.sum()),
            round(float((logits[of] > 0).mean()), 3),
        ]
        for name in sorted(set(names))
        for want in (True, False)
        if (of := (where == name) & (attack == want)).any()
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    print(json.dumps(evaluate(parser.parse_args().data), indent=1))


if __name__ == "__main__":
    main()
