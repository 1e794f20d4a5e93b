"""Requests of the Responses API, as the chat completions they mean.

Only what is understood goes on: chat messages are written anew from the items, so that nothing in
them can reach the model that no guard has read.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.wire import Json

MAX_ITEMS = 10_000

_SAME = (
    "model", "stream", "temperature", "top_p", "parallel_tool_calls", "metadata", "user",
    "safety_identifier", "prompt_cache_key", "service_tier", "moderation", "top_logprobs",
)  # fmt: skip
_READ_HERE = frozenset(
    {
        "input", "instructions", "max_output_tokens", "text", "reasoning", "tools", "tool_choice",
        "include", "stream_options", "store", "previous_response_id", "truncation", "background",
    }
)  # fmt: skip
_KNOWN = _READ_HERE.union(_SAME)
_INCLUDABLE = frozenset({"message.output_text.logprobs", "reasoning.encrypted_content"})
_TEXT_PARTS = frozenset({"input_text", "output_text", "text"})
_ROLES = frozenset({"user", "assistant", "system", "developer"})


def chat_from_responses(obj: Json, before: Iterable[Json] = ()) -> Json:
    """The request in the shape of a chat completion; 400 for what cannot be served.

    `before` are the chat messages of the responses that this one follows.
    """
    _check_keys(obj)
    chat: Json = {key: obj[key] for key in _SAME if obj.get(key) is not None}
    chat["messages"] = [*_instructions(obj), *before, *messages_of_input(obj.get("input"))]
    if obj.get("max_output_tokens") is not None:
        chat["max_completion_tokens"] = obj["max_output_tokens"]
    chat |= _text(obj.get("text"))
    chat |= _reasoning(obj.get("reasoning"))
    if obj.get("tools"):
        chat["tools"] = _tools(obj["tools"])
    if obj.get("tool_choice") is not None:
        chat["tool_choice"] = _tool_choice(obj["tool_choice"])
    if _includes_logprobs(obj):
        chat["logprobs"] = True
    if obj.get("stream") is True:
        # The last event of a stream tells the tokens used.
        chat["stream_options"] = {"include_usage": True}
    return chat


def messages_of_input(value: object) -> list[Json]:
    """The items of an input as chat messages."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise bad_request("`input` must be a string or a non-empty array.", param="input")
    if len(value) > MAX_ITEMS:
        raise bad_request(f"`input` holds more than {MAX_ITEMS} items.", param="input")
    messages: list[Json] = []
    for i, item in enumerate(value):
        _add_item(messages, item, f"input[{i}]")
    if not messages:
        raise bad_request("`input` holds no message.", param="input")
    return messages


def _add_item(messages: list[Json], item: object, param: str) -> None:
    if not isinstance(item, dict):
        raise bad_request("An item must be an object.", param=param)
    kind = item.get("type", "message")
    if kind == "message":
        messages.append(_message(item, param))
    elif kind == "function_call":
        call = _call(item, param)
        last = messages[-1] if messages else {}
        if last.get("role") == "assistant":
            last["tool_calls"] = [*cast(list[Json], last.get("tool_calls") or []), call]
        else:
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
    elif kind == "function_call_output":
        call_id = _string(item, "call_id", param)
        content = _content(item.get("output"), f"{param}.output")
        messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
    elif kind != "reasoning":  # what a model thought before is not told to it again
        raise bad_request(
            "Items of this type are not known here.",
            param=f"{param}.type",
            code="unsupported_content",
        )


def _message(item: Json, param: str) -> Json:
    role = item.get("role")
    if role not in _ROLES:
        known = ", ".join(sorted(_ROLES))
        raise bad_request(f"The role must be one of {known}.", param=f"{param}.role")
    return {"role": role, "content": _content(item.get("content"), f"{param}.content")}


def _call(item: Json, param: str) -> Json:
    function = {
        "name": _string(item, "name", param),
        "arguments": _string(item, "arguments", param),
    }
    return {"id": _string(item, "call_id", param), "type": "function", "function": function}


