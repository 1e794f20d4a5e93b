"""Loading stack files: what is meant, and what is said where it cannot be meant."""

import json
from pathlib import Path

import pytest

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.errors import StackError
from tyrian.policy.guard import GuardPolicy
from tyrian.stack.check import warnings
from tyrian.stack.load import default_stack, load_stack, parse_stack, stack_faults
from tyrian.stack.schema import Stack

CONTRACT = """\
agent:
  base_model: meta-llama/Llama-4-Scout-17B-16E
  preflight_guards:
    - name: prompt_guard_2
      mode: classify_user_input
      block_classes: ["jailbreak"]
      flag_classes: ["injection"]
    - name: llama_guard_4
      mode: classify_user_input
      taxonomy: ./harm_taxonomy.json
  tool_output_guards:
    - name: prompt_guard_2
      mode: classify_tool_output
      block_classes: ["injection", "jailbreak"]
  postflight_guards:
    - name: llama_guard_4
      mode: classify_model_output
      taxonomy: ./harm_taxonomy.json
  policy_runtime:
    framework: llamafirewall
    config: ./firewall_policies.yaml
  sandbox:
    type: gvisor
    egress_allowlist: ["api.example-corp.internal"]
"""

TAXONOMY = {
    "S1": {"name": "Violent Crimes", "description": "...", "threshold": 0.7},
    "X1": {"name": "Our own", "description": "...", "threshold": 0.9},
}

GUARD = "agent:\n  preflight_guards:\n    - name: prompt_guard\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with the contract's stack file and the files that it names."""
    (tmp_path / "stack.yaml").write_text(CONTRACT)
    (tmp_path / "harm_taxonomy.json").write_text(json.dumps(TAXONOMY))
    (tmp_path / "firewall_policies.yaml").write_text("version: 1\n")
    return tmp_path


def fault(text: str, base: Path = Path("/nonexistent")) -> StackError:
    with pytest.raises(StackError) as caught:
        parse_stack(text, base=base, file="stack.yaml")
    return caught.value


def parsed(text: str) -> Stack:
    return parse_stack(text, base=Path("/nonexistent"), file="stack.yaml")


def test_the_stack_file_of_the_contract_loads_unchanged(home: Path) -> None:
    stack = load_stack(home / "stack.yaml")
    guards = stack.guards()
    assert stack.base_model == "meta-llama/Llama-4-Scout-17B-16E"
    assert [(g.stage, g.name, g.kind) for g in guards] == [
        (Stage.INPUT, "prompt_guard_2", "prompt_guard_2"),
        (Stage.INPUT, "llama_guard_4", "llama_guard_4"),
        (Stage.TOOL_RESULT, "prompt_guard_2", "prompt_guard_2"),
        (Stage.OUTPUT, "llama_guard_4", "llama_guard_4"),
    ]
    rule = guards[0].rule()
    assert rule.effect_of("jailbreak") is Effect.BLOCK
    assert rule.effect_of("injection") is Effect.FLAG
    assert guards[1].config().taxonomy == home / "harm_taxonomy.json"
    assert guards[1].config().fallback == "embedded"
    assert stack.agent.sandbox is not None
    assert stack.agent.sandbox.egress_allowlist == ("api.example-corp.internal",)
    assert stack.agent.policy_runtime is not None
    assert stack.agent.policy_runtime.config == home / "firewall_policies.yaml"
    GuardPolicy(g.rule() for g in guards)


def test_the_taxonomy_brings_its_thresholds_and_its_own_classes(home: Path) -> None:
    rule = load_stack(home / "stack.yaml").guards()[1].rule()
    assert rule.threshold("S1") == 0.7
    assert rule.threshold("X1") == 0.9
    assert rule.effect_of("X1") is Effect.BLOCK
    assert rule.effect_of("S6") is Effect.FLAG


def test_a_missing_taxonomy_file_is_an_error_with_a_hint(home: Path) -> None:
    (home / "harm_taxonomy.json").unlink()
    with pytest.raises(StackError) as caught:
        load_stack(home / "stack.yaml")
    assert "is missing" in str(caught.value)
    assert "leave out `taxonomy`" in caught.value.hint
    assert (caught.value.line, caught.value.column) == (10, 17)


