"""Find how both stages of content safety are mixed, and keep it in the artefact of the first.

    python -m training.content_guard.mix --data ../shared/data/guard

To be run again whenever either artefact was made anew; it takes a minute. The weights are fitted on
texts that neither stage was trained on (`held/`), the threshold on the benign development texts.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from training.calibrate import auc, slope_for
from training.content_guard.phrases import read_sections
from training.corpus import prepared, read_rows
from training.documents import LONGEST
from training.inputs import artefact_path, given_data
from tyrian.models.artefact import dump, members, parse
from tyrian.models.content_heads import embedded_heads
from tyrian.models.content_stage import ContentMix, ContentStage, highest_within
from tyrian.models.embedded import ContentGuard, blocks_of, embedded_prompt_guard
from tyrian.models.features import F64
from tyrian.models.linear import LinearModel
from tyrian.models.stages import Suspect

NAME = "content-guard"
HELD = Path(__file__).parent / "held" / "user_texts.txt"
RATE = 0.004
"""Share of ordinary development texts above the shipped threshold of both stages."""
TWIN_RATE = 0.035
"""The same of safe texts that were written to look unsafe."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_DECAY = 0.02
_STEEPEST = 1.5
"""Bound on the weight of the first stage: a few hundred texts alone could ask for certainty."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text and its hazard, empty where it is safe."""

    text: str
    hazard: str


@dataclass(frozen=True, slots=True)
class Read:
    """The logits of both stages, the encoder asked about every text."""

    first: F64
    read: F64


def held_texts() -> list[Text]:
    """The texts that no training reads."""
    sections = read_sections(HELD)
    return [
        Text(prepared(line), "" if part.label == "safe" else part.label)
        for part in sections
        for line in part.lines
    ]


def ordinary_texts(data: Path) -> list[Text]:
    """Benign development texts."""
    rows = read_rows(data / "injection_dev.jsonl.gz")
    return [Text(prepared(row.text[:LONGEST]), "") for row in rows if not row.labels]


def read_all(harm: LinearModel, stage: ContentStage, texts: Sequence[Text]) -> Read:
    """The strongest window of each text by both stages, whether it passes a gate or not."""
    first, read = [], []
    for text in texts:
        found = harm.judge(blocks_of(text.text))
        block = next(iter(blocks_of(text.text)))
        end = min(block.grams.length, 600)
        suspect = Suspect(0.0, 0.0, block, 0, end)
        first.append(max(found.logit, highest_within(harm, suspect)))
        read.append(float(stage.read(suspect)[0]))
    return Read(np.array(first), np.array(read))


def weights_of(unsafe: Read, safe: Read) -> tuple[float, float]:
    """Weights of both logits, neither below zero, that tell unsafe from safe texts."""
    probe = ContentMix(1.0, 0.0, 0.0, 0.0, 0.0)
    cut = ContentMix(0.0, 1.0, 0.0, 0.0, 0.0)
    columns = np.array(
        [
            [probe.of(f, 0.0) for part in (unsafe, safe) for f in part.first],
            [cut.of(0.0, r) for part in (unsafe, safe) for r in part.read],
        ]
    )
    signs = np.concatenate((np.ones(len(unsafe.first)), -np.ones(len(safe.first))))
    share = np.where(signs > 0, 0.5 / (signs > 0).sum(), 0.5 / (signs < 0).sum())

    def cost(point: F64) -> float:
        margins = signs * (point[:2] @ columns + point[2])
        return float((share * np.logaddexp(0.0, -margins)).sum() + _DECAY * point[:2] @ point[:2])

    found = minimize(cost, np.array([0.5, 0.5, 0.0]), bounds=[(0.05, _STEEPEST)] * 2 + [(-20, 20)])
    return float(found.x[0]), float(found.x[1])


