"""Leave-source-out figures of both stages together, for the card of the prompt-attack model.

    python -m training.encoder.evaluate --data ../shared/data/guard

Trains both stages without the sources that `training.prompt_guard.leave_out` names and without
a quarter of our own templates, and measures on those, at the threshold of the development set. The
heads for harm are measured on what `training.content_guard.evaluate` leaves out. The watch for harm
is the shipped content guard, so its share in the gates is not left out.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from training.content_guard.evaluate import HELD_OUT as CONTENT_HELD_OUT
from training.content_guard.evaluate import ORDINARY as CALM
from training.content_guard.evaluate import OTHER_SEED, Judged
from training.content_guard.evaluate import figures as content_figures
from training.content_guard.phrases import fold_of
from training.content_guard.rows import own_rows
from training.content_guard.rows import training_rows as content_rows
from training.corpus import Row, prepared, read_rows
from training.documents import LONGEST, documents_of
from training.encoder.examples import thinned
from training.encoder.mixing import first_logits, row_logits, seen_logits, stages_of
from training.encoder.train import EPOCHS, trained
from training.inputs import artefact_path, given_data
from training.prompt_guard.leave_out import comparisons, split
from training.prompt_guard.train import QUOTES, SEED, artefact_of
from tyrian.models.artefact import Artefact, parse
from tyrian.models.encoder.guard import Encoder as Reader
from tyrian.models.features import F64, Grams
from tyrian.models.linear import Block, LinearModel
from tyrian.models.stages import OTHERS, Lookout, SecondStage

MOST_MEASURED, MOST_OWN = 150, 25
"""Rows of one source that are measured."""
_ALWAYS = -1e6
"""A gate that every window passes."""


def alone_logits(stage: SecondStage, first: Artefact, documents: Sequence[Grams]) -> F64:
    """Per document, the encoder's highest logit, with the gates open to every text."""
    model = LinearModel(first)
    found = []
    for grams in documents:
        lookout = Lookout(_ALWAYS)
        model.judge([Block(0, grams)], lookout)
        rows = [stage.encoder.read(grams, one.start, one.end) for one in lookout.chosen()]
        found.append(max((float(row[0]) for row in rows), default=stage.mix.unread))
    return np.array(found)


def hazards(reader: Reader, data: Path, dev: Sequence[Row]) -> dict[str, object]:
    """Figures of the heads for harm on what the content guard's evaluation leaves out."""
    given = read_rows(data / "content_train.jsonl.gz")
    held = [row for row in given if row.family in CONTENT_HELD_OUT]
    own = thinned(own_rows(OTHER_SEED, lambda line: fold_of(line) == 0), MOST_OWN, SEED)

    def judged(rows: Sequence[Row]) -> Judged:
        texts = (prepared(row.text[:LONGEST]) for row in rows)
        return Judged(list(rows), np.array([list(reader.hazards(t).values()) for t in texts]))

    sources = judged(held)
    ordinary = judged([r for r in dev if not r.labels] + [r for r in held if r.family in CALM])
    found = {"sources": content_figures(sources, ordinary)}
    found["phrases"] = content_figures(judged(own), ordinary)
    return {name: {k: v for k, v in one.items() if k != "shares"} for name, one in found.items()}


def evaluate(data: Path, epochs: int) -> Mapping[str, object]:
    """Figures by group and by source, of the first stage and of both."""
    kept, groups = split(data, SEED)
    dev = groups["dev"]
    first = parse(artefact_of([r for r in kept if r.kind != QUOTES], dev, "evaluation"))
    content = content_rows(data, lambda line: fold_of(line) != 0, CONTENT_HELD_OUT)
    network, glance = trained(kept, content, first, epochs)
    reader = Reader(network, network.vocabulary, "", {}, {}, glance)
    harm = parse(artefact_path("content-guard").read_bytes())
    stages = stages_of(reader, first, harm, dev, documents_of(dev))
    stage = stages[OTHERS]
    groups = {name: thinned(group, MOST_MEASURED, SEED) for name, group in groups.items()}
    rows = [row for group in groups.values() for row in group]
    names = [name for name, group in groups.items() for _ in group]
    documents = documents_of(rows)
    alone, both = first_logits(first, documents), row_logits(stages, first, rows, documents)
    attack = np.array([bool(row.labels) for row in rows])
    where = np.array([f"{name}: {row.family}" for name, row in zip(names, rows, strict=True)])
    shares = {
        f"{place} {'recall' if want else 'flagged'}": [
            int(of.sum()),
            round(float((alone[of] > 0).mean()), 3),
            round(float((both[of] > 0).mean()), 3),
        ]
        for place in sorted(set(where))
        for want in (True, False)
        if (of := (where == place) & (attack == want)).any()
    }
    return {
        "first stage": comparisons(groups, alone),
        "first stage and glance": comparisons(groups, seen_logits(first, glance, documents)),
        "encoder": comparisons(groups, alone_logits(stage, first, documents)),
        "both stages": comparisons(groups, both),
        "rows, first stage, both": shares,
        "hazards": hazards(stage.encoder, data, dev),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(json.dumps(evaluate(options.data, options.epochs), indent=1))


if __name__ == "__main__":
    main()
