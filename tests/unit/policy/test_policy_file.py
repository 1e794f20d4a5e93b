"""A policy file loads whole or not at all, and says where it is wrong."""

import json
from pathlib import Path

import jsonschema
import pytest

from tyrian.core.decision import Effect
from tyrian.core.message import ToolCall
from tyrian.errors import PolicyError
from tyrian.policy.call import ProposedCall
from tyrian.policy.json_schema import policy_json_schema
from tyrian.policy.load import policy_faults
from tyrian.policy.tool import load_policy, parse_policy, policy_of

EXAMPLE = r"""
version: 1
default: deny
cwd: /workspace
unknown_args: deny
tools:
  read_file:  {path: fs:read}
  write_file: {path: fs:write, content: opaque}
  http_get:   {url: net}
  send_email: {to: email, subject: opaque, body: opaque}
  run_shell:  {command: shell}
fs:    {read: ["/workspace/**"], write: ["/workspace/**"], deny: ["**/.git/**", "**/.env"]}
net:   {schemes: [https], hosts: ["api.example.com", "*.docs.example.com"], ports: [443],
        paths: ["/**"], private_ips: deny, userinfo: deny}
email: {domains: ["corp.com"], max_rcpt: 5}
shell: {programs: [ls, git], args_deny: {git: ["-c", "--upload-pack", "--exec-path"]}}
limits: {calls_per_minute: {send_email: 5}, calls_per_trace: {http_get: 50}}
flow:
  - {if_untrusted_output_from: [fetch_web, read_email], then: ask, tools: [send_email, http_post]}
  - {if_called: read_file, then_deny: http_get}
rules:
  - id: no-prod-writes
    when: tool.name == "sql" && tool.args.query.matches("(?i)\\b(drop|delete|update)\\b")
    effect: block
    reason: writes need a person
"""


def faults(text: str) -> list[tuple[int, int, str, str]]:
    found = policy_faults(text, "p.yaml")
    assert isinstance(found, list)
    return [(f.line, f.column, f.message.split(": ", 1)[1], f.hint) for f in found]


def test_the_example_of_the_interface_loads_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(EXAMPLE)
    policy = load_policy(file)
    call = ToolCall("1", "send_email", '{"to": "a@corp.com", "subject": "s", "body": "b"}')
    assert policy.decide(call).effect is Effect.ALLOW
    trace = policy.start_trace()
    trace.add_output("fetch_web")
    assert policy.decide(call, trace).effect is Effect.REVIEW


def test_an_unknown_key_names_the_nearest_with_its_place() -> None:
    ((line, column, message, hint),) = faults("version: 1\ntols: {}\n")
    assert (line, column) == (2, 1)
    assert "tols" in message
    assert "tools" in hint


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("tools: {a: {p: fs:raed}}", (1, 16), "unknown kind"),
        ("net:\n  hosts: [good.com, 'a b']", (2, 21), "host name"),
        ("fs: {read: [workspace]}", (1, 13), "slash"),
        ("fs: {read: ['/a/../b']}", (1, 13), "glob"),
        ("cwd: here", (1, 6), "absolute"),
        ("flow:\n  - {if_called: a}", (2, 5), "one of then"),
        ("flow:\n  - {then: deny, tools: a}", (2, 5), "one of if_called"),
        ("flow:\n  - {if_called: a, then: deny}", (2, 5), "needs `tools`"),
        ("kinds: {a: {pattern: '(?=x)'}}", (1, 22), "RE2"),
        ("kinds: {a: b, b: a}\ntools: {t: {x: a}}", (2, 16), "stands for itself"),
        ("kinds: {a: {}}", (1, 12), "says nothing"),
        ("email: {domains: ['@corp.com']}", (1, 19), "host name"),
        ("shell: {programs: ['ls -l']}", (1, 20), "plain word"),
        ("default: maybe", (1, 10), "must be"),
        ("tools: []", (1, 8), "mapping"),
        ("tools: {a: allow}", (1, 12), "a mapping of keys, not text"),
        ("tools: {a: {p: {kind: net}}}", (1, 16), "text, not a mapping"),
        ("net: {ports: [0]}", (1, 15), "greater"),
        ("tools: {'a b': {}}", (1, 9), "name of a tool"),
        ("tools: {a: {p: [fs:read, net]}}", (1, 16), "[kind]"),
        ("version: 2", (1, 10), "must be"),
        ("- a", (1, 1), "mapping"),
        ("", (1, 1), "empty"),
        ("a: &x 1", (1, 4), "anchors"),
    ],
)
def test_a_fault_is_told_at_its_place(text: str, place: tuple[int, int], words: str) -> None:
    line, column, message, _ = faults(text)[0]
    assert words in message
    assert (line, column) == place


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("tool.name = 'a'", "unexpected '='"),
        ("tool.nmae == 'a'", "no member 'nmae'"),
        ("tool.args.pth == 'a'", "no argument 'pth'"),
        ("tool.args.path", "not bool"),
        ("tool.args.path > 3", "does not take string and int"),
        ("tool.args.path.matches('(')", "not an RE2 pattern"),
        ("tool.args.path.matches(tool.name + tool.args.path)", "constant string"),
        ("tool.facts.path.host == 'a'", "no fact 'host'"),
        ("size(tool.args.path) == 1 &&", "ends too early"),
        ("foo(1)", "unknown function"),
        ("trace.x == 1", "no member 'x'"),
        ("'a' in tool.name", "does not take string and string"),
        ("x == 1", "unknown name"),
        ("tool", "not a value"),
        ("!tool.args.path", "does not take string"),
        ("trace.called.exists(a, trace.called.exists(b, a == b))", "steps"),
        ("(" * 40 + "true" + ")" * 40, "nested"),
        ("tool.name == 'a", "unexpected"),
        ("return == 1", "reserved"),
    ],
)
def test_an_expression_is_checked_at_load_with_a_caret(when: str, words: str) -> None:
    data = {"tools": {"read": {"path": "fs:read"}}, "rules": [{"id": "r", "when": when}]}
    with pytest.raises(PolicyError) as raised:
        policy_of(data)
    assert words in str(raised.value)
    assert "^" in str(raised.value)
    assert raised.value.line == 1


