"""Guards the events of a streamed message: each block leaves as far as it was judged."""

import json
from typing import Any

from tyrian.adapters.conversation import Conversation, RefusedError
from tyrian.core.message import Message, Trace
from tyrian.errors import BlockedError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.stream import Delta, StreamGuard

_TEXTS = {"text": "text_delta", "thinking": "thinking_delta"}


class EventGuard:
    """Events in, events that may leave out; a tool call leaves whole, at its block's end."""

    def __init__(self, firewall: Firewall, trace: Trace) -> None:
        self._firewall = firewall
        self._talk = Conversation(firewall, trace)
        self._kind = ""
        self._start: Any = None
        self._text: StreamGuard | None = None
        self._said = ""
        self._input: list[str] = []
        self._delta: Any = None

    async def feed(self, event: Any) -> list[Any]:
        """Take the next event; the events that may leave now. RefusedError once one may not."""
        if event.type == "content_block_start":
            return await self._begin(event)
        if event.type == "content_block_delta":
            return await self._more(event)
        if event.type == "content_block_stop":
            return [*await self._end(), event]
        return [event]

    async def close(self) -> list[Any]:
        """Judge what a stream without an end has left."""
        return await self._end()

    async def settle(self) -> None:
        """Write a decision down also where nobody reads on."""
        if self._text is not None:
            await self._text.close()

    async def _begin(self, event: Any) -> list[Any]:
        block = event.content_block
        self._kind, self._start = block.type, event
        if block.type == "tool_use":
            self._input = []
            return []
        if block.type in _TEXTS:
            self._text = self._firewall.stream(self._talk.trace)
            self._said = ""
            bare = block.model_copy(update={block.type: ""})
            first = getattr(block, block.type)
            begun = event.model_copy(update={"content_block": bare})
            return [begun, *(await self._fed(first) if first else [])]
        if block.type == "redacted_thinking":
            return [event]
        raise BlockedError(f"no guard can read a block of type {block.type!r}")

    async def _more(self, event: Any) -> list[Any]:
        delta = event.delta
        if self._kind == "tool_use" and delta.type == "input_json_delta":
            self._input.append(delta.partial_json)
            self._delta = event
            return []
        if delta.type == _TEXTS.get(self._kind):
            self._delta = event
            return await self._fed(getattr(delta, self._kind))
        if delta.type == "signature_delta":
            return [*await self._finish_text(), event]
        if delta.type == "citations_delta":
            return []  # they quote what is held back
        raise BlockedError(f"no guard can read a piece of type {delta.type!r}")

    async def _end(self) -> list[Any]:
        kind, self._kind = self._kind, ""
        if kind == "tool_use":
            return await self._call()
        return await self._finish_text()

    async def _call(self) -> list[Any]:
        block, text = self._start.content_block, "".join(self._input)
        given = await self._talk.call(
            block.name, text or json.dumps(block.input or {}), call_id=block.id
        )
        bare = block.model_copy(update={"input": {}})
        begun = self._start.model_copy(update={"content_block": bare})
        piece = {"type": "input_json_delta", "partial_json": json.dumps(given)}
        return [begun, self._piece(piece)]

    async def _fed(self, text: str) -> list[Any]:
        if self._text is None:
            raise BlockedError("a piece of text came outside of its block")
        self._said += text
        return self._leaving(await self._text.feed(Delta(text)))

    async def _finish_text(self) -> list[Any]:
        if self._text is None:
            return []
        leaving = self._leaving(await self._text.close())
        self._text = None
        self._talk.trace = self._talk.trace.append(Message.assistant(self._said))
        return leaving

    def _leaving(self, deltas: list[Delta]) -> list[Any]:
        guard = self._text
        if guard is not None and guard.is_blocked and guard.decision is not None:
            raise RefusedError(guard.decision, "the answer")
        kind = self._start.content_block.type
        return [self._piece({"type": _TEXTS[kind], kind: delta.text}) for delta in deltas]

    def _piece(self, delta: dict[str, str]) -> Any:
        """An event of this block with that piece."""
        fields = {"type": "content_block_delta", "index": self._start.index, "delta": delta}
        if self._delta is not None:
            return type(self._delta).construct(**fields)
        from anthropic.types import RawContentBlockDeltaEvent  # the package is optional

        return RawContentBlockDeltaEvent.construct(**fields)
