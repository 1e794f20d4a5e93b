"""Messages of Pydantic AI as the firewall reads them, and written anew."""

import copy
import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    RetryFeedbackPart,
    SystemPromptPart,
    TextContent,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from tyrian.adapters.wire import Json, Wired, named
from tyrian.core.message import Message, Role, ToolCall, Trace
from tyrian.errors import InputError

_FRAMEWORKS = frozenset(
    {
        "instruction",
        "instruction-delta",
        "instruction-baseline",
        "instruction-digest",
        "tool-availability-delta",
        "capability-load-delta",
        "model-settings-delta",
    }
)
"""Kinds of parts that only the operator's program writes."""


class Read:
    """One part of a request, and where its texts stand."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self._fields: Json = {}
        self.wired: Wired | None = None
        match part:
            case SystemPromptPart():
                self._take(Role.SYSTEM, part.content)
            case UserPromptPart():
                self._take(Role.USER, part.content)
            case ToolReturnPart():
                self._take(Role.TOOL, part.model_response_str(wrap_if_error=False))
                self._files(part.files)
            case RetryFeedbackPart():
                self._take(Role.TOOL, part.model_response())
            case _ if part.part_kind not in _FRAMEWORKS:
                raise InputError(f"no guard can read a part of kind {part.part_kind!r}")
        if self.wired is not None:
            self.wired.call_id = getattr(part, "tool_call_id", "")
            self.wired.name = getattr(part, "tool_name", "") or ""
        self._before = copy.deepcopy(self._fields)

    def written(self) -> Any:
        """The part with what may go on in it; itself where nothing was changed."""
        return (
            self._part
            if self._fields == self._before
            else dataclasses.replace(self._part, **self._fields)
        )

    def _take(self, role: Role, content: str | Sequence[Any]) -> None:
        self.wired = Wired(role)
        if isinstance(content, str):
            self._fields = {"content": content}
            self.wired.text(self._fields, "content", "content")
            return
        blocks = [one.content if isinstance(one, TextContent) else one for one in content]
        self._fields = {"content": blocks}
        for index, block in enumerate(blocks):
            if isinstance(block, str):
                self.wired.text(blocks, index, f"content[{index}]")
            elif not isinstance(block, CachePoint):
                self._files([block])

    def _files(self, files: Sequence[Any]) -> None:
        assert self.wired is not None
        for file in files:
            if isinstance(file, ImageUrl):
                self.wired.image(file.url)
            elif isinstance(file, BinaryContent) and file.is_image:
                self.wired.image(file.data_uri)
            else:
                raise InputError(f"no guard can read a {type(file).__name__}")


def read_request(message: ModelRequest) -> list[Read]:
    """The parts of a request."""
    return [Read(part) for part in message.parts]


def read_response(message: ModelResponse) -> Wired:
    """What a model said and called earlier."""
    wired = Wired(Role.ASSISTANT)
    for part in message.parts:
        if isinstance(part, TextPart):
            wired.text({"text": part.content}, "text", "text")
        elif isinstance(part, ToolCallPart):
            given = part.args if isinstance(part.args, str) else json.dumps(part.args or {})
            wired.parts.append(ToolCall(part.tool_call_id, part.tool_name, given))
    return wired


def read_trace(messages: Sequence[ModelMessage]) -> Trace:
    """The conversation of a history."""
    return Trace(tuple(_messages(messages)))


def _messages(messages: Sequence[ModelMessage]) -> Iterator[Message]:
    wired: list[Wired] = []
    for message in messages:
        if isinstance(message, ModelRequest):
            wired += [read.wired for read in read_request(message) if read.wired is not None]
        else:
            wired.append(read_response(message))
    for one in named(wired):
        yield one.message
