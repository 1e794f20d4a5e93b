"""A middleware for agents of LangChain, which run on LangGraph.

    agent = create_agent(model, tools, middleware=[TyrianMiddleware(firewall)])

Each request to the model is judged before it is sent, and what it answers before it becomes part of
the state: RefusedError for what may not go on. A tool call that may not be made, and a result that
may not be read, are told to the model in the refusal's words; other calls are made with canonical
arguments. Put it last in the list, next to the model. A stream of messages gives each answer whole,
once it was judged.
"""

import copy
import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tyrian.adapters.conversation import Conversation, RefusedError
from tyrian.adapters.wire import Json, Wired, named, screen
from tyrian.core.message import Role, Trace
from tyrian.errors import BlockedError, InputError, MissingDependencyError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.sync import BACKGROUND

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage
    from langgraph.constants import TAG_NOSTREAM
    from langgraph.prebuilt.tool_node import ToolCallRequest
    from langgraph.types import Command
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        "the LangChain adapter needs the packages langchain and langgraph",
        hint="pip install 'tyrian[langchain]'",
    ) from error

_ROLES = {"human": Role.USER, "ai": Role.ASSISTANT, "system": Role.SYSTEM, "tool": Role.TOOL}
_IMAGES = ("image_url", "image")


class TyrianMiddleware(AgentMiddleware):
    """Judges what goes to the model, what comes back, and every tool call and its result."""

    def __init__(self, firewall: Firewall) -> None:
        super().__init__()
        self._firewall = firewall

    def wrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]
    ) -> ModelResponse:
        """Judge the messages, ask the model, and judge its answer."""
        asked, trace = BACKGROUND.run(self._asked(request))
        return BACKGROUND.run(self._answered(handler(asked), trace))

    async def awrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], Awaitable[ModelResponse]]
    ) -> ModelResponse:
        """The same for agents that are awaited."""
        asked, trace = await self._asked(request)
        return await self._answered(await handler(asked), trace)

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Judge a call, make it in canonical form, and judge what it gives."""
        talk = self._talk(request)
        judged = BACKGROUND.run(self._call(talk, request))
        if isinstance(judged, ToolMessage):
            return judged
        return BACKGROUND.run(self._result(talk, handler(judged)))

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """The same for agents that are awaited."""
        talk = self._talk(request)
        judged = await self._call(talk, request)
        if isinstance(judged, ToolMessage):
            return judged
        return await self._result(talk, await handler(judged))

    async def _asked(self, request: ModelRequest) -> tuple[ModelRequest, Trace]:
        read = [_Read(message) for message in request.messages]
        # Calls that were refused stay in the state, beside what the model was told of them.
        trace = await screen(self._firewall, [one.wired for one in read], judges_calls=False)
        written: list[AnyMessage] = [one.written() for one in read]
        return request.override(messages=written, model=_quiet(request.model)), trace

    async def _answered(self, response: ModelResponse, trace: Trace) -> ModelResponse:
        talk = Conversation(self._firewall, trace)
        result: list[BaseMessage] = []
        for message in response.result:
            if isinstance(message, AIMessage):
                read = _Read(message, has_calls=False)
                await read.judge(talk.answer)
                message = read.written()
            result.append(message)
        if response.structured_response is not None:
            answers = [one for one in response.result if isinstance(one, AIMessage)]
            for call in (call for one in answers for call in one.tool_calls):
                text = json.dumps(call["args"], ensure_ascii=False, default=str)
                if await talk.answer(text) != text:
                    raise BlockedError("a structured answer would have to be redacted")
        return dataclasses.replace(response, result=result)

    def _talk(self, request: ToolCallRequest) -> Conversation:
        state = request.state
        said = state["messages"] if isinstance(state, dict) else getattr(state, "messages", state)
        wired = named([_Read(message).wired for message in said])
        return Conversation(self._firewall, Trace(tuple(one.message for one in wired)))

    async def _call(
        self, talk: Conversation, request: ToolCallRequest
    ) -> ToolCallRequest | ToolMessage:
        call = request.tool_call
        call_id = call["id"] or ""
        try:
            given = await talk.call(call["name"], call["args"], call_id=call_id)
        except RefusedError as refused:
            return _told(refused, call_id, call["name"])
        return request.override(tool_call={**call, "args": given})

    async def _result(
        self, talk: Conversation, found: ToolMessage | Command[Any]
    ) -> ToolMessage | Command[Any]:
        if isinstance(found, ToolMessage):
            return await _judged_result(talk, found)
        update: Any = found.update
        if not isinstance(update, dict):
            raise BlockedError("a tool gave a command whose update is no dict, which is not judged")
        messages = [
            await _judged_result(talk, one) if isinstance(one, ToolMessage) else one
            for one in update.get("messages", [])
        ]
        return dataclasses.replace(found, update={**update, "messages": messages})


def _quiet(model: BaseChatModel) -> BaseChatModel:
    """The model without its tokens in streams, where they would leave before they were judged."""
    tags = [*(model.tags or []), TAG_NOSTREAM]
    return model.model_copy(update={"tags": tags, "disable_streaming": True})


class _Read:
    """A message of LangChain's as the firewall reads it, and written anew."""

    def __init__(self, message: BaseMessage, *, has_calls: bool = True) -> None:
        role = _ROLES.get(message.type.removesuffix("MessageChunk").lower())
        if role is None:
            raise InputError(f"no guard can read a message of type {message.type!r}")
        self._message = message
        self._fields: Json = {"content": copy.deepcopy(message.content)}
        call_id = message.tool_call_id if isinstance(message, ToolMessage) else ""
        self.wired = Wired(role, name=message.name or "", call_id=call_id)
        self._content(is_strict=role is not Role.ASSISTANT)
        if has_calls and isinstance(message, AIMessage):
            self._fields["tool_calls"] = copy.deepcopy(message.tool_calls)
            for call in self._fields["tool_calls"]:
                self.wired.call(call["id"] or "", call["name"], call, "args")

    def written(self) -> Any:
        """The message with what may go on in it."""
        return self._message.model_copy(update=self._fields)

    async def judge(self, step: Callable[[str], Awaitable[str]]) -> None:
        """Judge each text by itself."""
        for slot in self.wired.slots:
            slot.put(await step(slot.holder[slot.key]))

    def _content(self, *, is_strict: bool) -> None:
        content = self._fields["content"]
        if isinstance(content, str):
            self.wired.text(self._fields, "content", "content")
            return
        for index, block in enumerate(content):
            place = f"content[{index}]"
            if isinstance(block, str):
                self.wired.text(content, index, place)
            elif "text" in block:
                self.wired.text(block, "text", place)
            elif block.get("type") in _IMAGES:
                found = block.get("image_url", block.get("url", ""))
                self.wired.image(str(found["url"] if isinstance(found, dict) else found))
            elif is_strict:
                raise InputError(f"{place}: no guard can read a block of {block.get('type')!r}")


async def _judged_result(talk: Conversation, found: ToolMessage) -> ToolMessage:
    read = _Read(found)

    async def step(text: str) -> str:
        return await talk.result(text, name=found.name or "", call_id=found.tool_call_id)

    try:
        await read.judge(step)
    except RefusedError as refused:
        return _told(refused, found.tool_call_id, found.name or "")
    written: ToolMessage = read.written()
    return written


def _told(refused: RefusedError, call_id: str, name: str) -> ToolMessage:
    return ToolMessage(refused.explanation, tool_call_id=call_id, name=name, status="error")
