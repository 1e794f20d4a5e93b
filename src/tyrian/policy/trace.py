"""Messages to the state of a trace: which tools were called, and what was read without trust."""

import time
from collections.abc import Sequence

from tyrian.core.message import Message, Origin
from tyrian.policy.flow import Clock, TraceState
from tyrian.policy.schema import PolicySpec

UNNAMED = "tool"
"""The source of a tool's output that neither says which tool it was nor answers a known call."""

UNTRUSTED = frozenset({Origin.TOOL, Origin.MEMORY, Origin.RETRIEVAL})


class TraceReader:
    """Reads messages into states. A state that was given is never changed."""

    def __init__(self, spec: PolicySpec, clock: Clock = time.monotonic) -> None:
        self._trusted = frozenset(spec.trusted_output)
        self._clock = clock

    def start(self) -> TraceState:
        """The state of a trace in which nothing has happened yet."""
        return TraceState(self._clock)

    def read(
        self, state: TraceState, messages: Sequence[Message], start: int, end: int | None = None
    ) -> TraceState:
        """The state after `messages[start:end]`, where `state` is that of those before.

        Calls count as made now: messages do not say when they were.
        """
        after = state.copy()
        for index in range(start, len(messages) if end is None else end):
            self._tell(after, messages, index)
        return after

    def _tell(self, state: TraceState, messages: Sequence[Message], index: int) -> None:
        message = messages[index]
        if message.origin is Origin.MODEL:
            for call in message.tool_calls:
                state.add_call(call.name)
        elif message.origin in UNTRUSTED and (source := self._source(messages, index)):
            state.add_output(source)

    def _source(self, messages: Sequence[Message], index: int) -> str:
        """Where the text of a message comes from; '' where it is trusted."""
        message = messages[index]
        if message.origin is not Origin.TOOL:
            return message.origin.value
        tool = tool_of(messages, index)
        return "" if tool in self._trusted else tool


def tool_of(messages: Sequence[Message], index: int) -> str:
    """The tool whose output a message is: by the call that it answers, else by its own name."""
    message = messages[index]
    if message.tool_call_id:
        for before in range(index - 1, -1, -1):
            for call in messages[before].tool_calls:
                if call.id == message.tool_call_id:
                    return call.name
    return message.name or UNNAMED
