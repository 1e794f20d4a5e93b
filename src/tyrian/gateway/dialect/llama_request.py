"""Requests of the Llama API's own dialect, as the chat completions they mean."""

from typing import cast

from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.wire import Json

# fmt: off
_KNOWN = frozenset(
    {
        "messages", "model", "max_completion_tokens", "repetition_penalty", "temperature", "top_p",
        "top_k", "response_format", "tools", "tool_choice", "user", "stream", "moderation",
    }
)
# fmt: on


def chat_from_llama(obj: Json) -> Json:
    """The request in OpenAI's shape; what is malformed goes on as it is, to be refused there."""
    for key in obj:
        if key not in _KNOWN:
            raise ApiError(
                400,
                "The request has a parameter that the Llama API does not have.",
                param=key if key.isidentifier() and key.isascii() and len(key) <= 64 else None,
                code="unsupported_parameter",
            )
    chat: Json = dict(obj)
    messages = obj.get("messages")
    if isinstance(messages, list):
        chat["messages"] = [_message(m) for m in messages]
    if "response_format" in obj:
        chat["response_format"] = _response_format(obj["response_format"])
    if obj.get("stream") is True:
        # The dialect's last event tells the tokens used.
        chat["stream_options"] = {"include_usage": True}
    return chat


def _message(value: object) -> object:
    if not isinstance(value, dict):
        return value
    message: Json = dict(value)
    content = value.get("content")
    if isinstance(content, dict):
        message["content"] = [content]
    if value.get("role") != "assistant":
        return message
    message.pop("stop_reason", None)
    calls = value.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [
            {"type": "function", **call} if isinstance(call, dict) else call for call in calls
        ]
        if not calls:
            del message["tool_calls"]
    if isinstance(content, dict) and content.get("type") == "text":
        # One text is a string in OpenAI's shape, and many model servers take nothing else.
        message["content"] = content.get("text")
    return message


def _response_format(value: object) -> object:
    """The dialect has no `strict`: a schema always holds."""
    if not isinstance(value, dict) or value.get("type") not in ("json_schema", "text"):
        raise bad_request(
            "`response_format.type` must be text or json_schema.", param="response_format"
        )
    spec = value.get("json_schema")
    if value["type"] == "json_schema" and isinstance(spec, dict):
        return {**value, "json_schema": {**cast(Json, spec), "strict": True}}
    return value
