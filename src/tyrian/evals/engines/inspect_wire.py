"""Requests and replies in the terms of Inspect AI (extra `inspect`), and back.

Source: Inspect AI 0.3, https://inspect.aisi.org.uk
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    Content,
    ContentImage,
    ContentText,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    ResponseSchema,
)
from inspect_ai.tool import ToolCall as InspectCall
from inspect_ai.tool import ToolInfo, ToolParams
from inspect_ai.util import JSONSchema

from tyrian.evals.exchange import (
    Image,
    Part,
    Reply,
    ReplyStatus,
    Request,
    Sampling,
    ToolCall,
    Turn,
    Usage,
)

_NO_ARGUMENTS = "not JSON"
"""What stands for arguments that Inspect could not read; no JSON either."""
_ANSWER = "answer"


def messages_of(turns: Sequence[Turn]) -> list[ChatMessage]:
    """A conversation as Inspect has it."""
    return [_message(turn) for turn in turns]


def _message(turn: Turn) -> ChatMessage:
    match turn.role:
        case "system":
            return ChatMessageSystem(content=turn.text)
        case "assistant":
            calls = [
                InspectCall(id=call.id, function=call.name, arguments=_arguments(call.arguments))
                for call in turn.calls
            ]
            return ChatMessageAssistant(content=turn.text, tool_calls=calls or None)
        case "tool":
            return ChatMessageTool(content=turn.text, tool_call_id=turn.call_id)
    images = [
        ContentImage(
            image=f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"
        )
        for image in turn.images
    ]
    content: str | list[Content] = turn.text
    if images:
        content = [*images, ContentText(text=turn.text)]
    return ChatMessageUser(content=content)


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def tools_of(request: Request) -> list[ToolInfo]:
    """The tools that a request offers."""
    found = []
    for tool in request.tools:
        function = tool["function"]
        assert isinstance(function, Mapping)
        found.append(
            ToolInfo(
                name=str(function["name"]),
                description=str(function.get("description", "")),
                parameters=ToolParams.model_validate(function["parameters"]),
            )
        )
    return found


def config_of(request: Request) -> GenerateConfig:
    """How the model is to choose words, and the form that it is to answer in."""
    sampling = request.sampling
    schema = None
    if request.schema:
        form = JSONSchema.model_validate(dict(request.schema))
        schema = ResponseSchema(name=_ANSWER, json_schema=form)
    return GenerateConfig(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed,
        response_schema=schema,
    )


def reply_of(output: ModelOutput) -> Reply:
    """What an output of Inspect says, as a reply."""
    if output.error or not output.choices:
        return Reply("", ReplyStatus.FAILED, output.error or "no_choice")
    message, stop = output.choices[0].message, str(output.stop_reason)
    usage = Usage()
    if output.usage:
        usage = Usage(output.usage.input_tokens, output.usage.output_tokens)
    if stop == "content_filter":
        return Reply("", ReplyStatus.FILTERED, "content_filter", usage=usage)
    calls = tuple(
        ToolCall(
            call.id,
            call.function,
            _NO_ARGUMENTS if call.parse_error else msgspec.json.encode(call.arguments).decode(),
        )
        for call in message.tool_calls or ()
    )
    if not message.text.strip() and not calls:
        return Reply("", ReplyStatus.EMPTY, "empty", usage=usage)
    return Reply(message.text, calls=calls, finish_reason=stop, usage=usage)


# The other way round: our models for Inspect.


def request_of(
    messages: Sequence[ChatMessage], tools: Sequence[ToolInfo], config: GenerateConfig
) -> Request:
    """What Inspect asks, as a request."""
    schema: Mapping[str, object] = {}
    if config.response_schema:
        schema = config.response_schema.json_schema.model_dump(exclude_none=True)
    sampling = Sampling(
        config.temperature, config.top_p, config.max_tokens or Sampling().max_tokens, config.seed
    )
    return Request(
        Part.TARGET,
        tuple(_turn(message) for message in messages),
        sampling,
        schema,
        tuple(
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters.model_dump(exclude_none=True),
                },
            }
            for tool in tools
        ),
    )


def _turn(message: ChatMessage) -> Turn:
    images = []
    if isinstance(message.content, list):
        images = [_image(one.image) for one in message.content if isinstance(one, ContentImage)]
    calls: tuple[ToolCall, ...] = ()
    call_id = ""
    if isinstance(message, ChatMessageAssistant):
        calls = tuple(
            ToolCall(call.id, call.function, msgspec.json.encode(call.arguments).decode())
            for call in message.tool_calls or ()
        )
    if isinstance(message, ChatMessageTool):
        call_id = message.tool_call_id or ""
    return Turn(message.role, message.text, tuple(images), calls, call_id)


def _image(address: str) -> Image:
    head, _, data = address.partition(",")
    return Image(head.removeprefix("data:").partition(";")[0], base64.b64decode(data))


def output_of(reply: Reply, model: str) -> ModelOutput:
    """A reply as Inspect has it."""
    if reply.status is ReplyStatus.FAILED:
        return ModelOutput(model=model, error=reply.reason or "failed")
    output = ModelOutput.from_content(
        model,
        reply.text,
        stop_reason="content_filter" if reply.status is ReplyStatus.FILTERED else "stop",
    )
    output.message.tool_calls = [
        InspectCall(id=call.id, function=call.name, arguments=_arguments(call.arguments))
        for call in reply.calls
    ] or None
    output.usage = ModelUsage(
        input_tokens=reply.usage.prompt,
        output_tokens=reply.usage.completion,
        total_tokens=reply.usage.prompt + reply.usage.completion,
    )
    return output
