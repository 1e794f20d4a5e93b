"""The tool policy in the gateway: calls in answers, in streams, and in the history of requests."""

import json
from typing import Any

import openai
import pytest

from tyrian.firewall.audit import MemoryAudit
from tyrian.firewall.firewall import Firewall
from tyrian.policy.guard import GuardPolicy
from tyrian.policy.tool import policy_of

POLICY: dict[str, object] = {
    "cwd": "/workspace",
    "tools": {
        "read_file": {"path": "fs:read"},
        "fetch": {"url": "net"},
        "mail": {"to": "email", "body": "opaque"},
    },
    "fs": {"read": ["/workspace/**"]},
    "net": {"hosts": ["a.example.com"]},
    "email": {"domains": ["corp.com"]},
    "limits": {"calls_per_minute": {"mail": 1}},
    "flow": [{"id": "careful", "if_untrusted_output_from": "fetch", "then_ask": "mail"}],
}
READ = '{"path": "./a/../b.txt"}'
STEAL = '{"path": "../etc/passwd"}'
MAIL = '{"to": "a@CORP.com", "body": "hi"}'


def guarded(**changes: object) -> Any:
    policy = policy_of({**POLICY, **changes})
    return Firewall([], GuardPolicy([], may_be_empty=True), tool_policy=policy, audit=MemoryAudit())


def called(name: str, arguments: str, call_id: str = "c1") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    call = {"id": call_id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def answered(text: str, call_id: str = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


USER = {"role": "user", "content": "go"}
FETCHED = [called("fetch", '{"url": "https://a.example.com/"}'), answered("a page")]


def ask(kit: Any, client: openai.OpenAI, messages: Any, **options: Any) -> Any:
    return client.chat.completions.create(model=kit.model, messages=messages, **options)


def streamed(kit: Any, client: openai.OpenAI, messages: Any) -> dict[str, Any]:
    """The calls, refusal and finish of a streamed answer."""
    found: dict[str, Any] = {"calls": {}, "refusal": "", "finish": None}
    for chunk in ask(kit, client, messages, stream=True):
        for choice in chunk.choices:
            found["refusal"] += choice.delta.refusal or ""
            found["finish"] = choice.finish_reason or found["finish"]
            for call in choice.delta.tool_calls or ():
                found["calls"].setdefault(call.index, "")
                found["calls"][call.index] += call.function.arguments or ""
    return found


def test_only_the_canonical_call_reaches_the_client(kit: Any) -> None:
    client = kit.client(guarded())
    kit.upstream.call(("read_file", READ))
    answer = ask(kit, client, [USER])
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.arguments == '{"path":"/workspace/b.txt"}'
    assert answer.choices[0].finish_reason == "tool_calls"
    found = streamed(kit, client, [USER])
    assert found == {
        "calls": {0: '{"path":"/workspace/b.txt"}'},
        "refusal": "",
        "finish": "tool_calls",
    }


def test_a_refused_call_never_reaches_the_client(kit: Any) -> None:
    client = kit.client(guarded())
    kit.upstream.call(("read_file", READ), ("read_file", STEAL))
    answer = ask(kit, client, [USER])
    choice = answer.choices[0]
    assert choice.finish_reason == "content_filter"
    assert choice.message.tool_calls is None
    assert "policy.fs.outside" in choice.message.refusal
    assert "passwd" not in answer.model_dump_json()
    assert answer.tyrian["reasons"][0]["rule"] == "policy.fs.outside"
    found = streamed(kit, client, [USER])
    assert (found["calls"], found["finish"]) == ({}, "content_filter")
    assert "policy.fs.outside" in found["refusal"]


@pytest.mark.parametrize("is_stream", [False, True])
def test_what_was_fetched_asks_for_a_person(kit: Any, is_stream: bool) -> None:
    client = kit.client(guarded())
    kit.upstream.call(("mail", MAIL))
    for said, finish in (([USER], "tool_calls"), ([USER, *FETCHED], "content_filter")):
        if is_stream:
            assert streamed(kit, client, said)["finish"] == finish
        else:
            assert ask(kit, client, said).choices[0].finish_reason == finish


def test_a_refused_call_in_the_history_stops_the_request(kit: Any) -> None:
    firewall = guarded()
    client = kit.client(firewall)
    said = [USER, called("read_file", STEAL), answered("root:x:0:0")]
    for _ in range(2):
        answer = ask(kit, client, said)
        assert answer.choices[0].finish_reason == "content_filter"
        assert answer.tyrian["stage"] == "tool-call"
    assert kit.upstream.requests == []
    assert [record.effect for record in firewall.audit.records] == ["block", "block"]


def test_a_history_is_judged_once(kit: Any) -> None:
    firewall = guarded()
    client = kit.client(firewall)
    said = [USER, *FETCHED]
    ask(kit, client, said)
    ask(
        kit,
        client,
        [*said, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "x"}],
    )
    stages = [record.stage for record in firewall.audit.records]
    assert stages.count("tool-call") == 1


def test_calls_of_unknown_times_do_not_close_a_conversation(kit: Any) -> None:
    """After a restart nobody knows when the calls of a history were made."""
    client = kit.client(guarded(flow=[]))
    said = [USER]
    for i in range(3):
        said += [called("mail", MAIL, f"m{i}"), answered("sent", f"m{i}")]
    kit.upstream.say("all sent")
    assert ask(kit, client, said).choices[0].finish_reason == "stop"
    kit.upstream.call(("mail", MAIL))
    answer = ask(kit, client, said)
    assert answer.tyrian["reasons"][0]["rule"] == "policy.limits.calls_per_minute"


def test_shadow_mode_stops_nothing_and_counts(kit: Any) -> None:
    firewall = guarded(mode="shadow")
    client = kit.client(firewall)
    kit.upstream.call(("read_file", STEAL))
    answer = ask(kit, client, [USER])
    assert answer.choices[0].message.tool_calls[0].function.arguments == STEAL
    assert answer.tyrian["effect"] == "flag"
    metrics = client._client.get(str(client.base_url).replace("/v1/", "/metrics")).text
    line = 'tyrian_policy_rules_total{effect="flag",rule="policy.fs.outside"} 1.0'
    assert line in metrics


def test_the_policy_stands_among_the_guards_of_models(kit: Any) -> None:
    firewall = guarded()
    client = kit.client(firewall)
    model = client.models.list().data[0]
    (guard,) = model.guards
    assert guard["name"] == "policy"
    assert guard["stage"] == "tool-call"
    assert guard["revision"] == firewall.gate.policy.digest


def test_calls_in_the_old_way_are_refused(kit: Any) -> None:
    client = kit.client(guarded())
    old = {"role": "assistant", "content": None, "function_call": json.loads(STEAL)}
    with pytest.raises(openai.BadRequestError) as caught:
        ask(kit, client, [USER, old, USER])
    assert caught.value.param == "messages[1].function_call"