def test_a_rule_about_another_tool_needs_no_argument_of_this_one() -> None:
    when = "tool.args.query == 'x' && tool.name == 'sql'"
    tools = {"read": {"path": "fs:read"}, "sql": {"query": "opaque"}}
    policy = policy_of({"tools": tools, "rules": [{"id": "r", "when": when}]})
    assert policy.decide(ProposedCall("sql", {"query": "x"})).rule == "r"


def test_all_faults_are_counted_in_the_one_that_is_raised() -> None:
    with pytest.raises(PolicyError, match="2 more faults"):
        parse_policy("tols: 1\ncwdd: 2\nfss: 3\n")


def test_the_json_schema_accepts_the_example_and_refuses_an_unknown_key() -> None:
    from ruamel.yaml import YAML

    schema = policy_json_schema()
    data = json.loads(json.dumps(YAML(typ="safe", pure=True).load(EXAMPLE)))
    jsonschema.validate(data, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "tols": {}}, schema)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 4_000_001])
def test_a_file_that_is_no_text_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(content)
    with pytest.raises(PolicyError):
        load_policy(file)
    with pytest.raises(PolicyError, match="no such file"):
        load_policy(tmp_path / "none.yaml")


def test_shadow_mode_decides_and_lets_pass() -> None:
    policy = policy_of({"mode": "shadow", "tools": {}})
    decision = policy.decide(ProposedCall("rm", {"x": 1}))
    assert decision.effect is Effect.FLAG
    assert "would be block" in decision.reason
    assert decision.may_run


def test_the_digest_changes_with_the_rules_and_not_with_the_cases() -> None:
    case = {"tool": "a", "expect": "deny"}
    one, two = policy_of({"tools": {}}), policy_of({"tools": {}, "cases": [case]})
    assert one.digest == two.digest != policy_of({"default": "ask"}).digest


@pytest.mark.parametrize(
    "when",
    [
        'tool.name == "a"',
        'tool.name == "a" && size(tool.args.x) > 0 && true',
        'tool.name in ["a", "z"] && tool.args.x != ""',
        '"a" == tool.name',
        'size(tool.args.x) > 0 && tool.name == "a"',
        '(tool.name == "a" || tool.name == "z") && true',
        'true && tool.name == "a"',
        '!(tool.name != "a")',
    ],
)
def test_a_rule_holds_for_the_tools_that_it_names_and_no_others(when: str) -> None:
    tools = {"a": {"x": "opaque"}, "b": {"x": "opaque"}}
    policy = policy_of({"tools": tools, "default": "allow", "rules": [{"id": "r", "when": when}]})
    found = {name: policy.decide(ProposedCall(name, {"x": "y"})).effect for name in "abcz"}
    blocked = {name for name, effect in found.items() if effect is Effect.BLOCK}
    assert blocked == ({"a", "z"} if '"z"' in when else {"a"})
