"""A capability for agents of Pydantic AI.

    agent = Agent(model, tools=[...], capabilities=[TyrianCapability(firewall)])

Each request to the model is judged before it is sent, and the answer before the agent reads it:
RefusedError for what may not go on. A tool call that may not be made, and a result that may not be
read, are told to the model in the refusal's words; other calls are made with canonical arguments.
A run that streams is refused: what it gives would leave before it was judged.
"""

import dataclasses
import json
from pathlib import PurePath
from typing import Any

from tyrian.adapters.conversation import Conversation, RefusedError
from tyrian.errors import BlockedError, ConfigError, MissingDependencyError
from tyrian.firewall.firewall import Firewall

try:
    from pydantic_ai import RunContext, ToolDefinition, ToolReturn
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models import ModelRequestContext
    from pydantic_core import to_jsonable_python

    from tyrian.adapters.pydantic_ai_wire import read_request, read_response, read_trace
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        "the adapter for Pydantic AI needs the package pydantic-ai-slim",
        hint="pip install 'tyrian[pydantic-ai]'",
    ) from error

from tyrian.adapters.wire import screen


@dataclasses.dataclass
class TyrianCapability(AbstractCapability[Any]):
    """Judges what goes to the model, what comes back, and every tool call and its result."""

    firewall: Firewall

    async def wrap_model_request(
        self, ctx: RunContext[Any], *, request_context: ModelRequestContext, handler: Any
    ) -> ModelResponse:
        """Judge the messages, ask the model, and judge its answer."""
        if request_context.streaming:
            raise ConfigError(
                "a streamed run gives out text before it was judged",
                hint="use `run`, or stream from a guarded client or gateway",
            )
        reads = [
            read_request(one) if isinstance(one, ModelRequest) else one
            for one in request_context.messages
        ]
        wired = []
        for one in reads:
            parts = one if isinstance(one, list) else []
            wired += [read.wired for read in parts if read.wired is not None]
            wired += [] if isinstance(one, list) else [read_response(one)]
        # Calls that were refused stay in the history, beside what the model was told of them.
        trace = await screen(self.firewall, wired, judges_calls=False)
        messages = [
            dataclasses.replace(was, parts=[read.written() for read in one])
            if isinstance(one, list) and isinstance(was, ModelRequest)
            else was
            for one, was in zip(reads, request_context.messages, strict=True)
        ]
        asked = dataclasses.replace(request_context, messages=messages)
        response: ModelResponse = await handler(asked)
        outputs = {tool.name for tool in asked.model_request_parameters.output_tools}
        return await _judged(Conversation(self.firewall, trace), response, outputs)

    async def wrap_tool_execute(
        self,
        ctx: RunContext[Any],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        handler: Any,
    ) -> Any:
        """Judge a call, make it in canonical form, and judge what it gives."""
        talk = Conversation(self.firewall, read_trace(ctx.messages))
        name, call_id = call.tool_name, call.tool_call_id
        try:
            plain = to_jsonable_python(args)
            given = await talk.call(name, plain, call_id=call_id)
            found = await handler(_canonical(args, plain, given, name))
            return await _result(talk, found, name, call_id)
        except RefusedError as refused:
            return refused.explanation


async def _judged(talk: Conversation, response: ModelResponse, outputs: set[str]) -> ModelResponse:
    """The answer as it may go on; what it hands to output tools is an answer too."""
    parts: list[Any] = []
    for part in response.parts:
        if isinstance(part, TextPart):
            part = dataclasses.replace(part, content=await talk.answer(part.content))
        elif isinstance(part, ToolCallPart) and part.tool_name in outputs:
            text = part.args_as_json_str()
            if await talk.answer(text) != text:
                raise BlockedError("a structured answer would have to be redacted")
        parts.append(part)
    return dataclasses.replace(response, parts=parts)


def _canonical(args: dict[str, Any], plain: Any, given: dict[str, Any], name: str) -> Any:
    """The validated arguments with the canonical texts in them."""
    made = dict(args)
    for key, value in given.items():
        was = args.get(key)
        if key in plain and plain[key] == value:
            continue
        if isinstance(was, PurePath) and isinstance(value, str):
            made[key] = type(was)(value)
        elif was == plain.get(key):
            made[key] = value
        else:
            raise BlockedError(f"the argument {key} of {name} cannot be made canonical")
    return made


async def _result(talk: Conversation, found: Any, name: str, call_id: str) -> Any:
    if isinstance(found, ToolReturn):
        value = await _result(talk, found.return_value, name, call_id)
        more: Any = found.content
        blocks = [more] if isinstance(more, str) else list(more or [])
        for index, block in enumerate(blocks):
            if isinstance(block, str):
                blocks[index] = await talk.result(block, name=name, call_id=call_id)
        content = blocks if more is not None else None
        return dataclasses.replace(found, return_value=value, content=content)
    if isinstance(found, str):
        return await talk.result(found, name=name, call_id=call_id)
    text = json.dumps(to_jsonable_python(found, serialize_unknown=True), ensure_ascii=False)
    judged = await talk.result(text, name=name, call_id=call_id)
    return found if judged == text else judged
