"""A streamed answer of the Responses API: chunks in, numbered and named events out."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from tyrian.gateway.dialect.response_items import (
    GrowingCall,
    GrowingItem,
    GrowingMessage,
    GrowingReasoning,
    GrowingRefusal,
    logprobs_of,
)
from tyrian.gateway.errors import ApiError
from tyrian.gateway.event_stream import EventStream
from tyrian.gateway.wire import Json

_encode = msgspec.json.encode


class Envelope(Protocol):
    """What stands around the items of a response."""

    @property
    def keep(self) -> Callable[[Json], Awaitable[None]] | None:
        """Puts the finished response away, where its client wants that."""
        ...

    def begun(self, model: str) -> Json:
        """The response before anything of it is there."""
        ...

    def finished(
        self, output: list[Json], finish_reason: str, usage: object, model: str, extras: Json
    ) -> Json:
        """The response once all of it is there."""
        ...


class ResponsesStream:
    """The events of one response; the last one holds all of it."""

    def __init__(self, out: EventStream, envelope: Envelope) -> None:
        self._out = out
        self._envelope = envelope
        self._items = OutputItems()
        self._number = 0
        self._model = ""
        self._finish_reason = "stop"
        self._usage: object = None
        self._extras: Json = {}

    @property
    def has_begun(self) -> bool:
        """True once the client has got a byte."""
        return self._out.has_begun

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Send the events that the chunks mean."""
        frames = [frame for chunk in chunks for frame in self._take(msgspec.json.decode(chunk))]
        if frames:
            await self._out.write(b"".join(frames))

    async def done(self) -> None:
        """Close what is open, and send the whole response."""
        frames = [self._event(event) for event in self._items.close()]
        response = self._envelope.finished(
            self._items.output, self._finish_reason, self._usage, self._model, self._extras
        )
        if self._envelope.keep is not None:
            # Before its client hears of it, who may follow it at once.
            await self._envelope.keep(response)
        kind = f"response.{response['status']}"
        frames.append(self._event({"type": kind, "response": response}))
        await self._out.write(b"".join(frames))
        await self._out.end()

    async def fail(self, error: ApiError) -> None:
        """Send an error event, in the dialect's shape and with the envelope beside it."""
        event: Json = {
            "type": "error",
            "code": error.code,
            "message": error.message,
            "param": error.param,
            **msgspec.json.decode(error.body),
        }
        await self._out.write(self._event(event))
        await self._out.end()

    def _event(self, event: Json) -> bytes:
        payload = _encode({**event, "sequence_number": self._number})
        self._number += 1
        return b"event: %s\ndata: %s\n\n" % (str(event["type"]).encode(), payload)

    def _take(self, chunk: Any) -> list[bytes]:
        events: list[Json] = []
        if not self._model:
            self._model = chunk["model"]
            begun = self._envelope.begun(self._model)
            events += [
                {"type": kind, "response": begun}
                for kind in ("response.created", "response.in_progress")
            ]
        for choice in chunk["choices"]:
            events += self._items.take(choice["delta"], choice.get("logprobs"))
            self._finish_reason = choice["finish_reason"] or self._finish_reason
            if choice["finish_reason"] in ("length", "content_filter"):
                self._items.is_incomplete = True
        self._usage = chunk.get("usage", self._usage)
        self._extras |= {key: chunk[key] for key in ("moderation", "tyrian") if key in chunk}
        return [self._event(event) for event in events]


class OutputItems:
    """The items of an answer as they grow."""

    def __init__(self) -> None:
        self.output: list[Json] = []
        self.is_incomplete = False
        """True where the answer was cut off."""
        self._open: GrowingItem | None = None
        self._calls: dict[int, GrowingCall] = {}
        """Calls that have begun; a server may go on with one after another has begun."""

    def take(self, delta: Any, logprobs: Any) -> list[Json]:
        """The events for a piece of the answer."""
        events: list[Json] = []
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            events += self._grow(GrowingReasoning, thought, [])
        if delta.get("content"):
            entries = logprobs.get("content") if isinstance(logprobs, dict) else None
            events += self._grow(GrowingMessage, delta["content"], logprobs_of(entries))
        if delta.get("refusal"):
            events += self._grow(GrowingRefusal, delta["refusal"], [])
        for piece in delta.get("tool_calls") or ():
            events += self._take_call(piece)
        return events

    def _take_call(self, piece: Any) -> list[Json]:
        events: list[Json] = []
        call = self._calls.get(piece["index"])
        if call is None:
            events = self._close_open()
            index = len(self.output)
            call = GrowingCall(index, piece["id"], piece["function"]["name"])
            self._calls[piece["index"]] = call
            self.output.append(call.item("in_progress"))
            events += call.begin()
        arguments = piece["function"].get("arguments")
        return events + (call.grow(arguments, []) if arguments else [])

    def _grow(
        self,
        kind: type[GrowingMessage] | type[GrowingReasoning],
        text: str,
        logprobs: list[Json],
    ) -> list[Json]:
        events: list[Json] = []
        item = self._open
        if type(item) is not kind:
            events = self._close_open()
            item = self._open = kind(len(self.output))
            self.output.append(item.item("in_progress"))
            events += item.begin()
        return events + item.grow(text, logprobs)

    def _close_open(self) -> list[Json]:
        item, self._open = self._open, None
        return [] if item is None else self._end(item)

    def _end(self, item: GrowingItem) -> list[Json]:
        status = "incomplete" if self.is_incomplete else "completed"
        self.output[item.index] = item.item(status)
        return item.end(status)

    def close(self) -> list[Json]:
        """The events that end all items that are open."""
        events = self._close_open()
        for call in self._calls.values():
            events += self._end(call)
        self._calls.clear()
        return events
