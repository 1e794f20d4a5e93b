"""A streamed answer on its way from the upstream to the client: rebuilt, and guarded on the way."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from tyrian.core.decision import Decision, Effect
from tyrian.errors import UpstreamError
from tyrian.firewall.pseudonym import Restorer
from tyrian.firewall.stream import Delta, ToolCallDelta
from tyrian.gateway.answers import ChunkWriter, encode, new_completion_id
from tyrian.gateway.chat_request import MAX_CHOICES, ChatRequest
from tyrian.gateway.dialect.interface import AnswerStream
from tyrian.gateway.screen import Screen, guard_unavailable, is_guard_failure
from tyrian.gateway.sse import DONE
from tyrian.gateway.token_probabilities import TokenProbabilities
from tyrian.gateway.tokens_used import note_told, tokens_in, told_usage, usage_fields
from tyrian.gateway.upstream_chunk import (
    ABSENT,
    CallPiece,
    ChoicePiece,
    DeltaPiece,
    FunctionPiece,
    decoder,
)
from tyrian.gateway.wishes import Wishes, finish_reason_of

MAX_CALLS = 512


_SIDE_CHANNELS = ("reasoning_content", "reasoning", "refusal")


class _Guard(Protocol):
    """What judges one string of an answer."""

    @property
    def decision(self) -> Decision | None: ...

    @property
    def is_blocked(self) -> bool: ...

    async def feed(self, delta: Delta) -> list[Delta]: ...

    async def close(self) -> list[Delta]: ...


class _Unguarded:
    """Lets everything through, where nobody is there to judge it."""

    decision: Decision | None = None
    is_blocked = False

    async def feed(self, delta: Delta) -> list[Delta]:
        return [delta]

    async def close(self) -> list[Delta]:
        return []


class _Channel:
    """One string of a choice: its guard, and what restores pseudonyms behind it."""

    def __init__(self, screen: Screen) -> None:
        self.guard: _Guard = screen.stream() if screen.judges_answers else _Unguarded()
        self.restorer = screen.pseudonyms.restorer()
        self.calls: dict[int, Restorer] = {}


class _ChoiceState:
    def __init__(self) -> None:
        self.channels: dict[str, _Channel] = {}
        self.is_over = False
        self.begun_calls: set[int] = set()
        self.call_ids: list[str] = []
        self.probabilities = TokenProbabilities()

    def number(self, call: CallPiece) -> int:
        """The call's number; some servers leave it out and tell calls apart by their ids."""
        if call.index is not None:
            return call.index
        if call.id and call.id not in self.call_ids:
            self.call_ids.append(call.id)
        return self.call_ids.index(call.id) if call.id else max(len(self.call_ids) - 1, 0)


