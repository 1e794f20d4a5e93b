"""A whole answer of the upstream, judged choice by choice."""

from dataclasses import dataclass

import msgspec

from tyrian.core.decision import Decision, Effect
from tyrian.core.message import Message, TextPart, ToolCall
from tyrian.errors import UpstreamError
from tyrian.gateway.answers import encode, refused_message
from tyrian.gateway.chat_request import MAX_CHOICES
from tyrian.gateway.screen import Screen, decision_fields, guard_unavailable, is_guard_failure
from tyrian.gateway.wire import Json, WireError, message_from_openai, write_back

_KEPT = ("id", "object", "created", "model", "usage", "system_fingerprint", "service_tier")
_SIDE_CHANNELS = ("reasoning_content", "reasoning", "refusal")


@dataclass(frozen=True, slots=True)
class Judged:
    """A completion as it may leave, and what was decided of it."""

    out: Json
    worst: Decision | None


async def judged_completion(raw: bytes, screen: Screen) -> bytes:
    """The completion as it may leave, as JSON text; fails as `judged_answer` does."""
    return encode((await judged_answer(raw, screen)).out)


async def judged_answer(raw: bytes, screen: Screen) -> Judged:
    """The completion as it may leave: rebuilt from what was judged, and from nothing else.

    UpstreamError where it cannot be read; ApiError where a guard could not judge it.
    """
    answer = _decoded(raw)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not 0 < len(choices) <= MAX_CHOICES:
        raise UpstreamError("the upstream's answer has no choices")
    out: Json = {key: answer[key] for key in _KEPT if key in answer}
    worst: Decision | None = None
    judged: list[Json] = []
    for choice in choices:
        if not isinstance(choice, dict):
            raise UpstreamError("the upstream's answer cannot be read")
        rebuilt, decision = await _judged_choice(choice, screen)
        judged.append(rebuilt)
        if decision is not None and (worst is None or decision.effect > worst.effect):
            worst = decision
    out["choices"] = judged
    if worst is not None and worst.effect is not Effect.ALLOW:
        out["tyrian"] = decision_fields(worst)
    return Judged(out, worst)


def _decoded(raw: bytes) -> Json:
    try:
        answer = msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise UpstreamError("the upstream's answer is not valid JSON") from None
    if not isinstance(answer, dict):
        raise UpstreamError("the upstream's answer is not an object")
    return answer


async def _judged_choice(choice: Json, screen: Screen) -> tuple[Json, Decision | None]:
    raw = choice.get("message")
    if not isinstance(raw, dict):
        raise UpstreamError("the upstream's answer has a choice without a message")
    fields, message = _message_of(raw)
    decisions = [await screen.answer(message)]
    for name in _SIDE_CHANNELS:
        text = raw.get(name)
        if isinstance(text, str) and text:
            decision = await screen.answer(Message.assistant(text))
            decisions.append(decision)
            fields[name] = screen.pseudonyms.restore(decision.subject.text)
    worst = max(decisions, key=lambda decision: decision.effect)
    rebuilt: Json = {"index": choice.get("index", 0)}
    if not worst.may_pass:
        if is_guard_failure(worst):
            raise guard_unavailable(worst)
        refused = {"message": refused_message(worst), "finish_reason": "content_filter"}
        return {**rebuilt, **refused, "logprobs": None}, worst
    restored = _restored(decisions[0].subject, screen)
    fields = write_back(fields, restored)
    # Log probabilities spell out the tokens of the text before it was changed.
    is_as_it_came = restored == message
    rebuilt["message"] = fields
    rebuilt["logprobs"] = choice.get("logprobs") if is_as_it_came else None
    rebuilt["finish_reason"] = choice.get("finish_reason")
    return rebuilt, worst


def _message_of(raw: Json) -> tuple[Json, Message]:
    """The fields that are judged and kept, and the message in them."""
    content = raw.get("content")
    if isinstance(content, list):
        content = "".join(
            str(part["text"])
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    fields: Json = {"role": "assistant", "content": content, "refusal": None}
    if raw.get("tool_calls"):
        fields["tool_calls"] = raw["tool_calls"]
    try:
        message = message_from_openai(fields)
        if fields.get("tool_calls"):
            fields["tool_calls"] = [_plain_call(call) for call in message.tool_calls]
    except WireError as error:
        raise UpstreamError(f"the upstream's answer cannot be judged: {error.message}") from None
    return fields, message


def _plain_call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _restored(message: Message, screen: Screen) -> Message:
    """Pseudonyms turned back into values, after the judging: the values are the user's own."""
    if not len(screen.pseudonyms):
        return message
    restore = screen.pseudonyms.restore
    segments = [
        restore(part.arguments, in_json=True) if isinstance(part, ToolCall) else restore(part.text)
        for part in message.parts
        if isinstance(part, ToolCall | TextPart)
    ]
    return message.with_segments(segments)
