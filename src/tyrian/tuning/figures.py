"""How an embedded model judges labelled texts, as its detector runs it: all views, whole texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tyrian.core.detection import Detection, Detector, DetectorInfo, View
from tyrian.core.taxonomy import MLCOMMONS, Hazard
from tyrian.detectors.content_guard.detector import ContentGuardDetector
from tyrian.detectors.prompt_guard.embedded import PromptGuardDetector
from tyrian.models.embedded import PromptGuard
from tyrian.tuning.choose import auc, reached
from tyrian.tuning.examples import Example
from tyrian.tuning.finetune import Model, model_of
from tyrian.tuning.rates import Rate
from tyrian.tuning.sparse import F64

THRESHOLD = 0.5
"""The shipped threshold of the embedded models."""
MOST_AUC_LOST = 0.02
MOST_RECALL_LOST = 0.1
MOST_FPR_GAINED = 0.1
"""What may be lost on the regression set, of which each side has a few dozen texts."""

Score = Callable[[Example], float]


@dataclass(frozen=True, slots=True)
class Figures:
    """One model on one set of texts."""

    recall: Rate
    false_positives: Rate
    auc: float | None
    """None where the set has only one side."""
    cost: float
    """Mean logistic loss."""


def scorer(model: Model) -> Score:
    """The greatest score that a detector with this model gives a text."""
    detector = _detector(model)

    def score(example: Example) -> float:
        row = example.row
        found = detector.detect(View.of(row.message, row.stage, row.trace))
        assert isinstance(found, Detection)  # both embedded detectors answer at once
        return found.score

    return score


def _detector(model: Model) -> Detector:
    info = DetectorInfo("own", "own", model.labels, "embedded", "own", model.revision)
    if isinstance(model, PromptGuard):
        return PromptGuardDetector(info, model, model.of_users())
    more = {label: Hazard(label, label) for label in model.labels if label not in MLCOMMONS}
    return ContentGuardDetector(info, model, {**MLCOMMONS, **more})


def figures(score: Score, examples: Sequence[Example]) -> Figures:
    """How the scores of a model fit the labels."""
    scores = np.array([score(one) for one in examples], dtype=np.float64)
    unsafe = np.array([one.is_unsafe for one in examples], dtype=bool)
    area = auc(scores[unsafe], scores[~unsafe]) if unsafe.any() and not unsafe.all() else None
    return Figures(
        reached(scores[unsafe], THRESHOLD),
        reached(scores[~unsafe], THRESHOLD),
        area,
        logistic_loss(scores, unsafe),
    )


def logistic_loss(scores: F64, unsafe: F64) -> float:
    """The mean logistic loss; both sides count alike where both are there."""
    if not len(scores):
        return 0.0
    sure = np.clip(np.where(unsafe, scores, 1.0 - scores), 1e-6, 1.0)
    sides = [
        -np.log(sure[side]).mean()
        for side in (unsafe.astype(bool), ~unsafe.astype(bool))
        if side.any()
    ]
    return float(np.mean(sides))


def cost_of(name: str) -> Callable[[bytes, Sequence[Example]], float]:
    """The loss of an artefact on examples, for choosing between several."""

    def cost(data: bytes, examples: Sequence[Example]) -> float:
        return figures(scorer(model_of(name, data)), examples).cost

    return cost


def losses(before: Figures, after: Figures) -> list[str]:
    """What a model has lost that it knew, in words; empty where it kept enough."""
    found = []
    if before.auc is not None and after.auc is not None and before.auc - after.auc > MOST_AUC_LOST:
        found.append(f"AUC {before.auc:.3f} before, {after.auc:.3f} after")
    if before.recall.value - after.recall.value > MOST_RECALL_LOST:
        found.append(f"recall {before.recall.value:.0%} before, {after.recall.value:.0%} after")
    if after.false_positives.value - before.false_positives.value > MOST_FPR_GAINED:
        found.append(
            f"false positives {before.false_positives.value:.0%} before, "
            f"{after.false_positives.value:.0%} after"
        )
    return found
