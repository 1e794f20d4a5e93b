"""Policy on tool calls: load a policy file, decide on a call.

The order of a decision: the tool's name, its arguments as strict JSON, each argument's canonical
form and whether its kind allows it, limits and flow rules over the trace, expression rules. The
greatest effect stands; without an entry for the tool the file's default does.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tyrian.core.decision import Effect
from tyrian.core.later import Later
from tyrian.core.message import ToolCall
from tyrian.errors import PolicyError
from tyrian.policy.call import CallDecision, ProposedCall, Verdict
from tyrian.policy.check import TOOL_NAME
from tyrian.policy.entry import Entry, entries, shape
from tyrian.policy.expression.scene import PROVENANCE, Scene
from tyrian.policy.flow import Clock, FlowRules, TraceState, effect_and_tools, words
from tyrian.policy.labels import DETECTORS, spelled_out
from tyrian.policy.load import policy_faults, read_text
from tyrian.policy.lookalike import skeleton
from tyrian.policy.refusal import Refusal
from tyrian.policy.rules import Rules
from tyrian.policy.schema import PolicySpec
from tyrian.policy.strict_json import checked_arguments, read_arguments
from tyrian.policy.taint.derived import NOWHERE
from tyrian.policy.taint.values import NO_PROVENANCE, Provenance
from tyrian.policy.what_if import replay, world_of
from tyrian.policy.world import MACHINE, PretendWorld, World

if TYPE_CHECKING:
    from tyrian.policy.taint.memory import TaintMemory
else:  # most policies do not ask where values are from
    TaintMemory = Later("tyrian.policy.taint.memory:TaintMemory")

__all__ = [
    "CallDecision",
    "ProposedCall",
    "ToolPolicy",
    "TraceState",
    "load_policy",
    "parse_policy",
    "policy_of",
]

_DEFAULTS = {"deny": Effect.BLOCK, "ask": Effect.REVIEW, "allow": Effect.ALLOW}
_HEADER_WORDS = (
    "subject from sender reply_to replyto reply-to name from_name in_reply_to references"
)
_HEADERS = frozenset(_HEADER_WORDS.split())
"""Arguments of a tool that sends e-mail which become lines of the message's head."""


def load_policy(path: Path | str) -> "ToolPolicy":
    """Read a policy file; PolicyError has the line, the column and a hint."""
    return parse_policy(read_text(Path(path)), file=str(path))


def parse_policy(text: str, *, file: str = "policy.yaml") -> "ToolPolicy":
    """The policy in a text; PolicyError for the first of its faults."""
    found = policy_faults(text, file)
    if isinstance(found, PolicySpec):
        return ToolPolicy(found)
    first, *others = found
    if not others:
        raise first
    more = f"{len(others)} more fault{'s' * (len(others) > 1)} in the file"
    place = f"{first.file}:{first.line}:{first.column}: "
    raise PolicyError(
        first.message.removeprefix(place),
        file=first.file,
        line=first.line,
        column=first.column,
        hint=f"{first.hint} ({more})" if first.hint else more,
    )


