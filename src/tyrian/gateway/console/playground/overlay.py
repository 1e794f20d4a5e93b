"""Records and what-ifs as the page shows them: chips of detectors, places in texts, reasons."""

from collections.abc import Mapping, Sequence

from tyrian.core.decision import Effect, Reason
from tyrian.core.detection import DetectorInfo, RunStatus, Stage
from tyrian.gateway.console.playground.recording import (
    KeptDecision,
    KeptPlace,
    KeptRun,
    Record,
)
from tyrian.gateway.console.playground.rejudge import Rejudged, places, told
from tyrian.gateway.hazards import NAMES
from tyrian.gateway.wire import Json
from tyrian.policy.guard import ANY_LABEL, GuardPolicy

Infos = Mapping[tuple[Stage, str], DetectorInfo]


def record_json(record: Record, policy: GuardPolicy, infos: Infos, digest: str) -> Json:
    """A record; `is_current` tells whether the policy that decided is still the gateway's."""
    return {
        "object": "playground.record",
        "id": record.id,
        "model": record.model,
        "policy": record.policy,
        "is_current": record.policy == digest,
        "decisions": [_decision(kept, policy, infos) for kept in record.decisions],
    }


def what_if_json(
    rejudged: Sequence[Rejudged], policy: GuardPolicy, infos: Infos, record: Record
) -> Json:
    """What would be, beside what was."""
    return {
        "object": "playground.what_if",
        "id": record.id,
        "policy": policy.digest,
        "summary": told(rejudged),
        "was": str(Effect.greatest(Effect.parse(one.recorded.effect) for one in rejudged)),
        "now": str(Effect.greatest(one.judgement.effect for one in rejudged)),
        "decisions": [
            {
                "id": one.recorded.id,
                "message": one.recorded.message,
                "stage": one.recorded.stage.value,
                "was": one.recorded.effect,
                "now": str(one.judgement.effect),
                "is_changed": one.is_changed,
                "is_known": one.is_known,
                "reasons": [_reason(reason) for reason in one.judgement.reasons],
                "guards": [_chip(run, policy, infos) for run in one.recorded.guard_runs],
                "replaced": [
                    {"start": start, "end": end, "label": label, "name": label_name(label)}
                    for start, end, label in places(one.judgement)
                ],
            }
            for one in rejudged
        ],
    }


def label_name(label: str) -> str:
    """A label as people read it: `S1` is `Violent Crimes`."""
    return NAMES.get(label) or label.replace("_", " ").replace("-", " ").capitalize()


def _decision(kept: KeptDecision, policy: GuardPolicy, infos: Infos) -> Json:
    return {
        "id": kept.id,
        "message": kept.message,
        "stage": kept.stage.value,
        "effect": kept.effect,
        "elapsed_ms": round(kept.elapsed_s * 1000, 2),
        "is_cached": kept.is_cached,
        "length": kept.length,
        "reasons": [_reason(reason.reason()) for reason in kept.reasons],
        "guards": [_chip(run, policy, infos) for run in kept.guard_runs],
        "places": [_place(place) for place in kept.places],
        "calls": [
            {
                "tool": call.tool,
                "effect": call.effect,
                "rule": call.rule,
                "reason": call.reason,
                "hint": call.hint,
            }
            for call in kept.calls
        ],
    }


def _reason(reason: Reason) -> Json:
    return {
        "effect": str(reason.effect),
        "rule": reason.rule,
        "guard": reason.detector,
        "label": reason.label,
        "name": label_name(reason.label) if reason.label else "",
        "score": round(reason.score, 4),
        "message": reason.message,
    }


def _place(place: KeptPlace) -> Json:
    return {
        "start": place.start,
        "end": place.end,
        "label": place.label,
        "name": label_name(place.label),
        "guard": place.guard,
        "message": place.message,
        "severity": place.severity,
        "score": round(place.score, 4),
        "is_replaced": place.is_replaced,
    }


def _chip(run: KeptRun, policy: GuardPolicy, infos: Infos) -> Json:
    """One detector's run, with what the policy makes of each of its labels."""
    info = infos.get((run.stage, run.guard))
    labels = [_label(run, label, score, policy) for label, score in (run.scores or {}).items()]
    # What counts most comes first: what fired, then what came nearest.
    labels.sort(key=lambda one: (not one["fired"], -_number(one["score"])))
    rule = policy.rule(run.stage, run.guard)
    failed = run.status is not RunStatus.OK or run.coverage < 1.0
    effects = [Effect.parse(str(one["effect"])) for one in labels if one["fired"]]
    if failed and rule is not None:
        effects.append(rule.on_error)
    return {
        "guard": run.guard,
        "stage": run.stage.value,
        "kind": info.kind if info else run.guard,
        "backend": info.backend if info else "",
        "model": (info.model if info else "") or None,
        "note": (info.fallback or info.note if info else "") or None,
        "status": run.status.value,
        "elapsed_ms": round(run.elapsed_s * 1000, 2),
        "problem": run.reason or (f"{run.coverage:.0%} of it judged" if failed else ""),
        "effect": str(Effect.greatest(effects)),
        "on_error": str(rule.on_error) if rule else str(Effect.BLOCK),
        "threshold": rule.threshold(ANY_LABEL) if rule else None,
        "labels": labels,
        "known_labels": list(info.labels) if info else [],
    }


def _number(value: object) -> float:
    return value if isinstance(value, float) else 0.0


def _label(run: KeptRun, label: str, score: float, policy: GuardPolicy) -> Json:
    rule = policy.rule(run.stage, run.guard)
    threshold = rule.threshold(label) if rule else 0.0
    effect = rule.effect_of(label) if rule else Effect.BLOCK
    return {
        "label": label,
        "name": label_name(label),
        "score": round(float(score), 4),
        "threshold": threshold,
        "effect": str(effect),
        "fired": score >= threshold and effect is not Effect.ALLOW,
    }
