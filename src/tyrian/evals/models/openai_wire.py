"""Requests and replies in the OpenAI dialect, as bytes; no input or output."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from tyrian.evals.exchange import Reply, ReplyStatus, Request, ToolCall, Turn, Usage


def body_of(request: Request, model: str) -> bytes:
    """The JSON body of a chat completion."""
    sampling = request.sampling
    body: dict[str, object] = {
        "model": model,
        "messages": [_message(turn) for turn in request.turns],
        "max_tokens": sampling.max_tokens,
    }
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
    if request.schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": dict(request.schema)},
        }
    return msgspec.json.encode(body)


def _message(turn: Turn) -> dict[str, object]:
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.call_id, "content": turn.text}
    content: object = turn.text
    if turn.images:
        words: list[object] = [{"type": "text", "text": turn.text}] if turn.text else []
        content = words + [
            {"type": "image_url", "image_url": {"url": data_url(i.media_type, i.data)}}
            for i in turn.images
        ]
    message: dict[str, object] = {"role": turn.role, "content": content}
    if turn.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in turn.calls
        ]
    return message


def data_url(media_type: str, data: bytes) -> str:
    """The bytes as a data: URL."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


class _Function(msgspec.Struct):
    name: str = ""
    arguments: str | None = ""


class _Call(msgspec.Struct):
    id: str | None = ""
    function: _Function = msgspec.field(default_factory=_Function)


class _Message(msgspec.Struct):
    content: str | list[Mapping[str, Any]] | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


_DECODER = msgspec.json.Decoder(_Completion)


def reply_of(body: bytes) -> Reply:
    """The reply in an answer of status 200; FAILED where it is no chat completion."""
    try:
        answer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Reply("", ReplyStatus.FAILED, "not_a_completion")
    if not answer.choices:
        return Reply("", ReplyStatus.EMPTY, "no_choice")
    choice = answer.choices[0]
    used = answer.usage or _Usage()
    usage = Usage(used.prompt_tokens or 0, used.completion_tokens or 0)
    text = _text(choice.message.content) or choice.message.refusal or ""
    calls = tuple(
        ToolCall(call.id or "", call.function.name, call.function.arguments or "")
        for call in choice.message.tool_calls or ()
    )
    finish = choice.finish_reason or ""
    if finish == "content_filter":
        return Reply("", ReplyStatus.FILTERED, "content_filter", finish_reason=finish, usage=usage)
    if not text.strip() and not calls:
        return Reply("", ReplyStatus.EMPTY, finish or "empty", finish_reason=finish, usage=usage)
    return Reply(text, calls=calls, finish_reason=finish, usage=usage)


def _text(content: str | list[Mapping[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return content or ""


class _Fault(msgspec.Struct):
    code: object = None
    type: object = None
    message: object = None


class _FaultBody(msgspec.Struct):
    error: _Fault | str | None = None


_FAULTS = msgspec.json.Decoder(_FaultBody)
_FILTERS = ("content_filter", "content_policy", "content_policy_violation", "moderation")


def is_filtered(body: bytes) -> bool:
    """Whether an error of status 400 or 403 says that a content filter stopped the request."""
    try:
        fault = _FAULTS.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if not isinstance(fault, _Fault):
        return False
    return any(isinstance(v, str) and v.startswith(_FILTERS) for v in (fault.code, fault.type))
