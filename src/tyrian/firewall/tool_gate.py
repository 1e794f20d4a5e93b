"""The tool policy at work: judges the tool calls of a message, and makes them canonical."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tyrian.core.decision import CallReport, Effect, Reason
from tyrian.core.detection import (
    Detection,
    DetectorInfo,
    DetectorRun,
    Finding,
    RunStatus,
    Severity,
)
from tyrian.core.message import SEGMENT_GAP, ImagePart, Message, Part, ToolCall, Trace
from tyrian.firewall.decide import Judgement
from tyrian.firewall.judge import place_of
from tyrian.firewall.labels import labeller
from tyrian.firewall.states import TraceStates
from tyrian.policy.call import CallDecision, ProposedCall
from tyrian.policy.flow import Clock, TraceState
from tyrian.policy.tool import ToolPolicy
from tyrian.policy.trace import TraceReader

POLICY = "policy"
"""The name under which the tool policy stands among the guards."""

LABELS = {Effect.BLOCK: "denied", Effect.REVIEW: "ask", Effect.FLAG: "flag"}
_SEVERITIES = {
    Effect.BLOCK: Severity.HIGH,
    Effect.REVIEW: Severity.MEDIUM,
    Effect.FLAG: Severity.LOW,
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the policy says of a message: as a run among the detectors', and its calls."""

    run: DetectorRun
    reasons: tuple[Reason, ...]
    message: Message
    """The message with its calls in canonical form; as it came where it may not go on."""
    calls: tuple[CallReport, ...]

    @property
    def effect(self) -> Effect:
        """The greatest effect of any call."""
        return Effect.greatest(reason.effect for reason in self.reasons)


class ToolGate:
    """A tool policy, with the states of the traces that it has seen."""

    def __init__(self, policy: ToolPolicy, clock: Clock = time.monotonic) -> None:
        self.policy = policy
        self.states = TraceStates(TraceReader(policy, clock, labeller(policy.labels)))
        self.info = DetectorInfo(
            name=POLICY, kind="tool_policy", labels=tuple(LABELS.values()), revision=policy.digest
        )

    def judge(self, message: Message, trace: Trace | None = None) -> Ruling:
        """Judge the calls of a message that comes after a trace. Never raises: a fault blocks."""
        started = time.perf_counter()
        try:
            said = trace.messages if trace is not None else ()
            state = self.states.of(said)
            return self._judged(message, _before(state.copy(), said, message), started)
        except Exception as error:  # noqa: BLE001 - whatever fails here must not be an allow
            return _failed(message, error, started)

    def history(self, trace: Trace) -> Iterator[tuple[int, Ruling]]:
        """The rulings on calls in a conversation, with the places of their messages.

        A beginning that went through before is not judged again. Stop the iteration at a ruling
        that lets nothing pass, and the conversation stays unknown from there.
        """
        messages = trace.messages
        known = self.states.longest(messages, is_judged=True)
        state = known.state
        for index in range(known.count, len(messages)):
            message = messages[index]
            started = time.perf_counter()
            try:
                ruling = None
                if index == known.count:
                    state = state.copy()
                if message.tool_calls:
                    ruling = self._judged(message, state, started, is_past=True)
                    for call in message.tool_calls:
                        state.forget_call(call.name)  # the reader tells of them again
                self.states.reader.tell(state, message)
            except Exception as error:  # noqa: BLE001 - as above
                yield index, _failed(message, error, started)
                return
            if ruling is not None:
                yield index, ruling
        if known.count < len(messages):
            self.states.keep(messages, state, known, is_judged=True)

    def _judged(
        self, message: Message, state: TraceState, started: float, *, is_past: bool = False
    ) -> Ruling:
        """The ruling on a message; its calls are added to the state, one after another."""
        calls: list[CallReport] = []
        reasons: list[Reason] = []
        findings: list[Finding] = []
        parts: list[Part] = []
        offset = 0
        for part in message.parts:
            if isinstance(part, ToolCall):
                decision = self.policy.decide(_proposed(part), state, is_past=is_past)
                state.add_call(part.name)
                calls.append(_report(part, decision))
                reasons += _reasons(decision)
                findings += _findings(decision, offset, offset + len(part.arguments))
                part = self._canonical(part, decision)
            parts.append(part)
            if not isinstance(part, ImagePart):
                offset += _length(message.parts[len(parts) - 1]) + len(SEGMENT_GAP)
        detection = Detection.from_findings(tuple(findings))
        run = DetectorRun(POLICY, RunStatus.OK, time.perf_counter() - started, detection)
        reasons.sort(key=lambda reason: -reason.effect)
        is_stopped = bool(reasons) and reasons[0].effect is Effect.BLOCK
        subject = message if is_stopped else replace(message, parts=tuple(parts))
        return Ruling(run, tuple(reasons), subject, tuple(calls))

    def _canonical(self, call: ToolCall, decision: CallDecision) -> ToolCall:
        """The call as it may be made; in shadow mode as it came."""
        if decision.canonical is None or self.policy.spec.mode == "shadow":
            return call
        arguments = decision.canonical_arguments
        return call if arguments == call.arguments else replace(call, arguments=arguments)