class ToolPolicy:
    """Decides on tool calls. Holds no state: that of a trace is in its TraceState."""

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        self._entries = entries(spec)
        is_open = spec.unknown_args == "allow"
        self._may_have_more = is_open
        self._is_shadow = spec.mode == "shadow"
        shapes = [shape(entry, is_open=is_open) for entry in self._entries.values()]
        self._rules = Rules(spec.rules, shapes)
        self._flow = FlowRules(spec.flow, spec.limits)
        self.labels = _labels_of(spec)
        """Labels of values that the policy asks about; detectors must find them."""
        self.tracks_values = _tracks_values(spec)
        """True where it matters which text an argument is from."""
        self._skeletons = {_bare(name): name for name in self._entries}
        self._max_recipients = spec.email.max_rcpt if spec.email else 0
        plain = spec.model_dump_json(exclude={"cases"})
        self.digest = hashlib.sha256(plain.encode()).hexdigest()[:16]

    def start_trace(self, clock: Clock | None = None) -> TraceState:
        """The state of a trace in which nothing has happened yet."""
        state = TraceState(clock) if clock else TraceState()
        state.memory = TaintMemory() if self.tracks_values else None
        return state

    def decide(
        self,
        call: ProposedCall | ToolCall,
        trace_state: TraceState | None = None,
        world: World | Mapping[str, object] | None = None,
        *,
        is_past: bool = False,
    ) -> CallDecision:
        """The decision on a call; never raises for what the model wrote.

        `trace_state` is read, not changed: tell it of calls that are made with `add_call` and of
        output that was read with `add_output`. `world` replaces the machine; InputError where a
        mapping is not one. A call that `is_past` was made before, at a time that nobody knows.
        """
        proposed = ProposedCall.of(call) if isinstance(call, ToolCall) else call
        if world is not None:
            world, trace_state = self._pretended(world, trace_state)
        try:
            decision = self._decide(
                proposed, trace_state or _NOTHING, world or MACHINE, is_past=is_past
            )
        except Refusal as refusal:
            verdict = Verdict(
                Effect.BLOCK, refusal.rule, refusal.reason, refusal.hint, refusal.value
            )
            decision = CallDecision(
                Effect.BLOCK, verdict.rule, verdict.reason, None, (verdict,), proposed.id
            )
        return self._shadowed(decision, proposed) if self._is_shadow else decision

    def _pretended(
        self, world: World | Mapping[str, object], state: TraceState | None
    ) -> tuple[World, TraceState | None]:
        """The world as one, and the trace after the world's history."""
        pretended = world_of(world) if isinstance(world, Mapping) else world
        if isinstance(pretended, PretendWorld) and pretended.history:
            state = state.copy() if state else self.start_trace()
            replay(pretended.history, state, trusted=self.spec.trusted_output)
        return pretended, state

    def _decide(
        self, call: ProposedCall, state: TraceState, world: World, *, is_past: bool
    ) -> CallDecision:
        name = self._checked_name(call.tool)
        args = (
            checked_arguments(call.args) if call.raw_args is None else read_arguments(call.raw_args)
        )
        entry = self._entries.get(name)
        verdicts: list[Verdict] = []
        facts: dict[str, Mapping[str, object]] = {}
        if entry is None:
            verdicts.append(self._default(name))
            canonical: dict[str, object] = {"tool": name, "args": args}
        else:
            canonical = self._canonical(entry, args, world, facts)
        values: Mapping[str, object] = canonical["args"]  # type: ignore[assignment]
        provenance: Provenance = NO_PROVENANCE
        if state.memory is not None:
            known = entry.arguments.keys() if entry is not None else ()
            names = args.keys() - known if entry is None or self._may_have_more else ()
            provenance = Provenance(state.memory, args, values, names)
        verdicts += self._flow.verdicts(name, state, provenance, is_past=is_past)
        rules = self._rules.of(name)
        if rules:
            scene = Scene(
                name, values, facts, state.called, state.untrusted, state.total, provenance
            )
            verdicts += [verdict for rule in rules if (verdict := rule.apply(scene))]
        if not verdicts:
            rule_id = f"tools.{name}"
            return CallDecision(Effect.ALLOW, rule_id, _ALLOWED, canonical, (), call.id, facts)
        verdicts.sort(key=_effect, reverse=True)
        first = verdicts[0]
        derived = NOWHERE if state.memory is None else provenance.of_any()
        return CallDecision(
            first.effect,
            first.rule,
            first.reason,
            canonical,
            tuple(verdicts),
            call.id,
            facts,
            derived,
        )

    def _checked_name(self, tool: object) -> str:
        if type(tool) is str and tool in self._entries:
            return tool
        if type(tool) is not str or not TOOL_NAME.match(tool):
            raise Refusal("tool.name", "the tool's name is not a plain name", _NAME_HINT)
        if _bare(tool) in self._skeletons:
            reason = "the tool's name is a variant of one that the policy names"
            raise Refusal("tool.name", reason, "use the tool's name as the policy writes it")
        return tool

    def _default(self, name: str) -> Verdict:
        effect = _DEFAULTS[self.spec.default]
        reason = "the policy does not name the tool"
        return Verdict(effect, "default", reason, f"add {name} to tools")

    def _canonical(
        self,
        entry: Entry,
        args: Mapping[str, object],
        world: World,
        facts: dict[str, Mapping[str, object]],
    ) -> dict[str, object]:
        """The call's canonical form; fills `facts`."""
        values: dict[str, object] = {}
        addresses: dict[str, tuple[str, ...]] = {}
        recipients = 0
        for name, value in args.items():
            argument = entry.arguments.get(name)
            if argument is None:
                values[name] = self._unknown(name, value, entry)
                continue
            if argument.is_opaque:
                if entry.has_recipients:
                    _check_header(name, value)
                values[name] = value
                continue
            try:
                values[name], facts[name], pins, count = argument.kind.canonical(value, world)
            except Refusal as refusal:
                reason = f"{name}: {refusal.reason}"
                raise Refusal(refusal.rule, reason, refusal.hint, refusal.value) from None
            recipients += count
            if pins:
                addresses.update(pins)
        if not all(map(args.__contains__, entry.required)):
            missing = sorted(entry.required - args.keys())
            hint = f"give {', '.join(missing)}, or declare it as `kind?`"
            raise Refusal("args.missing", "an argument that the policy judges is missing", hint)
        if recipients > self._max_recipients:
            reason = f"more than {self._max_recipients} recipients"
            raise Refusal("email.too-many", reason, "raise email.max_rcpt")
        canonical: dict[str, object] = {"tool": entry.name, "args": values}
        if addresses:
            canonical["addresses"] = {host: list(found) for host, found in addresses.items()}
        return canonical

    def _unknown(self, name: str, value: object, entry: Entry) -> object:
        if not self._may_have_more:
            hint = "add it to the tool's entry, or set unknown_args: allow"
            raise Refusal("args.unknown", "an argument that the policy does not name", hint)
        if _bare(name) in {_bare(known) for known in entry.arguments}:
            raise Refusal("args.unknown", "an argument's name is a variant of a known one")
        return value

    def _shadowed(self, decision: CallDecision, call: ProposedCall) -> CallDecision:
        if decision.effect is Effect.ALLOW:
            return decision
        reason = f"shadow mode, would be {decision.effect}: {decision.reason}"
        canonical = decision.canonical
        if canonical is None and isinstance(call.args, dict) and call.raw_args is None:
            canonical = {"tool": call.tool, "args": call.args}
        return decision._replace(effect=Effect.FLAG, reason=reason, canonical=canonical)


