"""What happened before decides what may follow, and deciding changes nothing."""

import json

from tyrian.core.decision import Effect
from tyrian.core.message import Message, ToolCall
from tyrian.policy.call import ProposedCall
from tyrian.policy.tool import policy_of
from tyrian.policy.trace import TraceReader

POLICY = policy_of(
    {
        "tools": {"mail": {"to": "email"}, "note": {"text": "opaque"}},
        "email": {"domains": ["corp.com"]},
        "limits": {"calls_per_minute": {"mail": 2}, "calls_per_trace": {"mail": 4}},
        "flow": [{"if_any_untrusted": True, "then_ask": "mail"}],
    }
)
MAIL = ProposedCall("mail", {"to": "A@CORP.com"})


def test_a_minute_is_sixty_seconds_of_the_clock() -> None:
    now = [100.0]
    trace = POLICY.start_trace(lambda: now[0])
    for _ in range(2):
        assert POLICY.decide(MAIL, trace).effect is Effect.ALLOW
        trace.add_call("mail")
    assert POLICY.decide(MAIL, trace).rule == "limits.calls_per_minute"
    now[0] += 60.0
    assert POLICY.decide(MAIL, trace).effect is Effect.ALLOW
    trace.add_call("mail")
    trace.add_call("mail")
    now[0] += 1000.0
    assert POLICY.decide(MAIL, trace).rule == "limits.calls_per_trace"


def test_a_decision_does_not_change_the_trace() -> None:
    trace = POLICY.start_trace()
    for _ in range(10):
        assert POLICY.decide(MAIL, trace).effect is Effect.ALLOW
    history = {"history": [{"tool": "note"}, {"tool": "mail"}, {"tool": "mail"}]}
    assert POLICY.decide(MAIL, trace, history).effect is Effect.BLOCK
    assert POLICY.decide(MAIL, trace).effect is Effect.ALLOW
    assert trace.total == 0


def test_untrusted_content_of_any_source_asks_a_person() -> None:
    trace = POLICY.start_trace()
    trace.add_output("a document")
    decision = POLICY.decide(MAIL, trace)
    assert decision.effect is Effect.REVIEW
    assert not decision.may_run
    assert POLICY.decide(ProposedCall("note", {"text": "x"}), trace).may_run


def test_the_canonical_arguments_are_what_is_forwarded() -> None:
    raw = '{ "to" : "Ann \\u003cA@CORP.com\\u003e" }'
    decision = POLICY.decide(ProposedCall("mail", None, raw))
    assert json.loads(decision.canonical_arguments) == {"to": "Ann <A@corp.com>"}
    refused = POLICY.decide(ProposedCall("mail", {"to": "x@evil.com"}))
    assert refused.canonical_arguments == ""
    assert "evil" not in refused.reason


def test_an_output_is_of_the_newest_call_that_it_names() -> None:
    policy = policy_of({"tools": {"web": {}, "note": {}}, "trusted_output": ["note"]})
    reader = TraceReader(policy)
    said = [
        Message.assistant(calls=[ToolCall("1", "note", "{}"), ToolCall("2", "web", "{}")]),
        Message.tool("mine", tool_call_id="1"),
        Message.assistant(calls=[ToolCall("1", "web", "{}")]),
        Message.tool("theirs", tool_call_id="1"),
        Message.tool("whose?", tool_call_id="9"),
        Message.tool("by name", tool_call_id="9", name="mail"),
    ]
    states = [reader.read(reader.start(), said, 0, end) for end in range(len(said) + 1)]
    assert [sorted(state.untrusted) for state in states[2:]] == [
        [],
        [],
        ["web"],
        ["tool", "web"],
        ["mail", "tool", "web"],
    ]
