"""What another stack would change, in words, and what a console's stack may not name."""

from pathlib import Path

import pytest

from tyrian.gateway.console.stack.bounds import bound_faults
from tyrian.gateway.console.stack.changes import Weight, changes, is_weaker
from tyrian.stack.load import parse_stack
from tyrian.stack.schema import Stack

BASE = """\
agent:
  preflight_guards:
    - {name: prompt_guard, block_classes: [jailbreak, injection], threshold: 0.5}
    - {name: secrets, redact_classes: ["*"]}
  postflight_guards:
    - {name: secrets, redact_classes: ["*"]}
models:
  fast: {base_url: "http://127.0.0.1:9/v1", api_key_env: FAST_KEY}
"""


def stack(text: str, base: Path = Path("/")) -> Stack:
    return parse_stack(text, base=base, file="stack.yaml")


def told(old: str, new: str) -> dict[str, Weight]:
    return {change.text: change.weight for change in changes(stack(old), stack(new))}


def test_words_and_layout_change_nothing() -> None:
    assert told(BASE, f"# a word\n{BASE}\n\n") == {}


def test_a_guard_that_goes_is_weaker_and_told_first() -> None:
    text = BASE.replace('    - {name: secrets, redact_classes: ["*"]}\nmodels', "models").replace(
        "  postflight_guards:\n", ""
    )
    found = changes(stack(BASE), stack(text))
    assert [change.text for change in found] == [
        "The guard secrets of what models answer is removed",
        "Nothing judges what models answer any more",
    ]
    assert is_weaker(found)
    assert not is_weaker(changes(stack(text), stack(BASE)))


@pytest.mark.parametrize(
    ("old", "new", "words", "weight"),
    [
        ("threshold: 0.5", "threshold: 0.9", "acts later", Weight.WEAKER),
        ("threshold: 0.5", "threshold: 0.1", "acts sooner", Weight.STRONGER),
        (
            "block_classes: [jailbreak, injection]",
            "block_classes: [jailbreak], flag_classes: [injection]",
            "flagged, no longer blocked",
            Weight.WEAKER,
        ),
        ("threshold: 0.5", "threshold: 0.5, on_error: allow", "let pass", Weight.WEAKER),
        ("threshold: 0.5", "threshold: 0.5, timeout_s: 9", "timeout_s is 9", Weight.OTHER),
        (
            "threshold: 0.5",
            'threshold: 0.5, backend: remote, url: "http://evil.example/"',
            "url is http://evil.example/",
            Weight.WEAKER,
        ),
        ("127.0.0.1:9", "evil.example:9", "base_url is http://evil.example:9/v1", Weight.WEAKER),
        ("FAST_KEY", "OTHER_KEY", "api_key_env is OTHER_KEY", Weight.WEAKER),
        (
            "models:\n",
            'models:\n  new: {base_url: "http://e.example/v1", api_key_env: FAST_KEY}\n',
            "prompts go to http://e.example/v1, with the value of $FAST_KEY",
            Weight.WEAKER,
        ),
        ("models:\n", "audit: {include_text: true}\nmodels:\n", "text is on", Weight.WEAKER),
        ("models:\n", "stream: {hold_back: 0}\nmodels:\n", "hold_back is 0", Weight.WEAKER),
        ("models:\n", "stream: {hold_back: 999}\nmodels:\n", "hold_back is 999", Weight.STRONGER),
        ("models:\n", "cache: {size: 0}\nmodels:\n", "cache.size is 0", Weight.OTHER),
        ("models:\n", "routes: [{match: a, model: fast}]\nmodels:\n", "is added", Weight.OTHER),
    ],
)  # fmt: skip
def test_each_change_is_told_with_its_weight(
    old: str, new: str, words: str, weight: Weight
) -> None:
    assert old in BASE
    found = told(BASE, BASE.replace(old, new))
    assert any(words in text and of is weight for text, of in found.items()), found


def test_no_field_changes_unseen() -> None:
    """Whatever can be written of a guard or a model makes a difference that is told."""
    for more in (
        "mode: classify_user_input",
        "revision: abc",
        "fallback: none",
        "cascade: {max_share: 0.5}",
        "redact_with: mask",
        "options: {x: 1}",
    ):
        found = told(BASE, BASE.replace("threshold: 0.5", f"threshold: 0.5, {more}"))
        assert (found != {}) == (not more.startswith("mode")), more
    for more in ("tier: partner", "revision: abc", "timeout_s: 1", "hosted: false", "model: x"):
        assert told(BASE, BASE.replace("api_key_env: FAST_KEY", f"{more}")) != {}, more


