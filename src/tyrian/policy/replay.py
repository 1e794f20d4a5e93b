"""A recorded trace, decided on call by call as if it happened now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tyrian.core.message import Trace
from tyrian.policy.call import CallDecision, ProposedCall
from tyrian.policy.tool import ToolPolicy
from tyrian.policy.trace import TraceReader


@dataclass(frozen=True, slots=True)
class Replayed:
    """The decision on one recorded call."""

    trace: str
    """Id of the trace, or its number in the file where it has none."""
    message: int
    """Place of the message in the trace, from 0."""
    tool: str
    decision: CallDecision

    def as_json(self) -> Mapping[str, object]:
        """The decision as a row, with its place."""
        place = {"trace": self.trace, "message": self.message, "tool": self.tool}
        return {**self.decision.as_json(), **place}


def replay_trace(
    policy: ToolPolicy, trace: Trace, reader: TraceReader, number: int = 1
) -> Iterator[Replayed]:
    """The decision on each call of a trace, in order; all calls count as made.

    A record does not say when its calls were made, so limits by the minute do not hold.
    """
    name = trace.id or str(number)
    state = reader.start()
    for index, message in enumerate(trace.messages):
        if message.tool_calls:
            beside = state.copy()
            for call in message.tool_calls:
                proposed = ProposedCall(call.name, None, call.arguments or "{}", call.id or None)
                decision = policy.decide(proposed, beside, is_past=True)
                yield Replayed(name, index, call.name, decision)
                beside.add_call(call.name)
        state = reader.read(state, trace.messages, index, index + 1)
