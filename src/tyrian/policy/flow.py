"""Flow rules and limits over a trace: what was called and read so far decides what may follow.

`TraceState` is the whole memory: sets of tools and counters, updated by each event in constant
time, so that a decision costs the same after ten messages and after ten thousand.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyrian.core.decision import Effect
from tyrian.policy.call import Verdict
from tyrian.policy.labels import spelled_out
from tyrian.policy.schema import FlowSpec, LimitsSpec, Words
from tyrian.policy.taint.values import NO_PROVENANCE, Provenance

if TYPE_CHECKING:
    from tyrian.policy.taint.memory import TaintMemory

ANY_TOOL = "*"
MINUTE_S = 60.0
MAX_REMEMBERED = 10_000

Clock = Callable[[], float]


@dataclass(slots=True)
class TraceState:
    """What has happened in one trace. Not for several threads at once."""

    clock: Clock = time.monotonic
    called: dict[str, int] = field(default_factory=dict)
    """How often each tool was called."""
    untrusted: set[str] = field(default_factory=set)
    """Tools (and other sources) whose output the model has read without trust in it."""
    total: int = 0
    memory: "TaintMemory | None" = None
    """What was read, where the policy asks where values are from; None where it does not."""
    carried: dict[str, frozenset[str]] = field(default_factory=dict)
    """Of calls whose arguments quote what is untrusted: the sources, by the id of the call."""
    _recent: dict[str, deque[float]] = field(default_factory=dict)
    by_id: dict[str, str] = field(default_factory=dict)
    """The tool of each call that has an id: outputs name the call, not the tool."""

    def add_call(self, tool: str, *, at: float | None = None, call_id: str = "") -> None:
        """A call that was let through; `at` in seconds of the clock."""
        if call_id:
            self.by_id[call_id] = tool
        self.called[tool] = self.called.get(tool, 0) + 1
        self.total += 1
        recent = self._recent.setdefault(tool, deque(maxlen=MAX_REMEMBERED))
        recent.append(self.clock() if at is None else at)

    def forget_call(self, tool: str) -> None:
        """Take back the newest call of a tool; nothing happens where there is none."""
        if not (count := self.called.get(tool, 0)):
            return
        self.total -= 1
        if count == 1:
            del self.called[tool]
        else:
            self.called[tool] = count - 1
        if recent := self._recent.get(tool):
            recent.pop()

    def add_output(self, source: str, text: str = "", also: Iterable[str] = ()) -> None:
        """Content of an untrusted origin that the model has read: a tool's name, or another's.

        `also` are sources of what the tool was called with: its output may hold it still.
        """
        sources = {source, *also} if source else set(also)
        self.untrusted |= sources
        if self.memory is not None:
            self.memory = self.memory.read(text, sources)

    def add_trusted(self, text: str) -> None:
        """What the user or the operator wrote: to repeat it is no quotation of anybody else."""
        if self.memory is not None:
            self.memory = self.memory.trust(text)

    def add_labels(self, values: Iterable[tuple[str, str]]) -> None:
        """Values that were read with a label each, such as `secret`: (label, value)."""
        if self.memory is not None:
            self.memory = self.memory.mark(values)

    def copy(self) -> "TraceState":
        """A state that goes its own way from here."""
        since = self.clock() - MINUTE_S
        recent = {
            tool: deque(times, MAX_REMEMBERED)
            for tool, times in self._recent.items()
            if times and times[-1] > since
        }
        return TraceState(
            self.clock,
            dict(self.called),
            set(self.untrusted),
            self.total,
            self.memory,
            dict(self.carried),
            recent,
            dict(self.by_id),
        )

    def within_minute(self, tool: str, now: float) -> int:
        """Calls of a tool (`*`: of all) in the last 60 seconds."""
        if tool == ANY_TOOL:
            return sum(self.within_minute(name, now) for name in self._recent)
        recent = self._recent.get(tool)
        if not recent:
            return 0
        while recent and recent[0] <= now - MINUTE_S:
            recent.popleft()
        return len(recent)


_EFFECTS = {"deny": Effect.BLOCK, "ask": Effect.REVIEW, "flag": Effect.FLAG}
_DONE = {Effect.BLOCK: "is denied", Effect.REVIEW: "needs a person", Effect.FLAG: "is noted"}


@dataclass(frozen=True, slots=True)
class FlowRule:
    """One rule: after any of these events, calls of its tools have this effect."""

    id: str
    effect: Effect
    reason: str
    called: frozenset[str]
    untrusted: frozenset[str]
    is_any_untrusted: bool
    tools: frozenset[str]
    quoted: frozenset[str] = frozenset()
    """Sources that the arguments quote."""
    held: frozenset[str] = frozenset()
    """Labels of values that the arguments hold."""
    seen: frozenset[str] = frozenset()
    """Labels of values that the trace has read."""
    args: frozenset[str] = frozenset()

    @classmethod
    def of(cls, spec: FlowSpec, index: int) -> "FlowRule":
        """The rule of a valid specification."""
        effect, tools = effect_and_tools(spec)
        called, untrusted = words(spec.if_called), words(spec.if_untrusted_output_from)
        reason = spec.reason or f"{_event(spec)}, this call {_DONE[effect]}"
        name = spec.id or f"flow.{index}"
        any_untrusted = bool(spec.if_any_untrusted) or ANY_TOOL in untrusted
        return cls(
            name,
            effect,
            reason,
            called,
            untrusted,
            any_untrusted,
            tools,
            words(spec.if_args_from),
            spelled_out(words(spec.if_args_hold)),
            spelled_out(words(spec.if_seen)),
            words(spec.args),
        )

    def verdict(self, state: TraceState, provenance: Provenance) -> Verdict | None:
        """What the rule says to a call of one of its tools now."""
        if self.quoted or self.held:
            found = provenance.of_any(self.args)
            if (
                not self.quoted.isdisjoint(found.sources)
                or (ANY_TOOL in self.quoted and found.sources)
                or not self.held.isdisjoint(found.labels)
            ):
                return Verdict(self.effect, self.id, self.reason, _HINTS[bool(self.held)])
            return None
        if self.seen:
            if self.seen.isdisjoint(provenance.labels_seen):
                return None
            return Verdict(self.effect, self.id, self.reason, "start a new trace")
        if (
            not self.called.isdisjoint(state.called)
            or (ANY_TOOL in self.called and state.called)
            or not self.untrusted.isdisjoint(state.untrusted)
            or (self.is_any_untrusted and state.untrusted)
        ):
            return Verdict(self.effect, self.id, self.reason, "start a new trace")
        return None


_HINTS = {
    False: "give values that the user or the operator wrote, or that no such source did",
    True: "leave such values out",
}


def _event(spec: FlowSpec) -> str:
    if spec.if_called:
        return "after a tool that the rule names was called"
    if spec.if_args_from:
        return "with arguments that quote what is not to be trusted"
    if spec.if_args_hold:
        return f"with arguments that hold a value seen before ({_listed(spec.if_args_hold)})"
    if spec.if_seen:
        return f"after a value of this kind was read ({_listed(spec.if_seen)})"
    return "after content that is not to be trusted was read"


def _listed(given: Words) -> str:
    return ", ".join(sorted(words(given)))


def words(given: Words | None) -> frozenset[str]:
    """One name or several, as a set."""
    return frozenset((given,) if isinstance(given, str) else given or ())


def effect_and_tools(spec: FlowSpec) -> tuple[Effect, frozenset[str]]:
    """What follows, and for which tools; ValueError where the rule does not say just one."""
    short = {
        name: words(given)
        for name, given in (
            ("deny", spec.then_deny),
            ("ask", spec.then_ask),
            ("flag", spec.then_flag),
        )
        if given
    }
    if len(short) + (spec.then is not None) != 1:
        raise ValueError("give one of then, then_deny, then_ask, then_flag")
    if spec.then is not None:
        if not spec.tools:
            raise ValueError("`then` needs `tools`, the tools that it is about")
        return _EFFECTS[spec.then], words(spec.tools)
    ((name, tools),) = short.items()
    if spec.tools:
        raise ValueError(f"`then_{name}` names the tools already; remove `tools`")
    return _EFFECTS[name], tools


class FlowRules:
    """All flow rules and limits, looked up by the tool that is called."""

    def __init__(self, flow: Iterable[FlowSpec], limits: LimitsSpec) -> None:
        rules = [FlowRule.of(spec, index) for index, spec in enumerate(flow)]
        self._per_minute: Mapping[str, int] = limits.calls_per_minute
        self._per_trace: Mapping[str, int] = limits.calls_per_trace
        named = {tool for rule in rules for tool in rule.tools}
        self._limited = frozenset(self._per_minute) | frozenset(self._per_trace)
        self._by_tool = {
            tool: tuple(rule for rule in rules if not rule.tools.isdisjoint((tool, ANY_TOOL)))
            for tool in named
        }
        self._of_all = self._by_tool.get(ANY_TOOL, ())

    def verdicts(
        self,
        tool: str,
        state: TraceState,
        provenance: Provenance = NO_PROVENANCE,
        *,
        is_past: bool = False,
    ) -> list[Verdict]:
        """What the trace so far means for a call of this tool.

        Of a call that `is_past` nobody knows the minute, so limits by the minute do not hold.
        """
        found: list[Verdict] = []
        for rule in self._by_tool.get(tool, self._of_all):
            if verdict := rule.verdict(state, provenance):
                found.append(verdict)  # noqa: PERF401  most often there is none
        if tool in self._limited:
            found += self._reached(tool, state.called.get(tool, 0), state, is_past)
        if ANY_TOOL in self._limited:
            found += self._reached(ANY_TOOL, state.total, state, is_past)
        return found

    def _reached(self, key: str, count: int, state: TraceState, is_past: bool) -> list[Verdict]:
        found = []
        if key in self._per_trace and count >= self._per_trace[key]:
            found.append(_limit("trace", self._per_trace[key]))
        if key in self._per_minute and not is_past:
            most = self._per_minute[key]
            if state.within_minute(key, state.clock()) >= most:
                found.append(_limit("minute", most))
        return found


def _limit(span: str, most: int) -> Verdict:
    reason = f"no more than {most} such calls in one {span}"
    hint = f"raise limits.calls_per_{span}, or wait" if span == "minute" else "start a new trace"
    return Verdict(Effect.BLOCK, f"limits.calls_per_{span}", reason, hint)
