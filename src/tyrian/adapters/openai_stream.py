"""Guards the chunks of a streamed chat: nothing of a choice leaves before it was judged."""

from collections.abc import Iterator
from typing import Any

from tyrian.adapters.conversation import RefusedError
from tyrian.adapters.openai_wire import TEXTS
from tyrian.core.message import Trace
from tyrian.errors import BlockedError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.stream import Delta, StreamGuard, ToolCallDelta


class ChunkGuard:
    """Chunks in, chunks that may leave out. Each text of each choice has a guard of its own.

    What no guard reads does not leave.
    """

    def __init__(self, firewall: Firewall, trace: Trace) -> None:
        self._firewall = firewall
        self._trace = trace
        self._guards: dict[tuple[int, str], StreamGuard] = {}
        self._last: Any = None

    async def feed(self, chunk: Any) -> list[Any]:
        """Take the next chunk; the chunks that may leave now. RefusedError once one may not."""
        self._last = chunk
        leaving: list[Any] = []
        ends: list[Any] = []
        kept: list[Any] = []
        for choice in chunk.choices:
            leaving += await self._take(chunk, choice)
            if choice.finish_reason is not None:
                leaving += await self._end(chunk, choice.index)
                ends.append(choice)
            elif choice.delta.role is not None:
                kept.append(choice)
        begun = [_only(chunk, kept)] if kept else []
        ended = [_only(chunk, ends)] if ends or not chunk.choices else []
        return [*begun, *leaving, *ended]

    async def close(self) -> list[Any]:
        """Judge what a stream without an end has left."""
        leaving: list[Any] = []
        for index in sorted({index for index, _ in self._guards}):
            leaving += await self._end(self._last, index)
        return leaving

    async def settle(self) -> None:
        """End all guards, so that a decision is written down also where nobody reads on."""
        for guard in self._guards.values():
            await guard.close()

    async def _take(self, chunk: Any, choice: Any) -> list[Any]:
        delta = choice.delta.model_dump(exclude_none=True)
        if delta.get("function_call"):
            raise BlockedError("no guard reads a `function_call`; offer `tools` to the model")
        leaving: list[Any] = []
        for key in TEXTS:
            if delta.get(key):
                found = await self._guard(choice.index, key).feed(Delta(delta[key]))
                leaving += self._checked(chunk, choice.index, key, found)
        for call in delta.get("tool_calls") or []:
            found = await self._guard(choice.index, TEXTS[0]).feed(Delta(call=_piece(call)))
            leaving += self._checked(chunk, choice.index, TEXTS[0], found)
        return leaving

    async def _end(self, chunk: Any, index: int) -> list[Any]:
        leaving: list[Any] = []
        for key in [key for at, key in self._guards if at == index]:
            found = await self._guards[index, key].close()
            leaving += self._checked(chunk, index, key, found)
        return leaving

    def _guard(self, index: int, key: str) -> StreamGuard:
        if (index, key) not in self._guards:
            self._guards[index, key] = self._firewall.stream(self._trace)
        return self._guards[index, key]

    def _checked(self, chunk: Any, index: int, key: str, found: list[Delta]) -> Iterator[Any]:
        guard = self._guards[index, key]
        if guard.is_blocked and guard.decision is not None:
            raise RefusedError(guard.decision, "the answer")
        for delta in found:
            fields: dict[str, Any] = {key: delta.text}
            if delta.call is not None:
                fields = {"tool_calls": [_on_wire(delta.call)]}
            yield _with(chunk, index, fields)


def _piece(call: dict[str, Any]) -> ToolCallDelta:
    function = call.get("function")
    if not isinstance(function, dict):
        raise BlockedError(f"no guard reads a call of type {call.get('type')!r}")
    return ToolCallDelta(
        call["index"],
        call.get("id") or "",
        function.get("name") or "",
        function.get("arguments") or "",
    )


def _on_wire(call: ToolCallDelta) -> dict[str, Any]:
    first = {"id": call.id, "type": "function"} if call.id else {}
    name = {"name": call.name} if call.name else {}
    return {"index": call.index, **first, "function": {**name, "arguments": call.arguments}}


def _only(chunk: Any, choices: list[Any]) -> Any:
    return chunk.model_copy(update={"choices": [_bare(choice) for choice in choices]})


def _bare(choice: Any) -> Any:
    """The choice without anything that a guard judges."""
    role = {"role": choice.delta.role} if choice.delta.role else {}
    delta = type(choice.delta).construct(**role)
    return choice.model_copy(update={"delta": delta, "logprobs": None})


def _with(chunk: Any, index: int, delta: dict[str, Any]) -> Any:
    """A chunk like this one whose only choice holds this delta."""
    given = {"index": index, "delta": delta, "finish_reason": None}
    made = type(chunk).construct(choices=[given])
    return chunk.model_copy(update={"choices": made.choices, "usage": None})