@pytest.mark.parametrize(
    "content", ["[]", "{", "{}", '{"S1": 3}', '{"S1": {"threshold": NaN}}', "[" * 100_000]
)
def test_a_taxonomy_that_is_none_is_an_error(home: Path, content: str) -> None:
    (home / "harm_taxonomy.json").write_text(content)
    with pytest.raises(StackError, match="taxonomy"):
        load_stack(home / "stack.yaml")


def test_a_missing_policy_file_is_an_error_at_its_line(home: Path) -> None:
    (home / "firewall_policies.yaml").unlink()
    with pytest.raises(StackError, match="policy file") as caught:
        load_stack(home / "stack.yaml")
    assert caught.value.line == 21


def test_where_the_sandbox_holds_is_told(home: Path) -> None:
    told = " ".join(warnings(load_stack(home / "stack.yaml")))
    assert "agent.sandbox (gvisor) holds for what `tyrian run` starts" in told


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("type: none", "isolates nothing"),
        ("type: container", "needs an image"),
        ("{type: container, image: 'python:3'}", "pinned by its digest"),
        ("mounts: {/workspace: ./nowhere}", "no directory"),
        ("egress_allowlist: ['*']", "no allow-list"),
        ("egress_allowlist: ['tcp://db.example.com']", "needs a port"),
        ("hosts: {api.test: not-an-address}", "address"),
        ("limits: {memory_mb: 1}", "64"),
        ("env: ['A=B']", "env"),
    ],
)
def test_a_faulty_sandbox_is_told(tmp_path: Path, keys: str, told: str) -> None:
    keys = keys if keys.startswith("{") else f"{{{keys}}}"
    text = f"agent:\n  preflight_guards: [{{name: pii}}]\n  sandbox: {keys}\n"
    with pytest.raises(StackError, match=told) as caught:
        parse_stack(text, base=tmp_path, file="stack.yaml")
    assert caught.value.line == 3


def test_the_default_stack_makes_a_policy_with_guards_at_every_stage() -> None:
    guards = default_stack().guards()
    assert {g.stage for g in guards} == set(Stage)
    assert GuardPolicy(g.rule() for g in guards).digest
    assert warnings(default_stack()) == ()


def test_the_default_stack_blocks_on_content_only_for_s4() -> None:
    rule = next(g for g in default_stack().guards() if g.kind == "content_guard").rule()
    assert rule.effect_of("S4") is Effect.BLOCK
    assert rule.effect_of("S1") is Effect.FLAG
    assert rule.threshold("S1") == 0.8