_ALLOWED = "every argument is within what the policy allows"
_NAME_HINT = "use letters, digits, '_', '-', '.', ':', '/'"


_NOTHING = TraceState()
"""Stands for a trace in which nothing has happened; never written to."""


def _labels_of(spec: PolicySpec) -> frozenset[str]:
    """Labels that flow rules name; all, where an expression asks for them by name."""
    words_ = [words(rule.if_args_hold) | words(rule.if_seen) for rule in spec.flow]
    named = spelled_out(frozenset().union(*words_))
    return frozenset(DETECTORS) if any("labels" in rule.when for rule in spec.rules) else named


def _tracks_values(spec: PolicySpec) -> bool:
    """A rule asks where values are from, or a person will want to know."""
    if spec.default == "ask" or any(
        rule.if_args_from or rule.if_args_hold or rule.if_seen or effect_and_tools(rule)[0] is _ASK
        for rule in spec.flow
    ):
        return True
    return any(
        rule.effect in ("ask", "review") or any(word in rule.when for word in PROVENANCE)
        for rule in spec.rules
    )


_ASK = Effect.REVIEW


def _effect(verdict: Verdict) -> Effect:
    return verdict.effect


def _bare(name: str) -> str:
    """A name without what people overlook: case, separators, look-alike letters."""
    return "".join(char for char in skeleton(name) if char.isalnum())


def _check_header(name: str, value: object) -> None:
    is_header = name.lower() in _HEADERS
    if is_header and isinstance(value, str) and ("\n" in value or "\r" in value or "\0" in value):
        reason = "a line of the message's head holds a line break"
        raise Refusal("email.header", f"{name}: {reason}", "write it in one line")


def policy_of(data: Mapping[str, object]) -> ToolPolicy:
    """The policy of plain data, as a file would hold it; PolicyError where it is faulty."""
    return parse_policy(json.dumps(data))
