"""Train the encoder, the second stage of the embedded models.

    python -m training.encoder.train --data ../shared/data/guard

Writes src/tyrian/models/data/encoder.npz and prints the figures of the model card. It needs torch,
transformers and the package that holds MiniLM (see `backbone.py`), and the first stage and the
content guard trained before.
"""

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from training.calibrate import auc, slope_for
from training.content_guard.rows import training_rows as content_rows
from training.corpus import Row, read_rows
from training.documents import documents_of
from training.encoder.backbone import DIGEST, begin, vocabulary_lines
from training.encoder.batches import Example, inputs_of
from training.encoder.examples import examples_of, thinned
from training.encoder.export import network_of
from training.encoder.fitting import fit
from training.encoder.network import Encoder as Net
from training.inputs import artefact_path, given_data, training_digest_of
from training.prompt_guard.compose import LANGUAGES
from training.prompt_guard.rows import training_rows
from tyrian.models.artefact import Artefact, dump, parse
from tyrian.models.encoder.guard import FORMAT, OUTPUTS
from tyrian.models.encoder.guard import Encoder as Reader
from tyrian.models.encoder.network import Network
from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.encoder.storage import arrays_of
from tyrian.models.encoder.windows import at_most
from tyrian.models.features import F64, Grams
from tyrian.models.linear import Block, LinearModel
from tyrian.models.stages import OTHERS, USERS, Mix, SecondStage

NAME = "encoder"
_FROM_TOOLS = "benign_tool_output"
INNER = (512, 512, 512)
"""Neurons within each layer; as many layers of the backbone are kept."""
SAMPLE = 600
"""Windows on which the backbone is cut to size."""
SEED = 20263
EPOCHS = 1
MOST, MOST_CONTENT = 130, 32
"""Rows of one source that are read, so that no source outweighs the others."""
VARIED = {
    **dict.fromkeys(("gen_carried_agent_plain", "gen_carried_human_request"), 420),
    **dict.fromkeys(("gen_carried_agent_override", "gen_carried_note"), 260),
    **dict.fromkeys(("gen_frame_harm", "gen_frame_plain"), 320),
    **{f"gen_{name}_{what}": 180 for name in LANGUAGES for what in ("attack", "benign")},
}
"""More rows of the sources whose sentences and surroundings vary independently."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much the logits of the stages count, and what is assumed for windows not read."""

    first: float
    read: float
    harm: float
    unread: float


WEIGHTS = {USERS: Weights(0.4, 0.6, 0.2, -3.0), OTHERS: Weights(0.6, 0.4, 0.0, -4.0)}
"""By origin. Orders in tool output are told by their words, which the first stage knows best, and
harm is no sign of them; what users write to talk a model out of its rules, by what it means. The
users' were found on development texts, the others' on templates filled with another seed."""
READ_SHARE, HARM_SHARE = 0.12, 0.05
"""Shares of benign development texts that pass the gates of attack and of harm."""
RATE = 0.005
"""Share of benign development texts above the shipped threshold."""


def first_logits(first: Artefact, documents: Sequence[Grams]) -> F64:
    """Per document, the logit of a linear model."""
    model = LinearModel(first)
    return np.array([model.judge([Block(0, grams)]).logit for grams in documents])


Stages = Mapping[str, SecondStage]
"""The second stage by the origin of a text."""


def mixed_logits(stage: SecondStage, first: Artefact, documents: Sequence[Grams]) -> F64:
    """Per document, the logit of both stages together."""
    model = LinearModel(first)
    found = []
    for grams in documents:
        lookout = stage.lookout()
        evidence = model.judge([Block(0, grams)], lookout)
        found.append(stage.judge(evidence, lookout.chosen()).logit)
    return np.array(found)


def origin_of(row: Row) -> str:
    """Whether a user writes the row's text, or it comes from elsewhere."""
    return OTHERS if "indirect" in row.kind or row.kind == _FROM_TOOLS else USERS


def row_logits(
    stages: Stages, first: Artefact, rows: Sequence[Row], documents: Sequence[Grams]
) -> F64:
    """Per row, the logit of both stages, mixed for the row's origin."""
    origins = np.array([origin_of(row) for row in rows])
    found = np.zeros(len(rows))
    for origin, stage in stages.items():
        places = np.flatnonzero(origins == origin)
        found[places] = mixed_logits(stage, first, [documents[int(at)] for at in places])
    return found


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


