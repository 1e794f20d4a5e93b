"""A chat completion request, checked: what goes on holds nothing that was not understood."""

from dataclasses import dataclass
from typing import cast

from tyrian.core.message import ImagePart, Role, Trace
from tyrian.errors import InputError
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.strict_json import refuse_lookalikes
from tyrian.gateway.wire import Json, WireError, trace_from_openai

MAX_CHOICES = 16
MAX_TOOLS = 512
_MAX_TOKENS = (1 << 31) - 1

# fmt: off
KNOWN_PARAMETERS = frozenset(
    {
        # The dialect itself.
        "model", "messages", "stream", "stream_options", "n", "max_tokens",
        "max_completion_tokens", "temperature", "top_p", "stop", "seed", "presence_penalty",
        "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format", "tools",
        "tool_choice", "parallel_tool_calls", "user", "metadata", "store", "service_tier",
        "reasoning_effort", "verbosity", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "modalities", "prediction", "moderation",
        # What self-hosted servers add to it; none of these brings text of its own into the prompt.
        "top_k", "min_p", "repetition_penalty", "length_penalty", "min_tokens", "ignore_eos",
        "stop_token_ids", "include_stop_str_in_output", "skip_special_tokens",
        "spaces_between_special_tokens", "best_of", "guided_json", "guided_regex",
        "guided_choice", "guided_grammar", "structured_outputs", "priority",
        "chat_template_kwargs", "think", "reasoning", "keep_alive", "cache_prompt", "typical_p",
        "mirostat", "mirostat_tau", "mirostat_eta", "truncate_prompt_tokens",
    }
)
# fmt: on
"""Parameters of a chat completion that are understood, or go on as they stand."""
_INTEGERS = {
    "n": (1, MAX_CHOICES),
    "max_tokens": (1, _MAX_TOKENS),
    "max_completion_tokens": (1, _MAX_TOKENS),
    "top_logprobs": (0, 20),
    "best_of": (1, MAX_CHOICES),
}
_BOOLEANS = ("stream", "logprobs", "store", "parallel_tool_calls")
_CHECKED = frozenset(
    {*_INTEGERS, *_BOOLEANS, "tools", "modalities", "chat_template_kwargs", "stop"}
)
MAX_STOPS = 16


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What the gateway needs of a request, beside the JSON as it came."""

    model: str
    trace: Trace
    messages: list[Json]
    is_stream: bool
    wants_usage: bool
    choices: int
    wants_logprobs: bool = False
    max_tokens: int | None = None
    """The client's bound on the tokens of a choice."""


def read_chat_request(
    obj: Json, *, allowed: frozenset[str] = frozenset(), allow_remote_images: bool = False
) -> ChatRequest:
    """The request in `obj`; 400 with the path of the parameter that is wrong, never its value."""
    _check_keys(obj, allowed)
    model = obj.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= 256 or not model.isprintable():
        raise bad_request("`model` must be the name of a model.", param="model")
    if not _CHECKED.isdisjoint(obj):
        _check_values(obj)
    try:
        trace = trace_from_openai(obj.get("messages"))
    except WireError as error:
        raise bad_request(f"{error.message}.", param=error.param, code=error.code) from None
    _check_images(trace, allow_remote=allow_remote_images)
    return ChatRequest(
        model,
        trace,
        cast(list[Json], obj["messages"]),
        is_stream=obj.get("stream") is True,
        wants_usage=_wants_usage(obj),
        choices=cast(int | None, obj.get("n")) or 1,
        wants_logprobs=obj.get("logprobs") is True,
        max_tokens=cast(int | None, obj.get("max_completion_tokens") or obj.get("max_tokens")),
    )


def _check_keys(obj: Json, allowed: frozenset[str]) -> None:
    if KNOWN_PARAMETERS.issuperset(obj):
        return
    try:
        refuse_lookalikes(obj, KNOWN_PARAMETERS, "the request")
    except InputError as error:
        raise bad_request(f"{error.message}.") from None
    for key in obj:
        if key not in KNOWN_PARAMETERS and key not in allowed:
            shown = key if key.isidentifier() and key.isascii() and len(key) <= 64 else None
            raise ApiError(
                400,
                "The request has a parameter that this gateway does not know, and which no guard"
                " would read.",
                param=shown,
                code="unsupported_parameter",
            )


def _check_values(obj: Json) -> None:
    for name, (least, most) in _INTEGERS.items():
        _check_integer(obj.get(name), name, least, most)
    for name in _BOOLEANS:
        if not isinstance(obj.get(name), bool | None):
            raise bad_request(f"`{name}` must be a boolean.", param=name)
    if obj.get("top_logprobs") is not None and obj.get("logprobs") is not True:
        raise bad_request("`top_logprobs` is only allowed with `logprobs`.", param="top_logprobs")
    if obj.get("max_tokens") is not None and obj.get("max_completion_tokens") is not None:
        raise bad_request(
            "Give `max_completion_tokens` or its alias `max_tokens`, not both.", param="max_tokens"
        )
    _check_stop(obj.get("stop"))
    _check_modalities(obj)
    _check_tools(obj.get("tools"))


def _check_integer(value: object, name: str, least: int, most: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise bad_request(f"`{name}` must be an integer from {least} to {most}.", param=name)


def _check_stop(stop: object) -> None:
    signs = stop if isinstance(stop, list) else [] if stop is None else [stop]
    if len(signs) > MAX_STOPS or not all(isinstance(s, str) and len(s) <= 1000 for s in signs):
        raise bad_request(
            f"`stop` must be a string or an array of at most {MAX_STOPS} strings.", param="stop"
        )


def _check_modalities(obj: Json) -> None:
    if obj.get("modalities") not in (None, ["text"]):
        raise bad_request(
            "Only text can be asked for: no guard can read other answers.",
            param="modalities",
            code="unsupported_parameter",
        )
    kwargs = obj.get("chat_template_kwargs")
    if kwargs is None:
        return
    if not isinstance(kwargs, dict) or not all(
        isinstance(value, bool | int | float | None) for value in kwargs.values()
    ):
        raise bad_request(
            "`chat_template_kwargs` takes numbers and booleans only: no guard would read its text.",
            param="chat_template_kwargs",
        )


def _check_tools(tools: object) -> None:
    if tools is None:
        return
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        raise bad_request(f"`tools` must be an array of at most {MAX_TOOLS}.", param="tools")
    for i, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            raise bad_request("A tool must be a function.", param=f"tools[{i}]")
        name = function.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= 128:
            raise bad_request("A function must have a name.", param=f"tools[{i}].function.name")


def _check_images(trace: Trace, *, allow_remote: bool) -> None:
    for i, message in enumerate(trace.messages):
        for part in message.parts:
            if not isinstance(part, ImagePart):
                continue
            if message.role is not Role.USER and message.role is not Role.TOOL:
                raise bad_request(
                    "Only user and tool messages hold images.", param=f"messages[{i}]"
                )
            is_remote = part.url.startswith(("http://", "https://"))
            if not (part.url.startswith("data:image/") or (is_remote and allow_remote)):
                raise bad_request(
                    "An image must be sent as a `data:image/...` URL.",
                    param=f"messages[{i}].content",
                    code="invalid_image_url",
                )


def _wants_usage(obj: Json) -> bool:
    options = obj.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict) or not isinstance(options.get("include_usage"), bool | None):
        raise bad_request("`stream_options` must be an object.", param="stream_options")
    if obj.get("stream") is not True:
        raise bad_request("`stream_options` is only allowed with `stream`.", param="stream_options")
    return options.get("include_usage") is True
