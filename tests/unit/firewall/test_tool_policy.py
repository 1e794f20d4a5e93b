"""The tool policy in the firewall: every way in is judged, and only the canonical call goes on."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import RunStatus, Stage
from tyrian.core.message import Message, ToolCall, Trace
from tyrian.errors import PolicyError, StackError
from tyrian.firewall.audit import MemoryAudit
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.stream import Delta, ToolCallDelta
from tyrian.policy.guard import GuardPolicy
from tyrian.policy.tool import policy_of
from tyrian.stack.load import load_stack, parse_stack

POLICY: dict[str, object] = {
    "cwd": "/workspace",
    "tools": {
        "read_file": {"path": "fs:read"},
        "mail": {"to": "email", "body": "opaque"},
        "fetch": {"url": "net"},
        "now": {},
    },
    "fs": {"read": ["/workspace/**"]},
    "email": {"domains": ["corp.com"]},
    "net": {"hosts": ["a.example.com"]},
    "limits": {"calls_per_minute": {"fetch": 2}, "calls_per_trace": {"now": 2}},
    "flow": [
        {"id": "careful", "if_untrusted_output_from": ["fetch"], "then": "ask", "tools": ["mail"]},
        {"if_called": "read_file", "then_flag": "now"},
    ],
}


def firewall(**changes: object) -> Firewall:
    policy = policy_of({**POLICY, **changes})
    return Firewall([], GuardPolicy([], may_be_empty=True), tool_policy=policy, audit=MemoryAudit())


def call(tool: str, call_id: str = "c1", **args: object) -> ToolCall:
    return ToolCall(call_id, tool, json.dumps(args))


READ = call("read_file", path="./src/../a.txt")
STEAL = call("read_file", path="../etc/passwd")
KEY = "AKIA" + "Q3EGRZ7XKL2MWTBN"
MAIL = call("mail", to="Ann <a@CORP.com>", body="hi")


def fetched(text: str = "a page", call_id: str = "f1") -> tuple[Message, Message]:
    url = "https://a.example.com/"
    return (
        Message.assistant(calls=[call("fetch", call_id, url=url)]),
        Message.tool(text, tool_call_id=call_id),
    )


def only_args(decision: Decision) -> object:
    return json.loads(decision.subject.tool_calls[0].arguments)


async def test_the_canonical_call_goes_on() -> None:
    decision = await firewall().check_tool_call(READ)
    assert decision.effect is Effect.ALLOW
    assert decision.may_pass
    assert only_args(decision) == {"path": "/workspace/a.txt"}
    assert decision.calls[0].rule == "tools.read_file"
    assert decision.calls[0].canonical == {
        "tool": "read_file",
        "args": {"path": "/workspace/a.txt"},
    }


async def test_what_the_policy_refuses_is_blocked_with_its_rule() -> None:
    guarded = firewall()
    decision = await guarded.check_tool_call(STEAL)
    assert decision.effect is Effect.BLOCK
    assert decision.reasons[0].rule == "policy.fs.outside"
    assert decision.reasons[0].detector == "policy"
    assert decision.reasons[0].label == "denied"
    assert decision.subject.tool_calls == (STEAL,)
    (run,) = decision.runs
    assert run.detection is not None
    (found,) = run.detection.findings
    assert decision.subject.text[found.start : found.end] == STEAL.arguments
    assert "passwd" not in decision.reasons[0].message
    assert isinstance(guarded.audit, MemoryAudit)
    assert guarded.audit.records[0].rules == ("policy.fs.outside",)
    assert guarded.audit.records[0].policy == decision.policy


@pytest.mark.parametrize("stage", [None, Stage.OUTPUT, Stage.TOOL_CALL])
async def test_a_message_with_text_and_calls_is_judged_call_by_call(stage: Stage | None) -> None:
    message = Message.assistant("let me see", calls=[READ, call("fetch", "c2", url="http://evil/")])
    decision = await firewall().scan(message, stage=stage)
    assert decision.effect is Effect.BLOCK
    assert [report.effect for report in decision.calls] == [Effect.ALLOW, Effect.BLOCK]
    good = await firewall().scan(Message.assistant("let me see", calls=[READ]), stage=stage)
    assert good.subject.text == 'let me see\n{"path":"/workspace/a.txt"}'


async def test_a_call_without_arguments_may_be_empty_text() -> None:
    decision = await firewall().check_tool_call(ToolCall("c", "now", ""))
    assert decision.effect is Effect.ALLOW
    assert decision.subject.tool_calls[0].arguments == "{}"


async def test_untrusted_content_in_the_trace_asks_for_a_person() -> None:
    guarded = firewall()
    trace = Trace((Message.user("go"), *fetched()))
    assert (await guarded.check_tool_call(MAIL)).effect is Effect.ALLOW
    decision = await guarded.check_tool_call(MAIL, trace)
    assert decision.effect is Effect.REVIEW
    assert decision.reasons[0].rule == "policy.careful"
    assert not decision.may_pass
    assert only_args(decision) == {"to": "Ann <a@corp.com>", "body": "hi"}


async def test_trusted_output_leaves_no_taint() -> None:
    guarded = firewall(trusted_output=["fetch"])
    decision = await guarded.check_tool_call(MAIL, Trace(fetched()))
    assert decision.effect is Effect.ALLOW


async def test_what_memory_and_retrieval_bring_is_untrusted() -> None:
    flow = [{"if_any_untrusted": True, "then_deny": "mail"}]
    guarded = firewall(flow=flow)
    assert (await guarded.check_tool_call(MAIL, Trace((Message.user("x"),)))).may_pass
    document = Trace((Message.document("found"),))
    assert (await guarded.check_tool_call(MAIL, document)).effect is Effect.BLOCK


async def test_calls_of_the_trace_count_also_beside_each_other() -> None:
    guarded = firewall()
    now = [call("now", f"n{i}") for i in range(3)]
    decision = await guarded.scan(Message.assistant(calls=now))
    assert [report.effect for report in decision.calls] == [
        Effect.ALLOW,
        Effect.ALLOW,
        Effect.BLOCK,
    ]
    trace = Trace((Message.assistant(calls=now[:1]), Message.tool("12", tool_call_id="n0")))
    assert (await guarded.check_tool_call(now[1], trace)).may_pass
    longer = trace.append(Message.assistant(calls=now[1:2]), Message.tool("13", tool_call_id="n1"))
    decision = await guarded.check_tool_call(now[2], longer)
    assert decision.reasons[0].rule == "policy.limits.calls_per_trace"
    assert (await guarded.check_tool_call(now[1], trace)).may_pass


async def test_a_call_that_stands_in_the_trace_already_does_not_count_against_itself() -> None:
    guarded = firewall()
    calls = [call("now", f"n{i}") for i in range(2)]
    trace = Trace((Message.user("go"), Message.assistant(calls=calls)))
    for one in calls:
        assert (await guarded.check_tool_call(one, trace)).may_pass
    answered = trace.append(Message.tool("12", tool_call_id="n0"))
    assert (await guarded.check_tool_call(calls[1], answered)).may_pass
    third = call("now", "n2")
    assert not (await guarded.check_tool_call(third, answered)).may_pass


async def test_the_minute_is_counted_over_the_trace() -> None:
    now = [1000.0]
    guarded = firewall()
    assert guarded.gate is not None
    guarded = Firewall(
        [],
        GuardPolicy([], may_be_empty=True),
        tool_policy=policy_of(POLICY),
        clock=lambda: now[0],
    )
    ask = call("fetch", "f9", url="https://a.example.com/x")
    trace = Trace(fetched(call_id="f1"))
    assert (await guarded.check_tool_call(ask, trace)).may_pass
    trace = trace.append(*fetched(call_id="f2"))
    decision = await guarded.check_tool_call(ask, trace)
    assert decision.reasons[0].rule == "policy.limits.calls_per_minute"
    now[0] += 61.0
    trace = trace.append(Message.user("again"))
    assert (await guarded.check_tool_call(ask, trace)).may_pass


async def test_the_same_words_in_new_objects_are_the_same_trace() -> None:
    """A gateway reads a conversation anew with each request."""
    now = [1000.0]
    guarded = Firewall(
        [], GuardPolicy([], may_be_empty=True), tool_policy=policy_of(POLICY), clock=lambda: now[0]
    )
    ask = call("fetch", "f9", url="https://a.example.com/x")
    for _ in range(2):
        said = (*fetched(call_id="f1"), *fetched(call_id="f2"))
        assert not (await guarded.check_tool_call(ask, Trace(said))).may_pass
        now[0] += 31.0
    said = (*fetched(call_id="f1"), *fetched(call_id="f2"))
    assert (await guarded.check_tool_call(ask, Trace(said))).may_pass


async def test_another_branch_of_a_conversation_has_its_own_history() -> None:
    guarded = firewall()
    root = Trace((Message.user("go"),))
    tainted = root.append(*fetched())
    assert (await guarded.check_tool_call(MAIL, tainted)).effect is Effect.REVIEW
    assert (await guarded.check_tool_call(MAIL, root)).effect is Effect.ALLOW
    assert (await guarded.check_tool_call(MAIL, root.append(Message.user("on")))).may_pass
    assert (await guarded.check_tool_call(MAIL, tainted)).effect is Effect.REVIEW


async def test_shadow_mode_records_and_changes_nothing() -> None:
    guarded = firewall(mode="shadow")
    for one in (STEAL, READ, ToolCall("c", "unheard_of", "{not json")):
        decision = await guarded.check_tool_call(one)
        assert decision.may_pass
        assert decision.subject.tool_calls == (one,)
    assert isinstance(guarded.audit, MemoryAudit)
    assert [record.effect for record in guarded.audit.records] == ["flag", "allow", "flag"]
    assert guarded.audit.records[0].rules == ("policy.fs.outside",)


async def test_a_policy_that_fails_blocks() -> None:
    def broken() -> float:
        raise OSError("the clock is gone")

    guarded = Firewall(
        [], GuardPolicy([], may_be_empty=True), tool_policy=policy_of(POLICY), clock=broken
    )
    decision = await guarded.check_tool_call(READ)
    assert decision.effect is Effect.BLOCK
    assert decision.runs[0].status is RunStatus.ERROR
    assert decision.reasons[0].rule == "policy.error"
    assert "clock" not in decision.reasons[0].message
    assert decision.subject.tool_calls == (READ,)


async def test_a_secret_that_a_detector_found_may_not_leave() -> None:
    guarded = firewall(flow=[{"if_args_hold": ["secret"], "then_deny": "mail"}])
    said = Trace((Message.system(f"The key is {KEY}."), Message.user("go")))
    leak = call("mail", to="a@corp.com", body=f"k={KEY}")
    decision = await guarded.check_tool_call(leak, said)
    assert decision.effect is Effect.BLOCK
    assert decision.calls[0].labels == ("secret",)
    assert (await guarded.check_tool_call(MAIL, said)).may_pass


async def test_what_a_tool_returned_may_not_go_to_another_also_in_long_traces() -> None:
    guarded = firewall(flow=[{"if_args_from": ["fetch"], "then_deny": "mail"}])
    page = "The figures of the north rose by a twelfth, those of the south fell by as much."
    said = Trace((*fetched("lorem ipsum dolor " * 8_000), *fetched(page, "f2")))
    quoting = call("mail", to="a@corp.com", body=f"They say: {page}")
    decision = await guarded.check_tool_call(quoting, said)
    assert decision.effect is Effect.BLOCK
    assert decision.calls[0].sources == ("fetch",)
    assert (await guarded.check_tool_call(MAIL, said)).may_pass


async def test_a_history_that_cannot_be_read_is_not_passed() -> None:
    def broken() -> float:
        raise OSError

    guarded = Firewall(
        [], GuardPolicy([], may_be_empty=True), tool_policy=policy_of(POLICY), clock=broken
    )
    found = [decision async for _, decision in guarded.check_history(Trace(fetched()))]
    assert [decision.effect for decision in found] == [Effect.BLOCK]


async def test_pseudonyms_are_judged_as_the_values_that_leave() -> None:
    known = Pseudonyms()
    token = known.token("email", "a@corp.com")
    stranger = known.token("email", "a@evil.com")
    guarded = firewall()
    good = Message.assistant(calls=[call("mail", to=token, body="x")])
    decision = await guarded.scan(good, pseudonyms=known)
    assert decision.effect is Effect.ALLOW
    assert only_args(decision) == {"to": "a@corp.com", "body": "x"}
    bad = Message.assistant(calls=[call("mail", to=stranger, body="x")])
    assert (await guarded.scan(bad, pseudonyms=known)).effect is Effect.BLOCK


async def test_a_streamed_call_is_held_until_it_is_judged_and_leaves_canonical() -> None:
    guard = firewall().stream(Trace((Message.user("go"),)))
    out = await guard.feed(Delta("I look. "))
    half = len(READ.arguments) // 2
    first = ToolCallDelta(0, "c1", "read_file", READ.arguments[:half])
    out += await guard.feed(Delta(call=first))
    assert [delta.text for delta in out] == ["I look. "]
    out = await guard.feed(Delta(call=ToolCallDelta(0, arguments=READ.arguments[half:])))
    assert out == []
    out = await guard.close()
    canonical = ToolCallDelta(0, "c1", "read_file", '{"path":"/workspace/a.txt"}')
    assert out == [Delta(call=canonical)]
    assert guard.decision is not None
    assert guard.decision.effect is Effect.ALLOW


@pytest.mark.parametrize(("asked", "effect"), [(STEAL, Effect.BLOCK), (MAIL, Effect.REVIEW)])
async def test_a_streamed_call_that_may_not_be_made_never_leaves(
    asked: ToolCall, effect: Effect
) -> None:
    guard = firewall().stream(Trace(fetched()))
    assert await guard.feed(Delta(call=ToolCallDelta(0, "c", asked.name, asked.arguments))) == []
    assert await guard.close() == []
    assert guard.is_blocked
    assert guard.decision is not None
    assert guard.decision.effect is effect


async def test_guard_stream_takes_text_where_there_is_a_policy_alone() -> None:
    async def words() -> AsyncIterator[str]:
        for word in ("a", "b"):
            yield word

    assert [piece async for piece in firewall().guard_stream(words())] == ["a", "b"]


STACK = """
agent:
  policy_runtime: {framework: llamafirewall, config: ./policy.yaml%s}
