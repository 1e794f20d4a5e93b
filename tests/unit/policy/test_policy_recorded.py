"""Traces that real packages wrote (see `recorded/README.md`): read, replayed, learned from."""

import json
import sys
from pathlib import Path

import pytest

from tyrian.cli.main import run
from tyrian.core.decision import Effect
from tyrian.core.message import Role, Trace
from tyrian.errors import InputError
from tyrian.policy.learn.draft import learn
from tyrian.policy.recorded.read import read_traces
from tyrian.policy.replay import replay_trace
from tyrian.policy.tool import policy_of
from tyrian.policy.trace import TraceReader

HERE = Path(__file__).parent / "recorded"
SAMPLES = sorted(path for path in HERE.iterdir() if path.suffix in (".json", ".jsonl", ".eval"))
PAGE = "The figures of the north rose by a twelfth in the second quarter of this year."
POLICY = {
    "tools": {"fetch": {"url": "net"}, "mail": {"to": "email", "body": "opaque"}},
    "net": {"hosts": ["a.example.com"]},
    "email": {"domains": ["corp.com"]},
    "flow": [{"id": "quotes", "if_args_from": "fetch", "args": "body", "then_deny": "mail"}],
}


def sample(path: Path) -> Trace:
    (trace,) = read_traces(path.read_bytes())
    return trace


def test_there_is_a_sample_of_every_format() -> None:
    stems = {path.stem.split("-")[0] for path in SAMPLES}
    assert stems == {"openai", "anthropic", "langchain", "inspect", "otel"}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_what_a_package_wrote_is_read_whole(path: Path) -> None:
    trace = sample(path)
    roles = [message.role for message in trace.messages]
    said = [Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL, Role.ASSISTANT, Role.TOOL]
    if path.name == "otel-logs.json":
        # The events of the older conventions come in the order in which they were recorded.
        assert sorted(roles) == sorted([*said, Role.ASSISTANT])
    else:
        assert roles == [*said, Role.ASSISTANT]
    calls = [call for message in trace.messages for call in message.tool_calls]
    assert [(call.id, call.name) for call in calls] == [("call_1", "fetch"), ("call_2", "mail")]
    assert json.loads(calls[0].arguments) == {"url": "https://a.example.com/page"}
    assert json.loads(calls[1].arguments)["body"] == f"They say: {PAGE}"
    outputs = [m.text for m in trace.messages if m.role is Role.TOOL]
    assert outputs == [PAGE, "sent"]
    assert trace.messages[-1].text == "All done."


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_replay_follows_what_was_read(path: Path) -> None:
    judge = policy_of(POLICY)
    rows = list(replay_trace(judge, sample(path), TraceReader(judge)))
    found = {row.tool: (row.decision.effect, row.decision.rule) for row in rows}
    assert found == {"fetch": (Effect.ALLOW, "tools.fetch"), "mail": (Effect.BLOCK, "quotes")}


def test_an_archive_that_cannot_be_unpacked_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)  # as if it were not installed
    with pytest.raises(InputError, match="Zstandard") as caught:
        read_traces((HERE / "inspect.eval").read_bytes())
    assert "inspect log convert" in caught.value.hint


def test_spans_without_content_are_no_clean_trace() -> None:
    span = {"context": {"trace_id": "1"}, "attributes": {"gen_ai.operation.name": "chat"}}
    with pytest.raises(InputError, match="hold no messages") as caught:
        read_traces(json.dumps(span).encode())
    assert "CAPTURE_MESSAGE_CONTENT" in caught.value.hint
    with pytest.raises(InputError, match="no messages"):
        read_traces(b'{"messages": []}', "openai")


def test_spans_of_tools_alone_give_their_calls() -> None:
    spans = [
        {
            "context": {"trace_id": "1"},
            "start_time": f"2026-01-01T00:00:0{number}Z",
            "attributes": {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": name,
                "gen_ai.tool.call.arguments": json.dumps(args),
                "gen_ai.tool.call.result": result,
            },
        }
        for number, (name, args, result) in enumerate(
            [
                ("fetch", {"url": "https://a.example.com/"}, PAGE),
                ("mail", {"to": "a@corp.com", "body": PAGE}, "sent"),
            ]
        )
    ]
    judge = policy_of(POLICY)
    (trace,) = read_traces(json.dumps(spans).encode())
    rows = list(replay_trace(judge, trace, TraceReader(judge)))
    assert [row.decision.effect for row in rows] == [Effect.ALLOW, Effect.BLOCK]


@pytest.mark.parametrize("name", ["openai.jsonl", "anthropic.jsonl", "otel-otlp.json"])
def test_the_command_replays_and_learns(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace, policy = str(HERE / name), tmp_path / "policy.yaml"
    policy.write_text(json.dumps(POLICY))
    assert run(["policy", "check", "--trace", trace, "--policy", str(policy)]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    effects = {row["id"]: row["effect"] for row in rows}
    assert effects == {"call_1": "allow", "call_2": "block"}
    assert run(["policy", "learn", trace, "--cwd", "/workspace"]) == 0
    draft = tmp_path / "draft.yaml"
    draft.write_text(capsys.readouterr().out)
    assert run(["policy", "lint", str(draft)]) == 0
    assert run(["policy", "check", trace, "--trace", "--policy", str(draft)]) == 0


def test_the_command_tells_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, trace = tmp_path / "policy.yaml", tmp_path / "trace.json"
    policy.write_text(json.dumps(POLICY))
    trace.write_text('{"messages": [{"role": "nobody"}]}')
    assert run(["policy", "check", "--trace", str(trace), "--policy", str(policy)]) == 3
    assert "messages[0].role: unknown role" in capsys.readouterr().err
    assert run(["policy", "learn", str(trace)]) == 3
    arguments = ["policy", "check", str(trace), "--format-in", "openai", "--policy", str(policy)]
    assert run(arguments) == 2


def test_a_draft_is_as_narrow_as_what_was_seen() -> None:
    judge_text = learn([sample(HERE / "openai.jsonl")], "/workspace").text
    assert '"ann@corp.com"' in judge_text
    assert '"a.example.com"' in judge_text
    assert "max_rcpt: 1" in judge_text
    assert '"mail": 1' in judge_text


def test_a_draft_says_why_a_value_is_judged_as_plain_text() -> None:
    function = {"name": "bash", "arguments": json.dumps({"command": "ls | wc"})}
    call = {"id": "1", "type": "function", "function": function}
    row = {"role": "assistant", "content": None, "tool_calls": [call]}
    (trace,) = read_traces(json.dumps([row]).encode())
    draft = learn([trace], "/workspace")
    assert draft.refused == ()
    assert "not shell, because of a value seen: the command pipes" in draft.text