def ruled(judgement: Judgement, ruling: Ruling) -> Judgement:
    """The judgement of the guards with the tool policy's ruling beside it."""
    reasons = sorted(
        (*judgement.reasons, *ruling.reasons), key=lambda reason: (-reason.effect, -reason.score)
    )
    return Judgement(
        max(judgement.effect, ruling.effect),
        tuple(reasons),
        (*judgement.runs, ruling.run),
        judgement.marks,
        ruling.calls,
    )


def _proposed(call: ToolCall) -> ProposedCall:
    # Servers write a call without arguments as empty text; what is passed on is an empty object.
    return ProposedCall(call.name, None, call.arguments or "{}", call.id)


def _before(state: TraceState, said: tuple[Message, ...], message: Message) -> TraceState:
    """Takes the calls themselves out of the state, where the trace holds them already.

    Frameworks ask about each call when the model's message is in their history; the calls that
    stand beside and after it there have not been made before it.
    """
    mine = message.tool_calls
    for earlier in reversed(said):
        calls = earlier.tool_calls
        if not calls:
            if earlier.tool_call_id:
                continue
            return state
        if mine and mine[0].id and mine[0] in calls:
            for call in calls[calls.index(mine[0]) :]:
                state.forget_call(call.name)
        return state
    return state


def _report(call: ToolCall, decision: CallDecision) -> CallReport:
    first = decision.verdicts[0] if decision.verdicts else None
    return CallReport(
        call,
        decision.effect,
        decision.rule,
        decision.reason,
        first.hint if first else "",
        decision.canonical,
        tuple(sorted(decision.derived.sources)),
        tuple(sorted(decision.derived.labels)),
    )


def _reasons(decision: CallDecision) -> Iterator[Reason]:
    """One for each rule that spoke; in shadow mode none says more than the decision."""
    for verdict in decision.verdicts:
        effect = min(verdict.effect, decision.effect)
        if effect is not Effect.ALLOW:
            reason = decision.reason if verdict.rule == decision.rule else verdict.reason
            label = LABELS[effect]
            yield Reason(effect, f"{POLICY}.{verdict.rule}", POLICY, reason, label, 1.0)


def _findings(decision: CallDecision, start: int, end: int) -> Iterator[Finding]:
    for verdict in decision.verdicts:
        effect = min(verdict.effect, decision.effect)
        if effect is not Effect.ALLOW:
            yield Finding(
                f"{POLICY}.{verdict.rule}",
                LABELS[effect],
                verdict.reason,
                _SEVERITIES[effect],
                start=start,
                end=end,
                advice=verdict.hint,
            )


def _length(part: Part) -> int:
    match part:
        case ToolCall(arguments=arguments):
            return len(arguments)
        case ImagePart():
            return 0
    return len(part.text)


def _failed(message: Message, error: Exception, started: float) -> Ruling:
    elapsed_s = time.perf_counter() - started
    why = place_of(error)
    run = DetectorRun(POLICY, RunStatus.ERROR, elapsed_s, None, why)
    reason = Reason(Effect.BLOCK, f"{POLICY}.error", POLICY, f"the tool policy {why}")
    return Ruling(run, (reason,), message, ())
