"""Messages to the state of a trace: what was called, read without trust, and labelled."""

import time
from collections.abc import Callable, Iterable, Sequence

from tyrian.core.message import Message, Origin, ToolCall
from tyrian.policy.flow import Clock, TraceState
from tyrian.policy.taint.values import texts_in_json
from tyrian.policy.tool import ToolPolicy

UNNAMED = "tool"
"""The source of a tool's output that neither says which tool it was nor answers a known call."""

UNTRUSTED = frozenset({Origin.TOOL, Origin.MEMORY, Origin.RETRIEVAL})

Labeller = Callable[[Message], Iterable[tuple[str, str]]]
"""Labels and the values that carry them, of one message."""


def _no_labels(message: Message) -> tuple[tuple[str, str], ...]:
    return ()


class TraceReader:
    """Reads messages into states. A state that was given is never changed."""

    def __init__(
        self, policy: ToolPolicy, clock: Clock = time.monotonic, labeller: Labeller = _no_labels
    ) -> None:
        self._policy = policy
        self._trusted = frozenset(policy.spec.trusted_output)
        self._clock = clock
        self._labels = labeller

    def start(self) -> TraceState:
        """The state of a trace in which nothing has happened yet."""
        return self._policy.start_trace(self._clock)

    def read(
        self, state: TraceState, messages: Sequence[Message], start: int, end: int | None = None
    ) -> TraceState:
        """The state after `messages[start:end]`, where `state` is that of those before.

        Calls count as made now: messages do not say when they were.
        """
        after = state.copy()
        for message in messages[start:end]:
            self.tell(after, message)
        return after

    def tell(self, state: TraceState, message: Message) -> None:
        """Change a state into that after one more message."""
        if message.origin is Origin.MODEL:
            for call in message.tool_calls:
                state.add_call(call.name, call_id=call.id)
                self._carry(state, call)
            return
        if message.origin in UNTRUSTED:
            source = self._source(state, message)
            carried = state.carried.get(message.tool_call_id, ())
            if source or carried:
                state.add_output(source, message.text, carried)
            else:
                state.add_trusted(message.text)
        else:
            state.add_trusted(message.text)
        if state.memory is not None:
            state.add_labels(self._labels(message))

    def _carry(self, state: TraceState, call: ToolCall) -> None:
        """What a tool was given, its output may hold."""
        if state.memory is None or not call.id:
            return
        found = state.memory.derived(texts_in_json(call.arguments))
        if found.sources:
            state.carried[call.id] = found.sources
        else:
            state.carried.pop(call.id, None)

    def _source(self, state: TraceState, message: Message) -> str:
        """Where the text of a message comes from; '' where it is trusted."""
        if message.origin is not Origin.TOOL:
            return message.origin.value
        # By the call that it answers, else by its own name.
        tool = state.by_id.get(message.tool_call_id) or message.name or UNNAMED
        return "" if tool in self._trusted else tool