def test_the_tool_policy_is_compared(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text("version: 1\ndefault: deny\n")
    with_policy = BASE.replace("models:", "  policy_runtime: {config: one.yaml}\nmodels:")
    other = with_policy.replace("one.yaml", "two.yaml")
    shadow = with_policy.replace("one.yaml}", "one.yaml, mode: shadow}")
    bare, one, two, dim = (stack(text, tmp_path) for text in (BASE, with_policy, other, shadow))
    assert changes(one, bare)[0].text == "The tool policy is removed"
    assert changes(bare, one)[0].weight is Weight.STRONGER
    assert "Another tool policy" in changes(one, two)[0].text
    assert "it stops nothing" in changes(one, dim)[0].text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("agent:\n  policy_runtime: {config: /etc/passwd}\n", 2),
        ("agent:\n  policy_runtime: {config: ../secret.yaml}\n", 2),
        ("agent:\n  policy_runtime: {config: a/../../secret.yaml}\n", 2),
        ("agent:\n  preflight_guards:\n    - {name: llama_guard, taxonomy: /etc/x}\n", 3),
        ("agent:\n  preflight_guards:\n    - {name: pattern, patterns: [{words_file: ~/w}]}\n", 3),
        ("agent:\n  preflight_guards:\n    - {name: prompt_guard_2, model: /srv/w}\n", 3),
        ("agent:\n  preflight_guards:\n    - {name: x, options: {rules: [../r.yaml]}}\n", 3),
        ("agent:\n  sandbox: {mounts: {/in: /etc}}\n", 2),
        ("agent: {}\naudit: {path: elsewhere.jsonl}\n", 2),
        ("agent: {}\nmodels: {m: {base_url: x, api_key_env: TYRIAN_CONSOLE_KEY}}\n", 2),
        ("agent: {}\nmodels: {m: {base_url: x, api_key_env: AWS_SECRET_ACCESS_KEY}}\n", 2),
        ("agent: {}\nreview: {webhook_secret_env: tyrian_home}\n", 2),
        ("agent: {}\nspend_alerts: {mail: {host: x, password_env: DATABASE_PASSWORD}}\n", 2),
        ("agent: {}\nspend_alerts: {mail: {host: x, password_env: TYRIAN_CONSOLE_KEY}}\n", 2),
    ],
)
def test_what_only_the_machine_may_give_is_refused(tmp_path: Path, text: str, line: int) -> None:
    found = bound_faults(text, "agent: {}\n", base=tmp_path, file="stack.yaml")
    assert [fault.line for fault in found] == [line]
    # Whoever has the machine may: what runs already stays.
    assert bound_faults(text, text, base=tmp_path, file="stack.yaml") == []


@pytest.mark.parametrize(
    ("place", "is_refused"),
    [
        ("https://keys.example/v1", False),
        ("https://keys.example/other/v1", False),
        ("https://evil.example/v1", True),
        ("http://keys.example/v1", True),
        ("https://keys.example:444/v1", True),
        ("https://keys.example@evil.example/v1", True),
    ],
)
def test_a_key_goes_to_no_other_server_than_before(
    tmp_path: Path, place: str, is_refused: bool
) -> None:
    model = "agent: {{}}\nmodels: {{m: {{base_url: {!r}, api_key_env: KEY}}}}\n"
    guard = (
        "agent:\n  preflight_guards:\n    - {{name: x, url: {!r}, options: {{api_key_env: KEY}}}}\n"
    )
    for form in (model, guard):
        running = form.format("https://keys.example/v1")
        found = bound_faults(form.format(place), running, base=tmp_path, file="stack.yaml")
        assert bool(found) is is_refused


def test_a_link_out_of_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "inside").symlink_to("/etc")
    text = "agent:\n  policy_runtime: {config: inside/passwd}\n"
    assert bound_faults(text, "agent: {}\n", base=tmp_path, file="stack.yaml")


@pytest.mark.parametrize(
    "text", ["", "]", "agent: 1", "agent: {preflight_guards: [1, {}]}", "\x00"]
)
def test_what_is_no_stack_has_no_such_faults(tmp_path: Path, text: str) -> None:
    assert bound_faults(text, text, base=tmp_path, file="stack.yaml") == []
    assert bound_faults(text, "agent: {}", base=tmp_path, file="stack.yaml") == []