class Relay:
    """Rebuilds all choices of a stream; only what the guards release is written."""

    def __init__(
        self, request: ChatRequest, screen: Screen, wishes: Wishes, out: AnswerStream
    ) -> None:
        self._request = request
        self._screen = screen
        self._form = wishes.form
        self._used = wishes.usage
        self._moderation = wishes.moderation
        self._out = out
        self._choices: dict[int, _ChoiceState] = {}
        self._writer: ChunkWriter | None = None
        self._size = 0
        self._usage: dict[str, object] | None = None

    async def run(self, events: AsyncIterator[bytes]) -> None:
        """Relay until the end; ApiError or UpstreamError where it has no clean one."""
        try:
            await self._run(events)
        finally:
            await self._close_all()

    async def _run(self, events: AsyncIterator[bytes]) -> None:
        is_done = False
        async for payload in events:
            if is_done:
                continue
            if payload == DONE:
                is_done = True
                await self._end()
                continue
            await self._take(payload)
            if self._is_settled():
                await self._end()
                return
        if not is_done:
            raise UpstreamError("the upstream ended its answer without [DONE]")

    async def _take(self, payload: bytes) -> None:
        try:
            chunk = decoder.decode(payload)
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise UpstreamError("the upstream sent a chunk that cannot be read") from None
        if bytes(chunk.error) not in ABSENT:
            raise UpstreamError("the upstream reported a failure in the middle of its answer")
        if self._writer is None:
            self._writer = ChunkWriter(
                (chunk.id or new_completion_id())[:128],
                chunk.created or int(time.time()),
                chunk.model or self._request.model,
            )
        if bytes(chunk.usage) not in ABSENT:
            self._usage = told_usage(msgspec.json.decode(chunk.usage)) or self._usage
            if self._usage is not None:
                note_told(self._used, self._usage)
        for choice in chunk.choices:
            await self._take_choice(self._writer, choice)

    async def _take_choice(self, writer: ChunkWriter, choice: ChoicePiece) -> None:
        state = self._choices.get(choice.index)
        if state is None:
            if not 0 <= choice.index < MAX_CHOICES:
                raise UpstreamError("the upstream sent a choice that nobody asked for")
            state = self._choices[choice.index] = _ChoiceState()
            await self._out.write([writer.role(choice.index)])
        if state.is_over:
            return
        if self._request.wants_logprobs and bytes(choice.logprobs) not in ABSENT:
            text = choice.delta.content if choice.delta is not None else None
            state.probabilities.take(text or "", _entries(choice.logprobs))
        if choice.delta is not None:
            await self._take_delta(writer, choice.index, state, choice.delta)
        if choice.finish_reason is not None and not state.is_over:
            await self._finish(writer, choice.index, state, choice.finish_reason)

    async def _take_delta(
        self, writer: ChunkWriter, index: int, state: _ChoiceState, delta: DeltaPiece
    ) -> None:
        for name in _SIDE_CHANNELS:
            text: str | None = getattr(delta, name)
            if text:
                self._count(len(text))
                await self._feed(writer, index, state, name, Delta(text))
        if delta.content:
            self._count(len(delta.content))
            await self._feed(writer, index, state, "content", Delta(delta.content))
        for call in delta.tool_calls or ():
            number = state.number(call)
            if not 0 <= number < MAX_CALLS:
                raise UpstreamError("the upstream sent more tool calls than can be judged")
            function = call.function or FunctionPiece()
            name, arguments = function.name or "", function.arguments or ""
            self._count(len(name) + len(arguments))
            piece = ToolCallDelta(number, call.id or "", name, arguments)
            await self._feed(writer, index, state, "content", Delta(call=piece))

    def _count(self, size: int) -> None:
        """Keep the estimate of what has been used, for an answer that is cut off."""
        self._size += size
        if self._used.is_estimate:
            self._used.completion_tokens = tokens_in(self._size)

    async def _feed(
        self, writer: ChunkWriter, index: int, state: _ChoiceState, name: str, delta: Delta
    ) -> None:
        if state.is_over:
            return
        channel = state.channels.get(name)
        if channel is None:
            channel = state.channels[name] = _Channel(self._screen)
        released = await channel.guard.feed(delta)
        if channel.guard.is_blocked:
            await self._stop(writer, index, state, channel.guard.decision)
        elif released:
            await self._write(writer, index, state, name, channel, released)

    async def _write(
        self,
        writer: ChunkWriter,
        index: int,
        state: _ChoiceState,
        name: str,
        channel: _Channel,
        released: list[Delta],
    ) -> None:
        chunks: list[bytes] = []
        for delta in released:
            text = channel.restorer.feed(delta.text) if delta.text else ""
            if text:
                chunks.append(self._text_chunk(writer, index, state, name, text))
            if delta.call is not None:
                piece = self._call_piece(state, channel, index, delta.call)
                chunks.append(writer.chunk(index, encode({"tool_calls": [piece]})))
        if chunks:
            await self._out.write(chunks)

    def _text_chunk(
        self, writer: ChunkWriter, index: int, state: _ChoiceState, name: str, text: str
    ) -> bytes:
        delta = b'{"%s":%s}' % (name.encode(), encode(text))
        if name != "content":
            return writer.chunk(index, delta)
        if self._form is not None:
            self._form.text(index, text)
        entries = state.probabilities.release(text) if self._request.wants_logprobs else None
        if entries is None:
            return writer.chunk(index, delta)
        return writer.chunk(index, delta, logprobs=encode({"content": entries, "refusal": None}))

    def _call_piece(
        self, state: _ChoiceState, channel: _Channel, index: int, call: ToolCallDelta
    ) -> dict[str, object]:
        restorer = channel.calls.get(call.index)
        if restorer is None:
            restorer = channel.calls[call.index] = self._screen.pseudonyms.restorer(in_json=True)
        arguments = restorer.feed(call.arguments)
        if self._form is not None:
            self._form.call(index, call.index, call.name, arguments)
        if call.index in state.begun_calls:
            return {"index": call.index, "function": {"arguments": arguments}}
        state.begun_calls.add(call.index)
        return {
            "index": call.index,
            "id": call.id or "call_" + secrets.token_hex(12),
            "type": "function",
            "function": {"name": call.name, "arguments": arguments},
        }

    async def _finish(
        self, writer: ChunkWriter, index: int, state: _ChoiceState, reason: str
    ) -> None:
        """The choice has ended upstream: judge all of it, then let the rest go."""
        judged: list[tuple[str, _Channel, list[Delta]]] = []
        for name, channel in state.channels.items():
            rest = await channel.guard.close()
            if channel.guard.is_blocked:
                await self._stop(writer, index, state, channel.guard.decision)
                return
            judged.append((name, channel, rest))
        worst: Decision | None = None
        for name, channel, rest in judged:
            await self._write(writer, index, state, name, channel, rest)
            await self._flush(writer, index, state, name, channel)
            decision = channel.guard.decision
            if decision is not None:
                self._screen.note(decision)
                if worst is None or decision.effect > worst.effect:
                    worst = decision
        state.is_over = True
        shown = worst if worst is not None and worst.effect is not Effect.ALLOW else None
        finish = finish_reason_of(reason, has_calls=bool(state.begun_calls))
        if self._form is not None:
            self._form.finish(index, finish)
        await self._out.write([writer.chunk(index, b"{}", encode(finish), shown)])

    async def _flush(
        self, writer: ChunkWriter, index: int, state: _ChoiceState, name: str, channel: _Channel
    ) -> None:
        text = channel.restorer.close()
        if text:
            await self._out.write([self._text_chunk(writer, index, state, name, text)])
        for number, restorer in channel.calls.items():
            rest = restorer.close()
            if rest:
                if self._form is not None:
                    self._form.call(index, number, "", rest)
                call = {"index": number, "function": {"arguments": rest}}
                await self._out.write([writer.chunk(index, encode({"tool_calls": [call]}))])

    async def _stop(
        self, writer: ChunkWriter, index: int, state: _ChoiceState, decision: Decision | None
    ) -> None:
        state.is_over = True
        if decision is None:
            raise AssertionError("a blocked stream has a decision")
        self._screen.note(decision)
        if is_guard_failure(decision):
            raise guard_unavailable(decision)
        await self._out.write(writer.refusal(index, decision))

    def _is_settled(self) -> bool:
        """True where no more may come: a stopped choice needs no more of the upstream's work."""
        over = [state for state in self._choices.values() if state.is_over]
        return len(over) >= self._request.choices and any(
            channel.guard.is_blocked for state in over for channel in state.channels.values()
        )

    async def _end(self) -> None:
        """All choices end, also those that the upstream left open before its `[DONE]`."""
        if self._writer is None:
            raise UpstreamError("the upstream's answer is empty")
        for index, state in self._choices.items():
            if not state.is_over:
                await self._finish(self._writer, index, state, "stop")
        if self._moderation is not None:
            await self._out.write([self._writer.moderation(encode(self._moderation.fields()))])
        if self._request.wants_usage:
            usage = usage_fields(self._used) if self._used.is_estimate else self._usage
            await self._out.write([self._writer.usage(encode(usage))])
        await self._out.done()

    async def _close_all(self) -> None:
        """A stream that broke off still leaves its audit record."""
        for state in self._choices.values():
            for channel in state.channels.values():
                if channel.guard.decision is None:
                    await channel.guard.close()


def _entries(logprobs: msgspec.Raw) -> list[object]:
    """The entries of the text; those of a refusal belong to a text that is ours to write."""
    fields = msgspec.json.decode(logprobs)
    entries = fields.get("content") if isinstance(fields, dict) else None
    return entries if isinstance(entries, list) else []
