"""What recorded traces say of tools: their arguments, how often they were called, after what."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tyrian.core.message import Origin, ToolCall, Trace
from tyrian.policy.check import TOOL_NAME
from tyrian.policy.refusal import Refusal
from tyrian.policy.strict_json import read_arguments


@dataclass(slots=True)
class SeenTool:
    """One tool, over all traces."""

    name: str
    calls: int = 0
    traces: int = 0
    most: int = 0
    """Most calls in one trace."""
    values: dict[str, list[object]] = field(default_factory=lambda: defaultdict(list))
    """By argument, one for each call that gave it."""
    after: set[str] = field(default_factory=set)
    """Tools whose output had been read before, in any trace."""
    has_output: bool = False


@dataclass(slots=True)
class Seen:
    """All tools, and what could not be used."""

    tools: dict[str, SeenTool] = field(default_factory=dict)
    calls: int = 0
    traces: int = 0
    unreadable: int = 0
    """Calls whose arguments are no strict JSON object, or whose name is no plain one."""


def look_at(traces: Iterable[Trace]) -> Seen:
    """Everything that the traces say."""
    seen = Seen()
    for trace in traces:
        seen.traces += 1
        _look_at(trace, seen)
    return seen


def _look_at(trace: Trace, seen: Seen) -> None:
    counts: Counter[str] = Counter()
    outputs: set[str] = set()
    names: dict[str, str] = {}
    for message in trace.messages:
        for call in message.tool_calls:
            names[call.id] = call.name
            if _note(call, seen, outputs):
                counts[call.name] += 1
        if message.origin is Origin.TOOL:
            tool = names.get(message.tool_call_id, message.name)
            if tool in seen.tools:
                seen.tools[tool].has_output = True
                outputs.add(tool)
    for name, count in counts.items():
        tool_seen = seen.tools[name]
        tool_seen.traces += 1
        tool_seen.most = max(tool_seen.most, count)


def _note(call: ToolCall, seen: Seen, outputs: set[str]) -> bool:
    seen.calls += 1
    try:
        args = read_arguments(call.arguments or "{}")
    except Refusal:
        args = None
    if args is None or not TOOL_NAME.match(call.name):
        seen.unreadable += 1
        return False
    tool = seen.tools.setdefault(call.name, SeenTool(call.name))
    tool.calls += 1
    tool.after |= outputs
    for name, value in args.items():
        tool.values[name].append(value)
    return True
