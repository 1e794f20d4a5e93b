"""Tells a decision to people: which rule, on which canonical value, what would have to change."""

from collections.abc import Iterator

from tyrian.policy.call import CallDecision, ProposedCall
from tyrian.policy.tool import ToolPolicy

_LONGEST = 200


def explained(policy: ToolPolicy, call: ProposedCall, decision: CallDecision) -> str:
    """Lines of text; they show the call, so they are for the one who asked."""
    return "\n".join(_lines(policy, call, decision))


def _lines(policy: ToolPolicy, call: ProposedCall, decision: CallDecision) -> Iterator[str]:
    yield f"{decision.effect}: {decision.reason}"
    yield f"  rule      {decision.rule}"
    yield f"  tool      {_cut(call.tool)}"
    declared = policy.spec.tools.get(call.tool) if isinstance(call.tool, str) else None
    if declared is None:
        yield f"            not in the policy; the default is {policy.spec.default}"
    for name, given in (declared or {}).items():
        kind = given if isinstance(given, str) else f"[{given[0]}]"
        yield f"  {name:<9} {kind}"
        yield from _values(name, call, decision)
    for verdict in decision.verdicts:
        yield f"  because   {verdict.rule}: {verdict.reason} ({verdict.effect})"
        if verdict.value:
            yield f"  on value  {_cut(verdict.value)}"
        if verdict.hint:
            yield f"  to change {verdict.hint}"


def _values(name: str, call: ProposedCall, decision: CallDecision) -> Iterator[str]:
    if isinstance(call.args, dict) and name in call.args:
        yield f"            given     {_cut(call.args[name])}"
    if decision.canonical is None:
        return
    args = decision.canonical["args"]
    if isinstance(args, dict) and name in args:
        yield f"            canonical {_cut(args[name])}"
    for fact, value in decision.facts.get(name, {}).items():
        yield f"            {fact:<9} {_cut(value)}"


def _cut(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
