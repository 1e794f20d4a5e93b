"""A model that needs nothing: it follows a short script, and says so.

It lets the first try work without a model server, and gives tests a model whose answers are known.
It has the shape of a gateway upstream (`chat`, `list_models`, `close`), without importing it.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from tyrian.models.script import Reply, answer

MODEL_ID: Final = "tyrian-scripted"
MAX_CHOICES: Final = 16
_NO_TOKEN_LIMIT: Final = 1 << 31


class ScriptedReply:
    """An answer of the scripted model; never fails, holds no connection."""

    def __init__(self, status: int, body: bytes, events: Sequence[bytes], pace_s: float) -> None:
        kind = "text/event-stream" if events else "application/json"
        self.status = status
        self.headers: Mapping[str, str] = MappingProxyType({"content-type": kind})
        self._body = body
        self._events = events
        self._pace_s = pace_s

    async def read(self) -> bytes:
        """The whole body."""
        return self._body

    async def events(self) -> AsyncIterator[bytes]:
        """Payloads of the events, `[DONE]` last."""
        for event in self._events:
            await asyncio.sleep(self._pace_s)
            yield event

    async def close(self) -> None:
        """Nothing to let go of."""


class ScriptedModel:
    """Answers chat completions by script: the same request always gets the same words."""

    def __init__(self, *, name: str = "scripted", pace_s: float = 0.0) -> None:
        self.name = name
        self.model_ids: tuple[str, ...] = (MODEL_ID,)
        self._pace_s = pace_s

    async def chat(self, body: bytes, *, is_stream: bool, is_last: bool = True) -> ScriptedReply:
        """Answer a chat completion request (JSON text)."""
        try:
            request = json.loads(body)
            messages = request["messages"]
            if not isinstance(messages, list):
                raise TypeError("messages is not a list")
        except (ValueError, KeyError, TypeError, RecursionError):
            return _refusal("The request is not a chat completion.")
        count = request.get("n") or 1
        if not isinstance(count, int) or not 1 <= count <= MAX_CHOICES:
            return _refusal(f"n must be 1 to {MAX_CHOICES}.")
        reply = _bounded(answer(messages, request.get("tools") or [], request), request)
        head = {
            "id": "chatcmpl-" + hashlib.sha256(body).hexdigest()[:24],
            "created": int(time.time()),
            "model": MODEL_ID,
            "system_fingerprint": "fp_tyrian_scripted",
        }
        usage = _usage(messages, reply, count)
        if is_stream:
            options = request.get("stream_options") or {}
            wants_usage = bool(options.get("include_usage"))
            events = _events(head, reply, count, usage if wants_usage else None)
            return ScriptedReply(200, b"", events, self._pace_s)
        whole = head | {
            "object": "chat.completion",
            "choices": [_choice(index, reply) for index in range(count)],
            "usage": usage,
        }
        return ScriptedReply(200, _json(whole), (), self._pace_s)

    async def list_models(self) -> list[dict[str, object]]:
        """The one model."""
        return [{"id": MODEL_ID, "object": "model", "created": 0, "owned_by": "tyrian"}]

    async def close(self) -> None:
        """Nothing to let go of."""


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _refusal(message: str) -> ScriptedReply:
    fields = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return ScriptedReply(400, _json({"error": fields}), (), 0.0)


def pieces(text: str) -> list[str]:
    """The text in the pieces, words mostly, in which it is streamed and counted."""
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        words = line.split(" ")
        found.extend(word + " " for word in words[:-1])
        found.append(words[-1])
    return [piece for piece in found if piece]


def _bounded(reply: Reply, request: Mapping[str, Any]) -> Reply:
    """The reply cut at the first stop sequence, and at the limit of tokens."""
    if reply.calls:
        return reply
    text, stop = reply.text, request.get("stop") or []
    for sign in [stop] if isinstance(stop, str) else stop:
        if isinstance(sign, str) and sign:
            text = text.split(sign, 1)[0]
    limit = request.get("max_completion_tokens") or request.get("max_tokens") or _NO_TOKEN_LIMIT
    words = pieces(text)
    if len(words) <= limit:
        return Reply(text, (), "stop")
    return Reply("".join(words[:limit]), (), "length")


def _usage(messages: Sequence[Any], reply: Reply, count: int) -> dict[str, int]:
    given = sum(len(pieces(json.dumps(message, ensure_ascii=False))) for message in messages)
    made = len(pieces(reply.text)) + sum(len(pieces(call.arguments)) for call in reply.calls)
    return {
        "prompt_tokens": given,
        "completion_tokens": made * count,
        "total_tokens": given + made * count,
    }


def _choice(index: int, reply: Reply) -> dict[str, object]:
    message: dict[str, object] = {
        "role": "assistant",
        "content": None if reply.calls else reply.text,
        "refusal": None,
    }
    if reply.calls:
        message["tool_calls"] = [call.on_wire() for call in reply.calls]
    return {"index": index, "message": message, "logprobs": None, "finish_reason": reply.finish}


def _events(
    head: dict[str, object], reply: Reply, count: int, usage: dict[str, int] | None
) -> list[bytes]:
    frame = head | {"object": "chat.completion.chunk"}
    if usage is not None:
        frame["usage"] = None

    def chunk(index: int, delta: dict[str, object], finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _json(frame | {"choices": [choice]})

    deltas: list[dict[str, object]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": piece} for piece in pieces(reply.text)]
    for place, call in enumerate(reply.calls):
        deltas.append({"tool_calls": [call.on_wire(arguments="") | {"index": place}]})
        deltas += [
            {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}
            for piece in pieces(call.arguments)
        ]
    events = [chunk(index, delta) for delta in deltas for index in range(count)]
    events += [chunk(index, {}, reply.finish) for index in range(count)]
    if usage is not None:
        events.append(_json(frame | {"choices": [], "usage": usage}))
    return [*events, b"[DONE]"]
