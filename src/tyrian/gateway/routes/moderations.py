"""POST /v1/moderations in OpenAI's shape, with every hazard beside the thirteen categories."""

import secrets

import msgspec

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import Stage
from tyrian.core.message import Message
from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.hazards import CATEGORIES, MEASURED, NAMES, TO_CATEGORIES
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.presence import while_client_stays
from tyrian.gateway.responses import send_body
from tyrian.gateway.screen import (
    Firewalled,
    Screen,
    decision_fields,
    guard_unavailable,
    is_guard_failure,
)
from tyrian.gateway.settings import Settings
from tyrian.gateway.wire import Json, WireError, part_from_openai

_FLAGGED = frozenset({Effect.FLAG, Effect.REVIEW, Effect.BLOCK})


class Moderations:
    """The endpoint."""

    def __init__(self, settings: Settings, guarded: Firewalled, metrics: Metrics) -> None:
        self._settings = settings
        self._guarded = guarded
        self._metrics = metrics
        kinds = settings.firewall.infos() if settings.firewall else ()
        models = {info.model for stage, info in kinds if stage is Stage.INPUT and info.model}
        self._model = ", ".join(sorted(models)) or "tyrian"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "moderations"
        settings = self._settings
        await authenticate(scope, settings.keys, context, "moderations")
        limits = settings.limits
        _, obj = await read_json(
            scope, receive, limit=limits.max_body_bytes, timeout_s=limits.body_s
        )
        inputs = read_inputs(obj.get("input"), limits.max_moderation_inputs)
        if not self._guarded.reads_images and any(message.images for message in inputs):
            raise bad_request(
                "No guard of this gateway reads images.", param="input", code="unsupported_content"
            )
        if self._guarded.firewall is None or Stage.INPUT not in self._guarded.stages:
            raise ApiError(503, "No guard is there to judge the input.", code="guard_unavailable")
        screen = Screen(self._guarded, self._metrics, context)
        async with while_client_stays(receive):
            results = []
            for message in inputs:
                decision = await self._guarded.firewall.scan(message, stage=Stage.INPUT)
                screen.note(decision)
                if not decision.may_pass and is_guard_failure(decision):
                    raise guard_unavailable(decision)
                results.append(result_of(decision))
        answer = {"id": "modr-" + secrets.token_hex(12), "model": self._model, "results": results}
        await send_body(send, msgspec.json.encode(answer))


def read_inputs(value: object, most: int) -> list[Message]:
    """The messages to judge, one result each; a list of parts is one message."""
    if isinstance(value, str):
        return [_text(value, "input")]
    if not isinstance(value, list) or not value:
        raise bad_request("`input` must be a string or a non-empty array.", param="input")
    if len(value) > most:
        raise bad_request(f"`input` holds more than {most} items.", param="input")
    if all(isinstance(item, str) for item in value):
        return [_text(item, f"input[{i}]") for i, item in enumerate(value)]
    try:
        parts = [part_from_openai(item, f"input[{i}]") for i, item in enumerate(value)]
    except WireError as error:
        raise bad_request(
            f"{error.message}.", param=error.param, code=error.code or "invalid_value"
        ) from None
    message = Message.user(parts)
    if not message.text and not message.images:
        raise bad_request("An input must not be empty.", param="input")
    return [message]


def _text(value: object, param: str) -> Message:
    if not isinstance(value, str) or not value:
        raise bad_request("An input must be a non-empty string.", param=param)
    return Message.user(value)


def result_of(decision: Decision) -> Json:
    """One result; `flagged` also where a hazard has no category in OpenAI's shape."""
    fired = {r.label: r.effect for r in decision.reasons if r.label and r.effect in _FLAGGED}
    scores: dict[str, float] = {}
    for run in decision.runs:
        for label, score in run.detection.scores.items() if run.detection else ():
            scores[label] = max(score, scores.get(label, 0.0))
    category_scores = dict.fromkeys(CATEGORIES, 0.0)
    categories = dict.fromkeys(CATEGORIES, False)
    for label, mapped in TO_CATEGORIES.items():
        for category in mapped:
            score = scores.get(label, 0.0)
            category_scores[category] = max(category_scores[category], score)
            categories[category] = categories[category] or label in fired
    hazards = {
        label: {"name": NAMES.get(label, label), "flagged": label in fired, "score": score}
        for label, score in scores.items()
    }
    return {
        "flagged": bool(fired),
        "categories": categories,
        "category_scores": category_scores,
        "category_applied_input_types": {
            category: ["text"] if category in MEASURED else [] for category in CATEGORIES
        },
        "flagged_categories": sorted(fired),
        "hazards": hazards,
        "tyrian": decision_fields(decision),
    }