@pytest.mark.parametrize(
    ("text", "line", "column", "word", "hint"),
    [
        ("agent:\n  preflight_gards: []\n", 2, 3, "unknown key", "preflight_guards"),
        (GUARD + "      treshold: 0.5\n", 4, 7, "unknown key", "threshold"),
        ("agnt: {}\n", 1, 1, "unknown key 'agnt'", "agent"),
        (GUARD + "      threshold: hi\n", 4, 18, "threshold", ""),
        (GUARD + "      threshold: '0.5'\n", 4, 18, "threshold", ""),
        (GUARD + "      threshold: 1.5\n", 4, 18, "less than or equal to 1", ""),
        (GUARD + "      threshold: .nan\n", 4, 18, "finite", ""),
        (GUARD + "      timeout_s: 1e999\n", 4, 18, "finite", ""),
        (GUARD + "      timeout_s: soon\n", 4, 18, "a number, not text", ""),
        (GUARD + "      model: 7\n", 4, 14, "text, not a number", "quotes"),
        (GUARD + "      timeout_s: 0\n", 4, 18, "greater than 0", ""),
        (GUARD + "      on_error: ignore\n", 4, 17, "on_error", ""),
        (GUARD + "      name: pii\n", 4, 7, "duplicate key", "line 3"),
        (GUARD + "\tmode: x\n", 4, 1, "tab", "spaces"),
        (GUARD + "      mode: classify_document\n", 4, 13, "does not fit", "document_guards"),
        (GUARD + "      block_classes: [jailbrake]\n", 4, 23, "no label", "jailbreak"),
        (GUARD + "      block_classes: jailbreak\n", 4, 22, "must be a list", ""),
        (GUARD + "      backend: remote\n", 4, 16, "needs a url", "url"),
        (GUARD + "      url: https://u:p@example.com/\n", 4, 12, "without a user name", ""),
        (GUARD + "      api_key: sk-1\n", 4, 7, "secret", "api_key_env"),
        (GUARD + "      options: {auth_token: x}\n", 4, 17, "secret", "api_key_env"),
        (GUARD + "    - name: prompt_guard\n", 4, 13, "second guard", "id"),
        (GUARD.replace("prompt_guard", "promt_guard"), 3, 13, "unknown guard", "prompt_guard"),
        (GUARD.replace("prompt_guard", "pattern"), 3, 13, "nothing to look for", "patterns"),
        (
            GUARD.replace("prompt_guard", "pattern") + "      patterns: [{words: [a], regex: b}]\n",
            4,
            18,
            "exactly one source",
            "words_file",
        ),
        ("agent: &a\n  base_model: x\n", 1, 8, "anchors", ""),
        ("agent: *a\n", 1, 8, "aliases", ""),
        ("agent: !!python/object:os.system {}\n", 1, 8, "tags", ""),
        ("agent: {}\n---\nagent: {}\n", 2, 1, "second document", ""),
        ("agent: {}\n", 1, 1, "no guards", "preflight_guards"),
        ("agent: [1]\n", 1, 8, "mapping", ""),
        ("- agent\n", 1, 1, "mapping", "agent"),
        ("", 1, 1, "empty", "agent"),
        ("# only a comment\n", 1, 1, "empty", "agent"),
        ("agent: 'x\n", 2, 1, "not valid YAML", ""),
        ("agent: \x01\n", 1, 8, "control character", ""),
        (GUARD + "routes:\n  - model: x\n", 5, 12, "unknown model", "models"),
    ],
)
def test_a_fault_is_told_with_its_place_and_a_hint(
    text: str, line: int, column: int, word: str, hint: str
) -> None:
    error = fault(text)
    assert (error.line, error.column) == (line, column), str(error)
    assert word in error.message
    assert hint in error.hint
    assert error.message.startswith(f"stack.yaml:{line}:{column}: ")


def test_aliases_cannot_blow_a_file_up() -> None:
    bomb = 'a: &a ["x","x"]\n' + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)
    )
    assert "anchors" in fault(bomb).message


def test_deep_nesting_is_an_error_and_not_a_crash() -> None:
    assert "deep" in fault("agent: " + "[" * 50_000).message


def test_secrets_are_never_repeated_in_the_message() -> None:
    text = GUARD + "models:\n  m:\n    base_url: https://x/v1\n    api_key_env: sk-verysecret-1\n"
    assert "verysecret" not in str(fault(text))
    assert "verysecret" not in str(fault(GUARD + "      api_key: sk-verysecret-1\n"))


def test_every_fault_of_a_file_is_found_in_its_order() -> None:
    text = GUARD + "      threshold: 7\n      colour: red\ncach: {}\n"
    found = stack_faults(text, base=Path(), file="s.yaml")
    assert isinstance(found, list)
    assert [error.line for error in found] == [4, 5, 6]
    assert "2 more faults" in fault(text).hint


def test_malicious_stands_for_both_labels_of_prompt_guard() -> None:
    rule = parsed(GUARD + "      block_classes: [malicious]\n").guards()[0].rule()
    assert rule.effect_of("injection") is rule.effect_of("jailbreak") is Effect.BLOCK


def test_a_label_has_one_effect() -> None:
    error = fault(GUARD + "      block_classes: [injection]\n      flag_classes: [injection]\n")
    assert "stands in block_classes already" in error.message


def test_thresholds_may_be_one_number_or_one_per_label() -> None:
    one = parsed(GUARD + "      threshold: 0.9\n").guards()[0].rule()
    assert one.threshold("injection") == one.threshold("jailbreak") == 0.9
    some = parsed(GUARD + "      threshold: {injection: 0.9, '*': 0.3}\n").guards()[0].rule()
    assert (some.threshold("injection"), some.threshold("jailbreak")) == (0.9, 0.3)