def _string(item: Json, key: str, param: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise bad_request("It must be a string.", param=f"{param}.{key}")
    return value


def _content(value: object, param: str) -> object:
    """A string where there is only text, as many model servers take nothing else."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise bad_request("It must be a string or an array of parts.", param=param)
    parts = [_part(part, f"{param}[{i}]") for i, part in enumerate(value)]
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


def _part(part: object, param: str) -> Json:
    if not isinstance(part, dict):
        raise bad_request("A part must be an object.", param=param)
    kind = part.get("type")
    if kind in _TEXT_PARTS:
        return {"type": "text", "text": _string(part, "text", param)}
    if kind == "refusal":
        return {"type": "refusal", "refusal": _string(part, "refusal", param)}
    if kind == "input_image" and part.get("file_id") is None:
        image: Json = {"url": _string(part, "image_url", param)}
        if isinstance(part.get("detail"), str):
            image["detail"] = part["detail"]
        return {"type": "image_url", "image_url": image}
    raise bad_request(
        "No guard can read this type of part; known: input_text, output_text, refusal, and"
        " input_image with an `image_url`.",
        param=f"{param}.type",
        code="unsupported_content",
    )


def _instructions(obj: Json) -> list[Json]:
    value = obj.get("instructions")
    if value is None:
        return []
    if not isinstance(value, str):
        raise bad_request("`instructions` must be a string.", param="instructions")
    return [{"role": "system", "content": value}]


def _text(value: object) -> Json:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request("`text` must be an object.", param="text")
    out: Json = {}
    if value.get("verbosity") is not None:
        out["verbosity"] = value["verbosity"]
    form = value.get("format")
    if form is None:
        return out
    if not isinstance(form, dict):
        raise bad_request("`text.format` must be an object.", param="text.format")
    if form.get("type") == "json_schema":
        spec = {
            key: form[key] for key in ("name", "schema", "strict", "description") if key in form
        }
        out["response_format"] = {"type": "json_schema", "json_schema": spec}
    elif form.get("type") != "text":
        out["response_format"] = {"type": form.get("type")}
    return out


def _reasoning(value: object) -> Json:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request("`reasoning` must be an object.", param="reasoning")
    effort = value.get("effort")
    return {} if effort is None else {"reasoning_effort": effort}


def _tools(value: object) -> list[Json]:
    if not isinstance(value, list):
        raise bad_request("`tools` must be an array.", param="tools")
    tools: list[Json] = []
    for i, tool in enumerate(value):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise bad_request(
                "Only functions can be called here: no tool runs in the gateway.",
                param=f"tools[{i}].type",
                code="unsupported_parameter",
            )
        function = {
            key: tool[key]
            for key in ("name", "description", "parameters", "strict")
            if tool.get(key) is not None
        }
        tools.append({"type": "function", "function": function})
    return tools


def _tool_choice(value: object) -> object:
    if isinstance(value, dict) and value.get("type") == "function":
        return {"type": "function", "function": {"name": value.get("name")}}
    return value


def _includes_logprobs(obj: Json) -> bool:
    include = obj.get("include")
    if include is None:
        return obj.get("top_logprobs") is not None
    if not isinstance(include, list) or not _INCLUDABLE.issuperset(
        value for value in include if isinstance(value, str)
    ):
        known = ", ".join(sorted(_INCLUDABLE))
        raise bad_request(
            f"`include` takes {known}.", param="include", code="unsupported_parameter"
        )
    return "message.output_text.logprobs" in include or obj.get("top_logprobs") is not None


_REFUSED: Mapping[str, str] = {
    "background": "a response is made while its client waits",
    "truncation": "a conversation that is too long is an error",
}


def _check_keys(obj: Json) -> None:
    for key in obj:
        if key not in _KNOWN and obj[key] is not None:
            raise ApiError(
                400,
                "The request has a parameter that this gateway does not know, and which no guard"
                " would read.",
                param=key if key.isidentifier() and key.isascii() and len(key) <= 64 else None,
                code="unsupported_parameter",
            )
    for key, plain in (("background", False), ("truncation", "disabled")):
        if obj.get(key) not in (None, plain):
            raise bad_request(
                f"`{key}` cannot be chosen: {_REFUSED[key]}.",
                param=key,
                code="unsupported_parameter",
            )
