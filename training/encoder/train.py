"""Train the encoder, the second stage of the embedded models.

    python -m training.encoder.train --data ../shared/data/guard

Writes src/tyrian/models/data/encoder.npz and prints the figures of the model card. It needs torch,
transformers and the package that holds MiniLM (see `backbone.py`), and the first stage and the
content guard trained before.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from training.content_guard.rows import is_written
from training.content_guard.rows import training_rows as content_rows
from training.corpus import Row, read_rows
from training.documents import documents_of
from training.encoder.backbone import DIGEST, begin, vocabulary_lines
from training.encoder.batches import Example, inputs_of
from training.encoder.examples import examples_of, thinned
from training.encoder.export import network_of
from training.encoder.fitting import fit
from training.encoder.glance import fitted, glance_of
from training.encoder.mixing import figures, row_logits, stages_of
from training.encoder.network import Encoder as Net
from training.inputs import artefact_path, given_data, training_digest_of
from training.prompt_guard.compose import LANGUAGES
from training.prompt_guard.rows import training_rows
from tyrian.models.artefact import Artefact, dump, parse
from tyrian.models.encoder.glance import Glance
from tyrian.models.encoder.guard import FORMAT, OUTPUTS, Encoder
from tyrian.models.encoder.network import Network
from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.encoder.storage import arrays_of
from tyrian.models.encoder.windows import at_most

NAME = "encoder"
INNER = (512, 512, 512)
"""Neurons within each layer; as many layers of the backbone are kept."""
SAMPLE = 600
"""Windows on which the backbone is cut to size."""
SEED = 20263
EPOCHS = 1
MOST, MOST_CONTENT = 400, 80
"""Rows of one source that are read, so that no source outweighs the others."""
MOST_WRITTEN, MOST_WRITTEN_CONTENT = 800, 300
"""The same of sources whose texts are all written one by one."""
_WRITTEN = "gen_w_"
MOST_GLANCED = 600
"""The same for the glance, which is fitted in a tenth of the time."""
VARIED = {
    **dict.fromkeys(("gen_carried_agent_plain", "gen_carried_human_request"), 1000),
    **dict.fromkeys(("gen_carried_agent_override", "gen_carried_note"), 640),
    **dict.fromkeys(("gen_graft_plain", "gen_graft_sentence"), 1200),
    **dict.fromkeys(("gen_graft_override", "gen_graft_nothing"), 800),
    **dict.fromkeys(("gen_frame_harm", "gen_frame_plain"), 1300),
    **dict.fromkeys(("gen_hasty_attack", "gen_hasty_benign"), 1000),
    **{f"gen_{name}_{what}": 500 for name in LANGUAGES for what in ("attack", "benign")},
}
"""More rows of the sources whose sentences and surroundings vary independently."""


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


def _say(line: str) -> None:
    print(line, flush=True)


def trained(
    rows: Sequence[Row], content: Sequence[Row], first: Artefact, epochs: int
) -> tuple[Network, Glance]:
    """The encoder and its glance, fitted to these rows."""
    lines = vocabulary_lines()
    read = partial(examples_of, weights=first.main.weights, vocabulary=Vocabulary.of(lines))
    many = thinned(rows, MOST_GLANCED, SEED)
    glance = glance_of(fitted(read(many, documents_of(many), seed=SEED), SEED, _say), lines)
    written = {row.source: MOST_WRITTEN for row in rows if row.source.startswith(_WRITTEN)}
    rows = thinned(rows, MOST, SEED, written | VARIED)
    written = {row.source: MOST_WRITTEN_CONTENT for row in content if is_written(row)}
    content = thinned(content, MOST_CONTENT, SEED, written)
    examples = read(rows, documents_of(rows), seed=SEED)
    examples += read(content, documents_of(content), seed=SEED, is_content=True)
    _say(f"{len(examples)} windows")
    net = started(examples, len(lines))
    fit(net, examples, epochs=epochs, seed=SEED, say=_say)
    return network_of(net, lines), glance


def artefact_of(network: Network, glance: Glance, data: Path, rows: int) -> bytes:
    """The bytes of the artefact, with gates, threshold and figures from the development set."""
    first, harm = (parse(artefact_path(n).read_bytes()) for n in ("prompt-guard", "content-guard"))
    dev = read_rows(data / "injection_dev.jsonl.gz")
    grams = documents_of(dev)
    reader = Encoder(network, network.vocabulary, "", {}, {}, glance)
    stages = stages_of(reader, first, harm, dev, grams)
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
    return dump(arrays_of(network, glance), meta, packed=False)


def train(data: Path) -> bytes:
    """The bytes of the artefact."""
    first = parse(artefact_path("prompt-guard").read_bytes())
    rows, content = training_rows(data, SEED), content_rows()
    network, glance = trained(rows, content, first, EPOCHS)
    return artefact_of(network, glance, data, len(rows) + len(content))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--out", type=Path, default=artefact_path(NAME))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.write_bytes(train(options.data))


if __name__ == "__main__":
    main()
