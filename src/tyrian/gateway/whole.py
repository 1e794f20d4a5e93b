"""A whole answer of the upstream, judged choice by choice."""

import secrets
import time
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from tyrian.core.decision import Decision, Effect
from tyrian.core.message import Message, TextPart, ToolCall
from tyrian.errors import UpstreamError
from tyrian.gateway.answer_form import AnswerForm
from tyrian.gateway.answers import new_completion_id, refused_message
from tyrian.gateway.chat_request import MAX_CHOICES
from tyrian.gateway.screen import Screen, decision_fields, guard_unavailable, is_guard_failure
from tyrian.gateway.tokens_used import note_told, tokens_in, told_usage, usage_fields
from tyrian.gateway.wire import Json, WireError, message_from_openai, write_back
from tyrian.gateway.wishes import Wishes, finish_reason_of

_KEPT = ("id", "object", "created", "model", "usage", "system_fingerprint", "service_tier")
_SIDE_CHANNELS = ("reasoning_content", "reasoning", "refusal")


@dataclass(frozen=True, slots=True)
class Judged:
    """A completion as it may leave, and what was decided of it."""

    out: Json
    worst: Decision | None


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
    out["object"] = "chat.completion"
    out["choices"] = judged
    if worst is not None and worst.effect is not Effect.ALLOW:
        out["tyrian"] = decision_fields(worst)
    return Judged(out, worst)


def finish_whole(out: Json, wishes: Wishes, model: str) -> None:
    """Fill in what every completion has, and hold it to its form; ApiError where it breaks it."""
    for key, value in (
        ("id", new_completion_id()),
        ("created", int(time.time())),
        ("model", model),
    ):
        if not out.get(key):
            out[key] = value
    told = told_usage(out.get("usage"))
    if told is not None:
        note_told(wishes.usage, told)
    else:
        wishes.usage.completion_tokens = tokens_in(sum(map(_size, _messages(out))))
    out["usage"] = told or usage_fields(wishes.usage)
    if wishes.form is not None:
        for choice, message in zip(cast(list[Json], out["choices"]), _messages(out), strict=True):
            _hold_to_form(wishes.form, choice, message)
    if wishes.moderation is not None:
        out["moderation"] = wishes.moderation.fields()


def _messages(out: Json) -> list[Json]:
    return [cast(Json, choice["message"]) for choice in cast(list[Json], out["choices"])]


def _size(message: Json) -> int:
    """Characters that the model wrote."""
    texts = [message.get(name) for name in ("content", *_SIDE_CHANNELS)]
    calls = cast(list[Any], message.get("tool_calls") or [])
    texts += [text for call in calls for text in call["function"].values()]
    return sum(len(text) for text in texts if isinstance(text, str))


def _hold_to_form(form: AnswerForm, choice: Json, message: Json) -> None:
    index = cast(int, choice["index"])
    content = message.get("content")
    form.text(index, content if isinstance(content, str) else "")
    for number, call in enumerate(cast(list[Any], message.get("tool_calls") or [])):
        form.call(index, number, call["function"]["name"], call["function"]["arguments"])
    form.finish(index, cast(str, choice["finish_reason"]))


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
    index = choice.get("index")
    rebuilt: Json = {"index": index if isinstance(index, int) else 0}
    decisions = [await screen.answer(message)] if screen.judges_answers else []
    for name in _SIDE_CHANNELS:
        text = raw.get(name)
        if not isinstance(text, str) or not text:
            continue
        fields[name] = text
        if screen.judges_answers:
            decision = await screen.answer(Message.assistant(text))
            decisions.append(decision)
            fields[name] = screen.pseudonyms.restore(decision.subject.text)
    worst = max(decisions, key=lambda decision: decision.effect) if decisions else None
    if worst is not None and not worst.may_pass:
        if is_guard_failure(worst):
            raise guard_unavailable(worst)
        refused = {"message": refused_message(worst), "finish_reason": "content_filter"}
        return {**rebuilt, **refused, "logprobs": None}, worst
    restored = _restored(decisions[0].subject, screen) if decisions else message
    # Log probabilities spell out the tokens of the text before it was changed.
    is_as_it_came = restored == message
    rebuilt["message"] = write_back(fields, restored)
    rebuilt["logprobs"] = choice.get("logprobs") if is_as_it_came else None
    rebuilt["finish_reason"] = finish_reason_of(
        choice.get("finish_reason"), has_calls=bool(message.tool_calls)
    )
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
    calls = raw.get("tool_calls")
    if calls:
        fields["tool_calls"] = [_with_id(c) for c in calls] if isinstance(calls, list) else calls
    try:
        message = message_from_openai(fields)
        if fields.get("tool_calls"):
            fields["tool_calls"] = [_plain_call(call) for call in message.tool_calls]
    except WireError as error:
        raise UpstreamError(f"the upstream's answer cannot be judged: {error.message}") from None
    return fields, message


def _with_id(call: object) -> object:
    """Some servers name no id, which the client needs for its tool's result."""
    if isinstance(call, dict) and not call.get("id"):
        return {**call, "id": "call_" + secrets.token_hex(12)}
    return call


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