def test_a_second_guard_of_a_kind_needs_an_id() -> None:
    stack = parsed(GUARD + "    - {name: prompt_guard, id: strict, threshold: 0.2}\n")
    assert [g.name for g in stack.guards()] == ["prompt_guard", "strict"]


def test_detector_keys_reach_the_detector_as_plain_options() -> None:
    text = """\
agent:
  preflight_guards:
    - name: pattern
      patterns:
        - {id: a, label: password, regex: "hunter[0-9]+"}
      block_classes: [password]
    - name: pii
      entities: [email, card]
      options: {regions: [DE]}
"""
    pattern, pii = parsed(text).guards()
    assert pattern.config().options["patterns"] == [
        {"id": "a", "label": "password", "regex": "hunter[0-9]+"}
    ]
    assert pii.config().options == {"entities": ("email", "card"), "regions": ["DE"]}


def test_a_words_file_starts_at_the_stack_file(tmp_path: Path) -> None:
    text = "agent:\n  preflight_guards:\n    - {name: pattern, patterns: [{words_file: w.txt}]}\n"
    assert "is missing" in fault(text, tmp_path).message
    (tmp_path / "w.txt").write_text("bluebird\n")
    (guard,) = parse_stack(text, base=tmp_path, file="s").guards()
    assert guard.config().options["patterns"] == [{"words_file": str(tmp_path / "w.txt")}]


def test_models_and_routes_keep_data_where_it_may_go() -> None:
    text = (
        GUARD
        + """\
models:
  inside: {base_url: "http://localhost:8000/v1", data_classes: [secret, public]}
  hosted:
    base_url: https://api.example.com/v1
    api_key_env: HOSTED_KEY
    modalities: [text, image]
    context_length: 131072
    data_classes: [public]
routes:
  - {match: "exp-*", model: hosted, data_class: CLASS}
  - {model: inside}
"""
    )
    stack = parsed(text.replace("CLASS", "public"))
    assert stack.models["hosted"].api_key_env == "HOSTED_KEY"
    assert [route.model for route in stack.routes] == ["hosted", "inside"]
    assert "may not go" in fault(text.replace("CLASS", "secret")).message


@pytest.mark.parametrize(
    ("route", "word"),
    [
        ("{match: m}", "either to a `model` or to a `split`"),
        ("{match: m, model: a, split: {b: 1}}", "either to a `model` or to a `split`"),
        ("{match: m, split: {}}", "either to a `model` or to a `split`"),
        ("{match: m, split: {a: 1, c: 1}}", "unknown model 'c'"),
        ("{match: m, model: a, fallbacks: [b, d]}", "unknown model 'd'"),
        ("{match: m, split: {a: 0}}", "greater than or equal to 1"),
        ("{match: m, detected: [pii], model: b}", "where none may go"),
        ("{match: m, detected: [health], model: a}", "'pii' or 'secret'"),
        ("{match: m, data_class: secret, model: a, fallbacks: [b]}", "may not go to 'b'"),
    ],
)
def test_a_route_that_leads_nowhere_is_told(route: str, word: str) -> None:
    text = (
        GUARD
        + """\
models:
  a: {base_url: "http://localhost:8000/v1"}
  b: {base_url: "https://api.example.com/v1", data_classes: [public]}
"""
    )
    assert word in fault(f"{text}routes:\n  - {route}\n").message


def test_files_that_cannot_be_stacks_are_named(tmp_path: Path) -> None:
    cases = {
        "latin.yaml": (b"agent:\n  base_model: caf\xe9\n", "not UTF-8"),
        "utf16.yaml": ("agent: {}".encode("utf-16"), "not UTF-8"),
        "big.yaml": (b"#" * 1_000_001, "larger"),
    }
    for name, (content, word) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StackError, match=word):
            load_stack(tmp_path / name)
    with pytest.raises(StackError, match="no such file"):
        load_stack(tmp_path / "absent.yaml")
    with pytest.raises(StackError, match="directory"):
        load_stack(tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("\ufeff" + GUARD)
    assert load_stack(tmp_path / "s.yaml").guards()


def test_a_stack_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        default_stack().cache.size = 1
