"""Train the encoder, the second stage of the embedded models.

    python -m training.encoder.train --data ../shared/data/guard

Writes src/tyrian/models/data/encoder.npz and prints the figures of the model card. It needs torch,
transformers and the package that holds MiniLM (see `words.py`), and the first stage trained before.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from training.calibrate import auc
from training.content_guard.rows import training_rows as content_rows
from training.corpus import Row, read_rows
from training.documents import documents_of
from training.encoder.examples import examples_of
from training.encoder.export import arrays_of, network_of
from training.encoder.fitting import fit
from training.encoder.network import Encoder
from training.encoder.words import DIGEST, word_vectors
from training.inputs import artefact_path, given_data, training_digest_of
from training.prompt_guard.rows import training_rows
from tyrian.models.artefact import Artefact, dump, parse
from tyrian.models.embedded import Block, LinearModel, SecondStage, Suspect
from tyrian.models.encoder.guard import FORMAT, OUTPUTS
from tyrian.models.encoder.guard import Encoder as Reader
from tyrian.models.encoder.network import Network
from tyrian.models.features import F64, Grams

NAME = "encoder"
SEED = 20263
EPOCHS = 3
FIRST, READ, UNREAD = 0.35, 0.7, -4.0
"""How much the logits of the two stages count, found on sources left out (`evaluate.py`)."""
READ_SHARE = 0.12
"""Share of benign development texts of which the encoder reads a window."""
RATE = 0.0075
"""Share of benign development texts above the shipped threshold."""


def first_logits(first: Artefact, documents: Sequence[Grams]) -> F64:
    """Per document, the logit of the first stage."""
    model = LinearModel(first)
    blocks = [Block(0, grams) for grams in documents]
    return np.array([model.judge([block]).logit for block in blocks])


def mixed_logits(stage: SecondStage, first: Artefact, documents: Sequence[Grams]) -> F64:
    """Per document, the logit of both stages together."""
    model = LinearModel(first)
    found = []
    for grams in documents:
        suspects: list[Suspect] = []
        evidence = model.judge([Block(0, grams)], stage.gate, suspects)
        found.append(stage.mixed(evidence, suspects)[0])
    return np.array(found)


def figures(rows: Sequence[Row], logits: F64) -> dict[str, object]:
    """AUC, recall at 1 % false positives, and per source the share above the threshold."""
    attack = np.array([bool(row.labels) for row in rows])
    limit = np.quantile(logits[~attack], 0.99)
    shares: dict[str, float] = {}
    for source in sorted({row.source for row in rows}):
        for name, want in (("recall", True), ("flagged", False)):
            of = np.array([row.source == source for row in rows]) & (attack == want)
            if of.any():
                shares[f"{source} {name}"] = round(float((logits[of] > 0).mean()), 4)
    return {
        "auc": round(auc(logits[attack], logits[~attack]), 4),
        "recall_at_1_percent": round(float((logits[attack] > limit).mean()), 4),
        "sources": shares,
    }


def stage_of(
    network: Network, first: Artefact, dev: Sequence[Row], grams: Sequence[Grams]
) -> SecondStage:
    """The gate and the threshold, by the benign development texts."""
    benign = [g for g, row in zip(grams, dev, strict=True) if not row.labels]
    gate = float(np.quantile(first_logits(first, benign), 1.0 - READ_SHARE))
    reader = Reader(network, "", {}, {})
    stage = SecondStage(reader, gate, FIRST, READ, 0.0, UNREAD)
    offset = -float(np.quantile(mixed_logits(stage, first, benign), 1.0 - RATE, method="higher"))
    return SecondStage(reader, gate, FIRST, READ, offset - 1e-6, UNREAD)


def trained(rows: Sequence[Row], content: Sequence[Row], first: Artefact, epochs: int) -> Network:
    """The encoder, fitted to these rows."""
    torch.manual_seed(SEED)
    hashes, vectors = word_vectors()
    weights = first.main.weights
    examples = examples_of(rows, documents_of(rows), weights, hashes, SEED)
    examples += examples_of(content, documents_of(content), weights, hashes, SEED, is_content=True)
    print(f"{len(examples)} windows", flush=True)
    net = Encoder(torch.from_numpy(vectors), len(OUTPUTS))
    fit(net, examples, epochs=epochs, seed=SEED, say=lambda line: print(line, flush=True))
    return network_of(net, hashes)


def train(data: Path) -> bytes:
    """The bytes of the artefact."""
    first = parse(artefact_path("prompt-guard").read_bytes())
    rows, content = training_rows(data, SEED), content_rows()
    network = trained(rows, content, first, EPOCHS)
    dev = read_rows(data / "injection_dev.jsonl.gz")
    grams = documents_of(dev)
    stage = stage_of(network, first, dev, grams)
    digest = training_digest_of(NAME, data)
    meta = {
        "format": FORMAT,
        "outputs": OUTPUTS,
        "revision": f"encoder-{digest[:12]}",
        "training_digest": digest,
        "words_from": f"MiniLM-L6 (Apache-2.0), safetensors sha256 {DIGEST}",
        "rows": len(rows) + len(content),
        "mix": {
            "gate": stage.gate,
            "first": stage.first,
            "read": stage.read,
            "offset": stage.offset,
            "unread": stage.unread,
        },
        "dev": figures(dev, mixed_logits(stage, first, grams)),
    }
    print(json.dumps(meta, indent=1))
    return dump(arrays_of(network), meta)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--out", type=Path, default=artefact_path(NAME))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.write_bytes(train(options.data))


if __name__ == "__main__":
    main()
