"""Requests and replies in Anthropic's dialect, as bytes; no input or output."""

import base64
from typing import Any

import msgspec

from tyrian.evals.exchange import Reply, ReplyStatus, Request, ToolCall, Turn, Usage

VERSION = "2023-06-01"


def body_of(request: Request, model: str) -> bytes:
    """The JSON body of a message request."""
    sampling = request.sampling
    body: dict[str, object] = {
        "model": model,
        "max_tokens": sampling.max_tokens,
        "messages": [_message(turn) for turn in request.turns if turn.role != "system"],
    }
    system = "\n\n".join(turn.text for turn in request.turns if turn.role == "system")
    if system:
        body["system"] = system
    if sampling.temperature is not None:
        body["temperature"] = min(1.0, sampling.temperature)
    elif sampling.top_p is not None:
        body["top_p"] = sampling.top_p  # newer models refuse both together
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    return msgspec.json.encode(body)


def _tool(tool: Any) -> dict[str, object]:
    function = tool["function"]
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "input_schema": function.get("parameters") or {"type": "object"},
    }


def _message(turn: Turn) -> dict[str, object]:
    if turn.role == "tool":
        block = {"type": "tool_result", "tool_use_id": turn.call_id, "content": turn.text}
        return {"role": "user", "content": [block]}
    blocks: list[dict[str, object]] = [
        {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": image.media_type,
                "data": base64.b64encode(image.data).decode(),
            },
        }
        for image in turn.images
    ]
    if turn.text:
        blocks.append({"type": "text", "text": turn.text})
    for call in turn.calls:
        given = msgspec.json.decode(call.arguments or "{}")
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
    return {"role": turn.role, "content": blocks}


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: object = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = 0
    output_tokens: int | None = 0


class _Answer(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    usage: _Usage | None = None


_DECODER = msgspec.json.Decoder(_Answer)


def reply_of(body: bytes) -> Reply:
    """The reply in an answer of status 200; FAILED where it is no message."""
    try:
        answer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Reply("", ReplyStatus.FAILED, "not_a_completion")
    used = answer.usage or _Usage()
    usage = Usage(used.input_tokens or 0, used.output_tokens or 0)
    text = "".join(block.text for block in answer.content if block.type == "text")
    calls = tuple(
        ToolCall(block.id, block.name, msgspec.json.encode(block.input).decode())
        for block in answer.content
        if block.type == "tool_use"
    )
    finish = answer.stop_reason or ""
    if finish == "refusal" and not text.strip():
        return Reply("", ReplyStatus.FILTERED, "refusal", finish_reason=finish, usage=usage)
    if not text.strip() and not calls:
        return Reply("", ReplyStatus.EMPTY, finish or "empty", finish_reason=finish, usage=usage)
    return Reply(text, calls=calls, finish_reason=finish, usage=usage)
