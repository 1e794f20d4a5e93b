"""Answers of the Responses API."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from tyrian.gateway.dialect.response_items import (
    call_item,
    logprobs_of,
    message_item,
    new_id,
    reasoning_item,
    text_part,
)
from tyrian.gateway.dialect.responses_stream import ResponsesStream
from tyrian.gateway.event_stream import EventStream
from tyrian.gateway.wire import Json

_ECHOED: Json = {
    "instructions": None, "max_output_tokens": None, "metadata": {}, "parallel_tool_calls": True,
    "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": False,
    "temperature": None, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
    "top_p": None, "truncation": "disabled", "user": None, "safety_identifier": None,
    "prompt_cache_key": None, "service_tier": None,
}  # fmt: skip
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponsesDialect:
    """One request of the Responses API."""

    def __init__(
        self,
        request: Json,
        *,
        keep: Callable[[Json], Awaitable[None]] | None = None,
    ) -> None:
        """`keep` puts the finished response away, where its client wants that."""
        self._id = new_id("resp")
        self._created_at = int(time.time())
        self._request = request
        self.keep = keep

    def whole(self, completion: Json) -> Json:
        """The response for a completion."""
        choice = cast(list[Any], completion["choices"])[0]
        message = choice["message"]
        output: list[Json] = []
        thought = message.get("reasoning_content") or message.get("reasoning")
        if thought:
            output.append(reasoning_item(new_id("rs"), thought))
        part = _part_of(message, choice.get("logprobs"))
        if part is not None:
            output.append(message_item(new_id("msg"), [part], _status(choice["finish_reason"])))
        for call in message.get("tool_calls") or ():
            function = call["function"]
            item = call_item(new_id("fc"), call["id"], function["name"], function["arguments"])
            output.append(item)
        return self.finished(
            output,
            choice["finish_reason"],
            completion.get("usage"),
            str(completion["model"]),
            {key: completion[key] for key in ("moderation", "tyrian") if key in completion},
        )

    def stream(self, out: EventStream) -> ResponsesStream:
        """A stream of its events."""
        return ResponsesStream(out, self)

    def begun(self, model: str) -> Json:
        """The response before anything of it is there."""
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created_at,
            "status": "in_progress",
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": model,
            "output": [],
            "usage": None,
            **{key: self._request.get(key) or plain for key, plain in _ECHOED.items()},
            **_plain_values(self._request),
            "store": self.keep is not None,
        }

    def finished(
        self, output: list[Json], finish_reason: str, usage: object, model: str, extras: Json
    ) -> Json:
        """The response once all of it is there."""
        reason = _INCOMPLETE.get(finish_reason)
        if isinstance(extras.get("moderation"), dict):
            extras = {**extras, "moderation": _moderation(cast(Json, extras["moderation"]))}
        response: Json = {
            **self.begun(model),
            "status": "incomplete" if reason else "completed",
            "incomplete_details": {"reason": reason} if reason else None,
            "output": output,
            "usage": _usage(usage),
            **extras,
        }
        if not reason:
            response["completed_at"] = int(time.time())
        return response


def _part_of(message: Json, logprobs: object) -> Json | None:
    refusal, content = message.get("refusal"), message.get("content")
    if isinstance(refusal, str) and refusal:
        return {"type": "refusal", "refusal": refusal}
    if isinstance(content, str) and content:
        entries = logprobs.get("content") if isinstance(logprobs, dict) else None
        return text_part(content, logprobs_of(entries))
    return None


def _status(finish_reason: str) -> str:
    return "incomplete" if finish_reason in _INCOMPLETE else "completed"


def _plain_values(request: Json) -> Json:
    """Numbers and switches as they were set: zero and false are values too."""
    keys = ("temperature", "top_p", "parallel_tool_calls")
    return {key: request[key] for key in keys if request.get(key) is not None}


def _usage(usage: object) -> Json | None:
    if not isinstance(usage, dict):
        return None
    given, made = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached = given.get("cached_tokens") if isinstance(given, dict) else None
    reasoning = made.get("reasoning_tokens") if isinstance(made, dict) else None
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": cached or 0, "cache_write_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": reasoning or 0},
        "total_tokens": usage["total_tokens"],
    }


def _moderation(found: Json) -> Json:
    """One result for each side, where a completion has a list: the first that is flagged."""
    return {side: _one(cast(Json, found[side])) for side in ("input", "output")}


def _one(side: Json) -> Json:
    if side["type"] == "error":
        return side
    results = cast(list[Json], side["results"])
    return next((result for result in results if result["flagged"]), results[-1])
