"""Leave-source-out figures of both stages together, for the card of the prompt-attack model.

    python -m training.encoder.evaluate --data ../shared/data/guard

Trains both stages without the sources that `training.prompt_guard.evaluate` leaves out and without
a quarter of our own templates, and measures on those, at the threshold of the development set.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import torch

from training.calibrate import auc
from training.content_guard.rows import training_rows as content_rows
from training.corpus import Row, read_rows
from training.documents import documents_of
from training.encoder.examples import thinned
from training.encoder.train import EPOCHS, MOST, first_logits, mixed_logits, stage_of, trained
from training.inputs import artefact_path, given_data
from training.prompt_guard.compose import SEEN, UNSEEN, composed, foreign
from training.prompt_guard.evaluate import is_held_out
from training.prompt_guard.generate import generate
from training.prompt_guard.rows import questions
from training.prompt_guard.train import QUOTES, SEED, artefact_of
from tyrian.models.artefact import parse
from tyrian.models.features import F64

ORDINARY = frozenset({"deepset_pi", "oasst_en100", "toolalpaca", "clinc150", "self_instruct"})


def split(data: Path) -> tuple[list[Row], dict[str, list[Row]]]:
    """What is trained on, and what is measured on by group."""
    rows = read_rows(data / "injection_train.jsonl.gz")
    content = read_rows(data / "content_train.jsonl.gz")
    held = [row for row in rows if is_held_out(row)]
    kept = [row for row in rows if not is_held_out(row)]
    asked = questions(rows, content)
    seen = [row for row in asked if not is_held_out(row) and crc32(row.text.encode()) % 4]
    unseen = [row for row in asked if is_held_out(row) or not crc32(row.text.encode()) % 4]
    kept += generate(SEED) + composed(SEED, SEEN, real=seen) + foreign(SEED, SEEN)
    other = [replace(row, source=_merged(row.source)) for row in foreign(SEED + 1, UNSEEN, 0.4)]
    groups = {
        "dev": read_rows(data / "injection_dev.jsonl.gz"),
        "held": held,
        "own": composed(SEED + 1, UNSEEN, 0.2, real=unseen),
        "foreign": other,
    }
    measured = {row.text for group in groups.values() for row in group}
    return [row for row in {r.text: r for r in kept}.values() if row.text not in measured], groups


def _merged(source: str) -> str:
    """The source of a row in another language, without the language."""
    return "_".join(("foreign", *source.split("_")[2:]))


def _pair(attacks: F64, benign: F64) -> dict[str, float]:
    limit = np.quantile(benign, 0.99)
    return {
        "auc": round(auc(attacks, benign), 3),
        "recall_at_1_percent": round(float((attacks > limit).mean()), 3),
    }


def comparisons(rows: Sequence[Row], groups: Sequence[str], logits: F64) -> dict[str, object]:
    """The rows of the issue's table that sources at hand can stand for."""
    attack = np.array([bool(row.labels) for row in rows])
    kind = np.array([row.kind for row in rows])
    family = np.array([row.family for row in rows])
    group = np.array(groups)
    is_tool = np.char.find(kind, "indirect") >= 0
    tool = ~attack & ((kind == "benign_tool_output") & (group != "foreign"))
    ordinary = ~attack & np.isin(family, sorted(ORDINARY))
    direct = attack & ~is_tool & np.isin(group, ["held", "own"])
    styled = ~attack & (kind == "benign_adversarial")
    framed = attack & np.isin(
        family, ["gen_persuade", "gen_fiction", "gen_framed", "aisafetylab_pair"]
    )
    foreign_side = group == "foreign"
    found: dict[str, object] = {
        name: _pair(logits[attack & (group == name)], logits[~attack & (group == name)])
        for name in ("dev", "held", "own", "foreign")
    }
    found["direct / ordinary prompts"] = _pair(logits[direct], logits[ordinary])
    explicit = (kind == "indirect_injection") & ~foreign_side
    found["explicit in tool output / clean"] = _pair(logits[explicit], logits[tool])
    plain = (kind == "indirect_plain") & ~foreign_side
    found["plain in tool output / clean"] = _pair(logits[plain], logits[tool])
    found["framed / styled benign"] = _pair(logits[framed], logits[styled])
    same = foreign_side & ~is_tool & (kind != "benign_tool_output")
    found["other languages / same"] = _pair(logits[same & attack], logits[same & ~attack])
    return found


def evaluate(data: Path, epochs: int, most: int) -> Mapping[str, object]:
    """Figures by group and by source, of the first stage and of both."""
    kept, groups = split(data)
    dev = groups["dev"]
    first = parse(artefact_of([r for r in kept if r.kind != QUOTES], dev, "evaluation"))
    content = thinned(content_rows(), max(1, most // 7), SEED)
    network = trained(thinned(kept, most, SEED), content, first, epochs)
    harm = parse(artefact_path("content-guard").read_bytes())
    stage = stage_of(network, first, harm, dev, documents_of(dev))
    rows = [row for group in groups.values() for row in group]
    names = [name for name, group in groups.items() for _ in group]
    documents = documents_of(rows)
    alone, both = first_logits(first, documents), mixed_logits(stage, first, documents)
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
        "first stage": comparisons(rows, names, alone),
        "both stages": comparisons(rows, names, both),
        "rows, first stage, both": shares,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--most", type=int, default=MOST, help="rows of one source for the encoder")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(json.dumps(evaluate(options.data, options.epochs, options.most), indent=1))


if __name__ == "__main__":
    main()