"""
GUARDS = """
  tool_call_guards:
    - {name: pattern, redact_classes: [key], patterns: [{id: key, regex: "k-[0-9]{4}"}]}
"""


def write_policy(folder: Path, text: str | None = None) -> None:
    (folder / "policy.yaml").write_text(text or json.dumps(POLICY))


async def test_a_stack_file_brings_the_policy(tmp_path: Path) -> None:
    write_policy(tmp_path)
    (tmp_path / "stack.yaml").write_text(STACK % "")
    guarded = Firewall.from_stack(tmp_path / "stack.yaml")
    assert (await guarded.check_tool_call(STEAL)).effect is Effect.BLOCK
    assert (Stage.TOOL_CALL, "policy") in [(s, info.name) for s, info in guarded.infos()]


async def test_the_stack_may_set_the_policy_to_shadow(tmp_path: Path) -> None:
    write_policy(tmp_path)
    (tmp_path / "stack.yaml").write_text(STACK % ", mode: shadow")
    stack = load_stack(tmp_path / "stack.yaml")
    assert (await Firewall.from_stack(stack).check_tool_call(STEAL)).effect is Effect.FLAG


async def test_what_a_guard_redacts_is_judged_as_it_would_leave(tmp_path: Path) -> None:
    write_policy(tmp_path)
    (tmp_path / "stack.yaml").write_text(STACK % "" + GUARDS)
    guarded = Firewall.from_stack(tmp_path / "stack.yaml")
    key = "k-1234"
    decision = await guarded.check_tool_call(call("mail", to="a@corp.com", body=f"key {key}"))
    assert decision.effect is Effect.REDACT
    assert key not in decision.subject.text
    assert "REDACTED" in decision.subject.text
    path = await guarded.check_tool_call(call("read_file", path=f"/workspace/{key}"))
    assert path.effect is Effect.BLOCK


def test_a_policy_with_a_fault_never_loads_and_neither_does_its_stack(tmp_path: Path) -> None:
    write_policy(tmp_path, "version: 1\ntools: {a: {x: opaqe}}\n")
    with pytest.raises(StackError, match=r"policy\.yaml:2:\d+: .*opaqe") as caught:
        parse_stack(STACK % "", base=tmp_path, file="stack.yaml")
    assert "opaque" in caught.value.hint
    assert caught.value.line == 3
    (tmp_path / "stack.yaml").write_text(STACK % "")
    write_policy(tmp_path)
    stack = load_stack(tmp_path / "stack.yaml")
    write_policy(tmp_path, "tools: [")
    with pytest.raises(PolicyError):
        Firewall.from_stack(stack)


def test_a_policy_runtime_without_a_file_is_a_fault(tmp_path: Path) -> None:
    text = "agent: {policy_runtime: {framework: tyrian}}"
    with pytest.raises(StackError, match="names no policy"):
        parse_stack(text, base=tmp_path, file="stack.yaml")


def test_another_tool_policy_is_another_digest() -> None:
    one, two = firewall(), firewall(cwd="/elsewhere")
    assert one.policy.digest == two.policy.digest
    assert one.digest != two.digest
    assert one.policy_digest != two.policy_digest
