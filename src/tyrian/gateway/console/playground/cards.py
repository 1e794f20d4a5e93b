"""Model cards: what is known of a model, and what stands between it and its readers."""

from collections.abc import Iterable, Mapping

from tyrian.core.detection import DetectorInfo, Stage
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.tiers import is_at_least
from tyrian.gateway.catalogue import ServedModel
from tyrian.gateway.wire import Json

_BEFORE = (Stage.INPUT, Stage.TOOL_RESULT, Stage.DOCUMENT)


def card(
    model: ServedModel,
    state: Mapping[str, object],
    infos: Iterable[tuple[Stage, DetectorInfo]],
    key: KeyRecord,
) -> Json:
    """The card of a model as the holder of a key sees it; `lock` says why it cannot be used."""
    return {
        "id": model.id,
        "object": "playground.model",
        "owned_by": model.owned_by,
        "modalities": list(model.modalities),
        "context_length": model.context_length,
        "licence": model.licence or None,
        "revision": model.revision or None,
        "tier": model.tier,
        "price": _price(model),
        "hosted": bool(state.get("hosted", False)),
        "status": str(state.get("status", "available")),
        "data_classes": state.get("data_classes"),
        "guards": _pairing(infos),
        "lock": lock(model, key),
    }


def lock(model: ServedModel, key: KeyRecord) -> Json | None:
    """Why this key cannot use the model, None where it can."""
    if not is_at_least(key.tier, model.tier):
        message = f"For the {model.tier} tier; yours is {key.tier}. Your owner can ask for more."
        return {"kind": "tier", "tier": model.tier, "message": message}
    if not key.allows_model(model.id):
        message = "Your key, or its project, does not include this model."
        return {"kind": "key", "tier": model.tier, "message": message}
    return None


def _price(model: ServedModel) -> Json | None:
    """US dollars for a million tokens; None where nobody said."""
    return {"input": model.price[0], "output": model.price[1]} if model.price else None


def _pairing(infos: Iterable[tuple[Stage, DetectorInfo]]) -> Json:
    """The guards before and behind the model, each once."""
    before: dict[str, Json] = {}
    behind: dict[str, Json] = {}
    for stage, info in infos:
        side = before if stage in _BEFORE else behind
        known = side.setdefault(
            info.name,
            {
                "name": info.name,
                "kind": info.kind,
                "backend": info.backend,
                "model": info.model or None,
                "revision": info.revision or None,
                "fallback": info.fallback or None,
                "reads_images": info.reads_images,
                "stages": [],
            },
        )
        stages = known["stages"]
        if isinstance(stages, list):
            stages.append(stage.value)
    return {"before": list(before.values()), "behind": list(behind.values())}
