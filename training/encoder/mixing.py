"""How the logits of both stages become one: gates, weights and threshold, by development texts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf

import numpy as np

from training import kept
from training.calibrate import auc, slope_for
from training.corpus import Row
from training.documents import documents_of
from tyrian.models.artefact import Artefact
from tyrian.models.encoder.glance import Glance
from tyrian.models.encoder.guard import Encoder
from tyrian.models.features import F64, Grams
from tyrian.models.linear import Block, LinearModel
from tyrian.models.stages import OTHERS, USERS, Lookout, Mix, SecondStage, doublings

_FROM_TOOLS = "benign_tool_output"
_NONE = -40.0
"""Worth that every spot has."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much the logits of the stages count, and what is assumed for windows not read."""

    first: float
    glance: float
    read: float
    harm: float
    unread: float


WEIGHTS = {
    USERS: Weights(0.15, 0.25, 0.6, 0.1, -3.0),
    OTHERS: Weights(0.3, 0.1, 0.6, 0.0, -3.0),
}
"""By origin. Orders in tool output are told by their words too, which the first stage knows best,
and harm is no sign of them; what users write to talk a model out of its rules, by what it means.
Found on sources and templates that neither stage had read."""
READ_SHARE, HARM_SHARE = 0.12, 0.05
"""Shares of benign development texts that pass the gates of attack and of harm."""
RATE, SOURCE_RATE = 0.005, 0.02
"""Shares of all benign development texts, and of any source's, above the shipped threshold."""
CLASS_RATES: Mapping[str, Mapping[str, float]] = {
    USERS: {
        kept.ORDINARY: 0.01,
        kept.TRIGGER: 0.06,
        kept.SECURITY: 0.03,
        kept.STYLED: 0.1,
        kept.FOREIGN: 0.05,
        kept.FOREIGN_SECURITY: 0.04,
    },
    OTHERS: {kept.CLEAN: 0.002},
}
"""The same of harmless texts of hard kinds, which the development set has few of."""

READ_LONG, LONG_RATE = 0.4, 0.06
"""Shares of long documents of which anything is read, and that pass the threshold. They are harder
than most: many of them are about attacks."""


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
        found.append(stage.judge(evidence, lookout.glanced, lookout.chosen()).logit)
    return np.array(found)


def seen_logits(first: Artefact, glance: Glance, documents: Sequence[Grams]) -> F64:
    """Per document, the logit by which the gate of attacks judges."""
    model = LinearModel(first)
    found = []
    for grams in documents:
        lookout = Lookout(-inf, glance=glance)
        model.judge([Block(0, grams)], lookout)
        found.append(lookout.seen)
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
    reader: Encoder,
    first: Artefact,
    harm: Artefact,
    dev: Sequence[Row],
    grams: Sequence[Grams],
) -> dict[str, SecondStage]:
    """Per origin the gates, which all share, and the threshold, by the benign development texts."""
    benign = [g for g, row in zip(grams, dev, strict=True) if not row.labels]
    if reader.glance is None:
        raise ValueError("the gates rest on a glance, and this encoder has none")
    gate = float(np.quantile(seen_logits(first, reader.glance, benign), 1.0 - READ_SHARE))
    harm_gate = float(np.quantile(first_logits(harm, benign), 1.0 - HARM_SHARE))
    attack = np.array([bool(row.labels) for row in dev])
    found = {}
    for origin, weights in WEIGHTS.items():
        mix = Mix(gate=gate, harm_gate=harm_gate, offset=0.0, **asdict(weights))
        stage = SecondStage(reader, LinearModel(harm), mix)
        logits = mixed_logits(stage, first, grams)
        limit = max(limit_of(logits, dev), class_limit_of(stage, first, CLASS_RATES[origin]))
        slope = slope_for(logits - limit, attack)
        scaled_mix = scaled(replace(mix, offset=-limit), slope)
        found[origin] = for_long_texts(replace(stage, mix=scaled_mix), first)
    return found


def limit_of(logits: F64, rows: Sequence[Row]) -> float:
    """The lowest logit above which there are no more benign texts than the rates allow."""
    sources = np.array(["" if row.labels else row.source for row in rows])
    rates = [(sources != "", RATE)]
    rates += [(sources == source, SOURCE_RATE) for source in sorted(set(sources) - {""})]
    return max(float(np.sort(logits[of])[-1 - int(of.sum() * rate)]) for of, rate in rates) + 1e-6


def class_limit_of(stage: SecondStage, first: Artefact, rates: Mapping[str, float]) -> float:
    """The same of the texts to calibrate on, by class; of no limit where there are none."""
    rows = [row for row in kept.kept_rows(kept.CALIBRATION) if row.kind in rates]
    logits = mixed_logits(stage, first, documents_of(rows))
    kinds = np.array([row.kind for row in rows])
    limits = [-inf]
    for kind in sorted(set(kinds.tolist())):
        some = np.sort(logits[kinds == kind])
        limits.append(float(some[-1 - int(len(some) * rates[kind])]) + 1e-6)
    return max(limits)


def for_long_texts(stage: SecondStage, first: Artefact) -> SecondStage:
    """The same stage that reads and stops no more long documents than it may, if any are known."""
    rows = [row for row in kept.kept_rows(kept.CALIBRATION) if row.kind == kept.DOCUMENT]
    documents = [grams for grams in documents_of(rows) if doublings(grams.length)]
    if not documents:
        return stage
    worth = float(np.quantile([_worth_of(stage, first, one) for one in documents], 1 - READ_LONG))
    stage = replace(stage, mix=replace(stage.mix, worth=worth, rise=0.0))
    logits = mixed_logits(stage, first, documents)
    doubled = np.array([doublings(grams.length) for grams in documents])
    rises = np.sort(np.maximum(logits, 0.0) / doubled)
    rise = float(rises[-1 - int(len(rises) * LONG_RATE)]) + 1e-6
    return replace(stage, mix=replace(stage.mix, rise=rise))


def _worth_of(stage: SecondStage, first: Artefact, grams: Grams) -> float:
    """The worth of the spot of a long text that stands out most."""
    lookout = Lookout(inf, glance=stage.encoder.glance, worth=_NONE)
    LinearModel(first).judge([Block(0, grams)], lookout)
    return max((one.excess for one in lookout.found), default=0.0) + _NONE


def scaled(mix: Mix, slope: float) -> Mix:
    """The same mix with its logits made this much steeper."""
    return replace(
        mix,
        first=mix.first * slope,
        glance=mix.glance * slope,
        read=mix.read * slope,
        harm=mix.harm * slope,
        offset=mix.offset * slope,
    )