def stages_of(
    network: Network,
    first: Artefact,
    harm: Artefact,
    dev: Sequence[Row],
    grams: Sequence[Grams],
) -> dict[str, SecondStage]:
    """Per origin the gates, which all share, and the threshold, by the benign development texts."""
    benign = [g for g, row in zip(grams, dev, strict=True) if not row.labels]
    gate = float(np.quantile(first_logits(first, benign), 1.0 - READ_SHARE))
    harm_gate = float(np.quantile(first_logits(harm, benign), 1.0 - HARM_SHARE))
    attack = np.array([bool(row.labels) for row in dev])
    reader = Reader(network, network.vocabulary, "", {}, {})
    found = {}
    for origin, weights in WEIGHTS.items():
        mix = Mix(gate=gate, harm_gate=harm_gate, offset=0.0, **asdict(weights))
        stage = SecondStage(reader, LinearModel(harm), mix)
        logits = mixed_logits(stage, first, grams)
        limit = float(np.quantile(logits[~attack], 1.0 - RATE, method="higher")) + 1e-6
        slope = slope_for(logits - limit, attack)
        found[origin] = replace(stage, mix=scaled(replace(mix, offset=-limit), slope))
    return found


def scaled(mix: Mix, slope: float) -> Mix:
    """The same mix with its logits made this much steeper."""
    return replace(
        mix,
        first=mix.first * slope,
        read=mix.read * slope,
        harm=mix.harm * slope,
        offset=mix.offset * slope,
    )


def started(examples: Sequence[Example], pieces: int) -> Net:
    """An encoder with the backbone, cut to size on some of the windows."""
    torch.manual_seed(SEED)
    net = Net(pieces, at_most() + 2, INNER, len(OUTPUTS))
    some = random.Random(SEED).sample(list(examples), min(len(examples), SAMPLE))
    some.sort(key=lambda example: len(example.tokens))
    groups = [some[at : at + 64] for at in range(0, len(some), 64)]
    lost = begin(net, [inputs_of([one.tokens for one in group]) for group in groups])
    print("share of each layer lost by the cut:", [round(one, 3) for one in lost], flush=True)
    return net


def trained(rows: Sequence[Row], content: Sequence[Row], first: Artefact, epochs: int) -> Network:
    """The encoder, fitted to these rows."""
    lines = vocabulary_lines()
    read = partial(examples_of, weights=first.main.weights, vocabulary=Vocabulary.of(lines))
    rows = thinned(rows, MOST, SEED, VARIED)
    content = thinned(content, MOST_CONTENT, SEED)
    examples = read(rows, documents_of(rows), seed=SEED)
    examples += read(content, documents_of(content), seed=SEED, is_content=True)
    print(f"{len(examples)} windows", flush=True)
    net = started(examples, len(lines))
    fit(net, examples, epochs=epochs, seed=SEED, say=lambda line: print(line, flush=True))
    return network_of(net, lines)


def artefact_of(network: Network, data: Path, rows: int) -> bytes:
    """The bytes of the artefact, with gates, threshold and figures from the development set."""
    first, harm = (parse(artefact_path(n).read_bytes()) for n in ("prompt-guard", "content-guard"))
    dev = read_rows(data / "injection_dev.jsonl.gz")
    grams = documents_of(dev)
    stages = stages_of(network, first, harm, dev, grams)
    digest = training_digest_of(NAME, data)
    meta = {
        "format": FORMAT,
        "outputs": OUTPUTS,
        "revision": f"encoder-{digest[:12]}",
        "training_digest": digest,
        "backbone": f"all-MiniLM-L6-v2 (Apache-2.0), safetensors sha256 {DIGEST}",
        "rows": rows,
        "mixes": {origin: asdict(stage.mix) for origin, stage in stages.items()},
        "dev": figures(dev, row_logits(stages, first, dev, grams)),
    }
    print(json.dumps(meta, indent=1))
    return dump(arrays_of(network), meta, packed=False)


def train(data: Path) -> bytes:
    """The bytes of the artefact."""
    first = parse(artefact_path("prompt-guard").read_bytes())
    rows, content = training_rows(data, SEED), content_rows()
    network = trained(rows, content, first, EPOCHS)
    return artefact_of(network, data, len(rows) + len(content))


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
