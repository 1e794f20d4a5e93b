"""Answers in the Llama API's own dialect."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from tyrian.gateway.errors import ApiError
from tyrian.gateway.event_stream import EventStream
from tyrian.gateway.sse import frame
from tyrian.gateway.wire import Json

_encode = msgspec.json.encode
_METRICS = (
    ("num_prompt_tokens", "prompt_tokens"),
    ("num_completion_tokens", "completion_tokens"),
    ("num_total_tokens", "total_tokens"),
)
_STOP_REASONS = {"tool_calls": "tool_calls", "length": "length"}
_EMPTY: Json = {"type": "text", "text": ""}


class LlamaDialect:
    """The dialect. It knows no refusals: what stands in place of a stopped answer is its text."""

    def whole(self, completion: Json) -> Json:
        """The one choice as the `completion_message`."""
        choice = cast(list[Any], completion["choices"])[0]
        message = choice["message"]
        text = message.get("content") or message.get("refusal") or ""
        calls = [
            {"id": call["id"], "function": call["function"]}
            for call in message.get("tool_calls") or ()
        ]
        out: Json = {
            "id": completion["id"],
            "completion_message": {
                "role": "assistant",
                "content": {"type": "text", "text": text},
                "stop_reason": _stop_reason(choice["finish_reason"]),
                "tool_calls": calls,
            },
            "metrics": _metrics(completion.get("usage")),
        }
        for extra in ("tyrian", "moderation"):
            if extra in completion:
                out[extra] = completion[extra]
        return out

    def stream(self, out: EventStream) -> "LlamaStream":
        """A stream of its events."""
        return LlamaStream(out)


class LlamaStream:
    """Chunks in, `start`, `progress`, `complete` and `metrics` events out; no `[DONE]`."""

    def __init__(self, out: EventStream) -> None:
        self._out = out
        self._id = ""
        self._call = -1
        self._ids: dict[int, str] = {}

    @property
    def has_begun(self) -> bool:
        """True once the client has got a byte."""
        return self._out.has_begun

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Send what the chunks mean."""
        frames = [self._event(event) for chunk in chunks for event in self._events(chunk)]
        if frames:
            await self._out.write(b"".join(frames))

    async def done(self) -> None:
        """The last event was the end."""
        await self._out.end()

    async def fail(self, error: ApiError) -> None:
        """Send an error event."""
        await self._out.fail(error)

    def _event(self, event: Json) -> bytes:
        return frame(_encode({"id": self._id, "event": event}))

    def _events(self, raw: bytes) -> list[Json]:
        chunk = msgspec.json.decode(raw)
        self._id = chunk["id"]
        events: list[Json] = []
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if "role" in delta:
                events.append({"event_type": "start", "delta": _EMPTY})
            text = delta.get("content") or delta.get("refusal")
            if text:
                events.append(_progress({"type": "text", "text": text}))
            events += [_progress(self._call_delta(call)) for call in delta.get("tool_calls", ())]
            if choice["finish_reason"] is not None:
                complete: Json = {
                    "event_type": "complete",
                    "delta": _EMPTY,
                    "stop_reason": _stop_reason(choice["finish_reason"]),
                }
                if "tyrian" in chunk:
                    complete["tyrian"] = chunk["tyrian"]
                events.append(complete)
        if "usage" in chunk:
            metrics = _metrics(chunk["usage"])
            events.append({"event_type": "metrics", "delta": _EMPTY, "metrics": metrics})
        if "moderation" in chunk:
            found = chunk["moderation"]
            events.append({"event_type": "metrics", "delta": _EMPTY, "moderation": found})
        return events

    def _call_delta(self, call: Json) -> Json:
        number = cast(int, call["index"])
        function = cast(Json, call["function"])
        delta: Json = {"type": "tool_call", "function": function}
        if number not in self._ids:
            self._ids[number] = cast(str, call["id"])
            delta["id"] = call["id"]
        elif number != self._call:
            # The dialect has no index: a piece of an earlier call is told by its id.
            delta["id"] = self._ids[number]
        self._call = number
        return delta


def _progress(delta: Json) -> Json:
    return {"event_type": "progress", "delta": delta}


def _stop_reason(finish_reason: str) -> str:
    return _STOP_REASONS.get(finish_reason, "stop")


def _metrics(usage: object) -> list[Json]:
    fields = usage if isinstance(usage, dict) else {}
    return [
        {"metric": metric, "value": fields[key], "unit": "tokens"}
        for metric, key in _METRICS
        if key in fields
    ]
