"""What guards found, in the shapes of the two moderation APIs."""

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import RunStatus, Stage
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.hazards import CATEGORIES, MEASURED, NAMES, CategoryMap
from tyrian.gateway.screen import decision_fields
from tyrian.gateway.wire import Json

_FLAGGED = frozenset({Effect.FLAG, Effect.REVIEW, Effect.BLOCK})


def moderation_model(firewall: Firewall | None) -> str:
    """Which models judge what comes in, for the `model` of a result."""
    infos = firewall.infos() if firewall else ()
    models = {info.model for stage, info in infos if stage is Stage.INPUT and info.model}
    return ", ".join(sorted(models)) or "tyrian"


def fired_labels(decision: Decision) -> list[str]:
    """The labels for which a message is flagged, in order."""
    return sorted({r.label for r in decision.reasons if r.label and r.effect in _FLAGGED})


def has_failed(decision: Decision) -> bool:
    """True where a guard gave no judgement."""
    return any(run.status in (RunStatus.ERROR, RunStatus.TIMEOUT) for run in decision.runs)


def result_of(
    decision: Decision, categories_by: CategoryMap, input_types: tuple[str, ...] = ("text",)
) -> Json:
    """One result; `flagged` also where a hazard has no category in OpenAI's shape.

    `input_types` says what of the input the scores reflect.
    """
    fired = fired_labels(decision)
    scores: dict[str, float] = {}
    has_probability: dict[str, bool] = {}
    for detection in (run.detection for run in decision.runs if run.detection):
        for label, score in detection.scores.items():
            scores[label] = max(score, scores.get(label, 0.0))
            known = has_probability.get(label, False)
            has_probability[label] = known or not detection.is_binary
    category_scores = dict.fromkeys(CATEGORIES, 0.0)
    categories = dict.fromkeys(CATEGORIES, False)
    for label in {*NAMES, *fired}:
        for category in categories_by.categories_of(label):
            score = scores.get(label, 0.0)
            category_scores[category] = max(category_scores[category], score)
            categories[category] = categories[category] or label in fired
    hazards = {
        label: {
            "name": NAMES.get(label, label),
            "flagged": label in fired,
            "score": score,
            "score_type": "probability" if has_probability[label] else "binary",
        }
        for label, score in scores.items()
    }
    return {
        "flagged": bool(fired),
        "categories": categories,
        "category_scores": category_scores,
        "category_applied_input_types": {
            category: list(input_types) if category in MEASURED else [] for category in CATEGORIES
        },
        "flagged_categories": fired,
        "hazards": hazards,
        "tyrian": decision_fields(decision),
    }
