"""A streamed answer on its way from the upstream to the client, guarded or as it came."""

import time
from collections.abc import AsyncIterator

import msgspec

from tyrian.core.decision import Decision, Effect
from tyrian.errors import UpstreamError
from tyrian.firewall.pseudonym import Restorer
from tyrian.firewall.stream import Delta, StreamGuard, ToolCallDelta
from tyrian.gateway.answers import ChunkWriter, encode, new_completion_id
from tyrian.gateway.chat_request import MAX_CHOICES, ChatRequest
from tyrian.gateway.event_stream import EventStream
from tyrian.gateway.screen import Screen, guard_unavailable, is_guard_failure
from tyrian.gateway.sse import DONE, frame

MAX_CALLS = 512


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    id: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[_Choice] = []
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_ABSENT = (b"", b"null")
_decoder = msgspec.json.Decoder(_Chunk)
_SIDE_CHANNELS = ("reasoning_content", "reasoning", "refusal")
_FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})


async def relay_as_is(events: AsyncIterator[bytes], out: EventStream) -> None:
    """Pass payloads on untouched; UpstreamError where the stream has no clean end."""
    is_done = False
    async for payload in events:
        if is_done:
            continue
        if payload == DONE:
            is_done = True
            await out.done()
        elif payload.startswith(b'{"error"'):
            raise UpstreamError("the upstream reported a failure in the middle of its answer")
        else:
            await out.write(frame(payload))
    if not is_done:
        raise UpstreamError("the upstream ended its answer without [DONE]")


class _Channel:
    """One string of a choice: its guard, and what restores pseudonyms behind it."""

    def __init__(self, screen: Screen) -> None:
        self.guard: StreamGuard = screen.stream()
        self.restorer = screen.pseudonyms.restorer()
        self.calls: dict[int, Restorer] = {}


class _ChoiceState:
    def __init__(self) -> None:
        self.channels: dict[str, _Channel] = {}
        self.is_over = False
        self.begun_calls: set[int] = set()


class GuardedRelay:
    """Judges all choices of a stream; only what the guards release is written."""

    def __init__(self, request: ChatRequest, screen: Screen, out: EventStream) -> None:
        self._request = request
        self._screen = screen
        self._out = out
        self._choices: dict[int, _ChoiceState] = {}
        self._writer: ChunkWriter | None = None
        self._usage: bytes | None = None
        self._size = 0

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
            chunk = _decoder.decode(payload)
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise UpstreamError("the upstream sent a chunk that cannot be read") from None
        if bytes(chunk.error) not in _ABSENT:
            raise UpstreamError("the upstream reported a failure in the middle of its answer")
        self._size += len(payload)
        if self._writer is None:
            self._writer = ChunkWriter(
                (chunk.id or new_completion_id())[:128],
                chunk.created or int(time.time()),
                chunk.model or self._request.model,
            )
        usage = bytes(chunk.usage)
        if usage not in _ABSENT:
            self._usage = usage
        for choice in chunk.choices:
            await self._take_choice(self._writer, choice)

    async def _take_choice(self, writer: ChunkWriter, choice: _Choice) -> None:
        state = self._choices.get(choice.index)
        if state is None:
            if not 0 <= choice.index < MAX_CHOICES:
                raise UpstreamError("the upstream sent a choice that nobody asked for")
            state = self._choices[choice.index] = _ChoiceState()
            await self._out.write(writer.role(choice.index))
        if state.is_over:
            return
        if choice.delta is not None:
            await self._take_delta(writer, choice.index, state, choice.delta)
        if choice.finish_reason is not None and not state.is_over:
            await self._finish(writer, choice.index, state, choice.finish_reason)

    async def _take_delta(
        self, writer: ChunkWriter, index: int, state: _ChoiceState, delta: _Delta
    ) -> None:
        for name in _SIDE_CHANNELS:
            text: str | None = getattr(delta, name)
            if text:
                await self._feed(writer, index, state, name, Delta(text))
        if delta.content:
            await self._feed(writer, index, state, "content", Delta(delta.content))
        for call in delta.tool_calls or ():
            if not 0 <= call.index < MAX_CALLS:
                raise UpstreamError("the upstream sent more tool calls than can be judged")
            function = call.function or _Function()
            piece = ToolCallDelta(
                call.index, call.id or "", function.name or "", function.arguments or ""
            )
            await self._feed(writer, index, state, "content", Delta(call=piece))

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
        frames: list[bytes] = []
        for delta in released:
            text = channel.restorer.feed(delta.text) if delta.text else ""
            if text:
                frames.append(writer.chunk(index, b'{"%s":%s}' % (name.encode(), encode(text))))
            if delta.call is not None:
                piece = _call_delta(state, channel, self._screen, delta.call)
                frames.append(writer.chunk(index, piece))
        if frames:
            await self._out.write(b"".join(frames))

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
            await self._flush(writer, index, name, channel)
            decision = channel.guard.decision
            if decision is not None:
                self._screen.note(decision)
                if worst is None or decision.effect > worst.effect:
                    worst = decision
        state.is_over = True
        shown = worst if worst is not None and worst.effect is not Effect.ALLOW else None
        finish = reason if reason in _FINISH_REASONS else "stop"
        await self._out.write(writer.chunk(index, b"{}", encode(finish), shown))

    async def _flush(self, writer: ChunkWriter, index: int, name: str, channel: _Channel) -> None:
        text = channel.restorer.close()
        if text:
            await self._out.write(writer.chunk(index, b'{"%s":%s}' % (name.encode(), encode(text))))
        for number, restorer in channel.calls.items():
            rest = restorer.close()
            if rest:
                call = {"index": number, "function": {"arguments": rest}}
                await self._out.write(writer.chunk(index, encode({"tool_calls": [call]})))

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
        if self._request.wants_usage:
            await self._out.write(self._writer.usage(self._usage or self._estimate()))
        await self._out.done()

    def _estimate(self) -> bytes:
        """Usage of a stream that was stopped before the upstream told it: 4 bytes a token."""
        prompt = sum(len(m.text) for m in self._screen.trace.messages) // 4
        completion = self._size // 256 + 1
        return encode(
            {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            }
        )

    async def _close_all(self) -> None:
        """A stream that broke off still leaves its audit record."""
        for state in self._choices.values():
            for channel in state.channels.values():
                if channel.guard.decision is None:
                    await channel.guard.close()


def _call_delta(
    state: _ChoiceState, channel: _Channel, screen: Screen, call: ToolCallDelta
) -> bytes:
    restorer = channel.calls.get(call.index)
    if restorer is None:
        restorer = channel.calls[call.index] = screen.pseudonyms.restorer(in_json=True)
    function: dict[str, str] = {"arguments": restorer.feed(call.arguments)}
    piece: dict[str, object] = {"index": call.index, "function": function}
    if call.index not in state.begun_calls:
        state.begun_calls.add(call.index)
        piece = {"index": call.index, "id": call.id, "type": "function", "function": function}
        function["name"] = call.name
    return encode({"tool_calls": [piece]})