def logits_of(guard: ContentGuard, texts: Sequence[Text]) -> F64:
    """The mixed logit of each text, as the detector would have it."""
    scores = np.array([max(guard.score(text.text).values()) for text in texts])
    scores = np.clip(scores, 1e-12, 1.0 - 1e-12)
    return np.asarray(np.log(scores / (1.0 - scores)))


def right_hazards(guard: ContentGuard, texts: Sequence[Text]) -> float:
    """The share of unsafe texts whose likeliest hazard is theirs."""
    hits = []
    for text in texts:
        scores = guard.score(text.text)
        hits.append(max(scores, key=scores.__getitem__) == text.hazard)
    return float(np.mean(hits))


def found_mix(
    harm: LinearModel, stage: ContentStage, data: Path
) -> tuple[ContentMix, ContentGuard]:
    """The weights, the threshold, and the guard that they make."""
    held, ordinary = held_texts(), ordinary_texts(data)
    unsafe = [text for text in held if text.hazard]
    safe = [text for text in held if not text.hazard]
    benign = read_all(harm, stage, ordinary)
    first, read = weights_of(read_all(harm, stage, unsafe), read_all(harm, stage, safe))
    mix = ContentMix(first, read, 0.0, float(np.median(benign.read)), 0.0)
    guard = ContentGuard(harm, replace(stage, mix=mix))
    limits = (
        np.quantile(logits_of(guard, ordinary), 1.0 - RATE, method="higher"),
        np.quantile(logits_of(guard, safe), 1.0 - TWIN_RATE),
    )
    mix = replace(mix, offset=-float(max(limits)) - 1e-6)
    guard = ContentGuard(harm, replace(stage, mix=mix))
    margins = np.concatenate((logits_of(guard, ordinary), logits_of(guard, unsafe)))
    mix = scaled(mix, slope_for(margins, np.arange(len(margins)) >= len(ordinary)))
    best = max(
        SHARES,
        key=lambda share: right_hazards(
            ContentGuard(harm, replace(stage, mix=replace(mix, fine=share))), unsafe
        ),
    )
    mix = replace(mix, fine=best)
    return mix, ContentGuard(harm, replace(stage, mix=mix))


def scaled(mix: ContentMix, slope: float) -> ContentMix:
    """The same mix with its logits made this much steeper."""
    return replace(mix, first=mix.first * slope, read=mix.read * slope, offset=mix.offset * slope)


def mixed(artefact: bytes, data: Path) -> bytes:
    """The same artefact with the mix for the encoder that is shipped."""
    meta, arrays = members(artefact)
    harm, attack = LinearModel(parse(artefact)), embedded_prompt_guard()
    if attack.second is None:
        raise ValueError("the prompt guard has no second stage to read windows with")
    shared = replace(attack.second, harm=harm)
    heads = embedded_heads(shared.encoder.network)
    stage = ContentStage(shared, attack.model, ContentMix(0.0, 0.0, 0.0, 0.0, 0.0), heads)
    mix, guard = found_mix(harm, stage, data)
    held, ordinary = held_texts(), ordinary_texts(data)
    found = logits_of(guard, held)
    is_unsafe = np.array([bool(text.hazard) for text in held])
    meta["mix"] = asdict(mix)
    meta["mix_encoder"] = shared.encoder.revision
    meta["held"] = {
        "auc": round(auc(found[is_unsafe], found[~is_unsafe]), 3),
        "recall": round(float((found[is_unsafe] > 0).mean()), 3),
        "flagged": round(float((found[~is_unsafe] > 0).mean()), 3),
        "ordinary_flagged": round(float((logits_of(guard, ordinary) > 0).mean()), 4),
        "hazard_right": right_hazards(guard, [text for text in held if text.hazard]),
    }
    print(json.dumps({key: meta[key] for key in ("mix", "mix_encoder", "held")}, indent=1))
    return dump(arrays, meta)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--artefact", type=Path, default=artefact_path(NAME))
    options = parser.parse_args()
    options.artefact.write_bytes(mixed(options.artefact.read_bytes(), options.data))


if __name__ == "__main__":
    main()
