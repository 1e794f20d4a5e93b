"""POST /v1/moderations in both shapes, and the map between hazards and categories.

A body with `messages` is Llama's: one verdict, on the last turn in the light of those before it.
A body with `input` is OpenAI's: one result for each string, with every hazard beside the thirteen
categories.
"""

import secrets
from collections.abc import Sequence

import msgspec

from tyrian.core.decision import Decision
from tyrian.core.detection import Stage
from tyrian.core.message import Message, Role, TextPart, Trace
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.dialect.llama_request import chat_from_llama
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.metering import Demand, metered
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.moderation_results import fired_labels, moderation_model, result_of
from tyrian.gateway.presence import while_client_stays
from tyrian.gateway.responses import send_body
from tyrian.gateway.screen import Firewalled, Screen, guard_unavailable, is_guard_failure
from tyrian.gateway.settings import Settings
from tyrian.gateway.tokens_used import tokens_in
from tyrian.gateway.wire import Json, WireError, part_from_openai, trace_from_openai

_MAX_CONTEXT = 256
_STAGE_OF_ROLE = {
    Role.USER: Stage.INPUT,
    Role.TOOL: Stage.TOOL_RESULT,
    Role.ASSISTANT: Stage.OUTPUT,
    Role.SYSTEM: Stage.INPUT,
}


class Moderations:
    """The endpoint."""

    def __init__(self, settings: Settings, guarded: Firewalled, metrics: Metrics) -> None:
        self._settings = settings
        self._guarded = guarded
        self._metrics = metrics
        self._model = moderation_model(settings.firewall)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "moderations"
        settings = self._settings
        key = await authenticate(scope, settings.keys, context, "moderations")
        limits = settings.limits
        body, obj = await read_json(
            scope, receive, limit=limits.max_body_bytes, timeout_s=limits.body_s
        )
        context.model = self._model
        screen = Screen(self._guarded, self._metrics, context)
        demand = Demand(self._model, tokens_in(len(body)), 0, names_model=False)
        async with (
            metered(settings.meter, key, demand, context) as usage,
            while_client_stays(receive),
        ):
            if "messages" in obj and "input" not in obj:
                answer = await self._conversation(obj, screen)
            else:
                answer = await self._inputs(obj, screen)
            usage.prompt_tokens = demand.prompt_tokens
        await send_body(send, msgspec.json.encode(answer))

    async def _inputs(self, obj: Json, screen: Screen) -> Json:
        inputs = read_inputs(obj.get("input"), self._settings.limits.max_moderation_inputs)
        if any(message.images for message in inputs):
            self._check_images(inputs, "input")
        firewall = self._firewall(Stage.INPUT)
        results = []
        for message in inputs:
            decision = await self._judged(firewall, message, Stage.INPUT, Trace(), screen)
            types: tuple[str, ...] = ("text",)
            if message.images:
                types = await self._types(firewall, message, decision, screen)
            results.append(result_of(decision, self._settings.categories_by, types))
        return {"id": "modr-" + secrets.token_hex(12), "model": self._model, "results": results}

    async def _types(
        self, firewall: Firewall, message: Message, decision: Decision, screen: Screen
    ) -> tuple[str, ...]:
        """Which of its parts a message with images was flagged for."""
        if not message.text:
            return ("image",)
        if not fired_labels(decision):
            return ("text", "image")
        texts = Message.user([part for part in message.parts if isinstance(part, TextPart)])
        alone = await self._judged(firewall, texts, Stage.INPUT, Trace(), screen)
        return ("text", "image") if fired_labels(alone) else ("image",)

    async def _conversation(self, obj: Json, screen: Screen) -> Json:
        trace = read_conversation(obj.get("messages"))
        message = trace.messages[-1]
        if message.images:
            self._check_images([message], "messages")
        stage = _STAGE_OF_ROLE.get(message.role, Stage.INPUT)
        firewall = self._firewall(stage)
        before = Trace(trace.messages[:-1])
        decision = await self._judged(firewall, message, stage, before, screen)
        fired = fired_labels(decision)
        result = {"flagged": bool(fired), "flagged_categories": fired}
        return {"model": self._model, "results": [result]}

    async def _judged(
        self, firewall: Firewall, message: Message, stage: Stage, trace: Trace, screen: Screen
    ) -> Decision:
        decision = await firewall.scan(message, stage=stage, trace=trace)
        screen.note(decision)
        if not decision.may_pass and is_guard_failure(decision):
            raise guard_unavailable(decision)
        return decision

    def _firewall(self, stage: Stage) -> Firewall:
        firewall = self._guarded.firewall
        if firewall is None or stage not in self._guarded.stages:
            raise ApiError(503, "No guard is there to judge the input.", code="guard_unavailable")
        return firewall

    def _check_images(self, messages: Sequence[Message], param: str) -> None:
        if not self._guarded.reads_images:
            raise bad_request(
                "No guard of this gateway reads images.", param=param, code="unsupported_content"
            )
        if any(not i.url.startswith("data:image/") for m in messages for i in m.images):
            raise bad_request(
                "An image must be sent as a `data:image/...` URL: nothing is fetched.",
                param=param,
                code="invalid_image_url",
            )


class Taxonomy:
    """GET /v1/moderations/taxonomy"""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "moderations"
        await authenticate(scope, self._settings.keys, context, "moderations")
        await send_body(send, msgspec.json.encode(self._settings.categories_by.document()))


def read_conversation(value: object) -> Trace:
    """A conversation in either dialect's spelling; its last turn must hold something."""
    try:
        trace = trace_from_openai(chat_from_llama({"messages": value})["messages"])
    except WireError as error:
        code = error.code or "invalid_value"
        raise bad_request(f"{error.message}.", param=error.param, code=code) from None
    last = trace.messages[-1]
    if len(trace.messages) > _MAX_CONTEXT:
        raise bad_request(f"`messages` holds more than {_MAX_CONTEXT} turns.", param="messages")
    if not any(last.segments) and not last.images:
        place = f"messages[{len(trace.messages) - 1}].content"
        raise bad_request("The last message must not be empty.", param=place)
    return trace


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
