"""Files in Semgrep's format: what is refused, what is told, and where they are used."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tyrian.cli.main import app
from tyrian.core.decision import Effect
from tyrian.core.message import Message
from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.rule import Profile
from tyrian.detectors.code_shield.rule_file import load_text, verdicts_of
from tyrian.detectors.code_shield.verdict import Status
from tyrian.errors import ConfigError
from tyrian.firewall.firewall import Firewall

HEAD = "rules:\n  - id: {id}\n    languages: [python]\n    severity: ERROR\n    message: m\n"


def rule(body: str, name: str = "one") -> str:
    lines = "".join(f"    {line}\n" for line in body.strip().split("\n"))
    return HEAD.format(id=name) + lines


def found(text: str, code: str, language: str = "python") -> list[str]:
    engine = Engine([load_text(text, "r.yaml")], builtin=False)
    return [code[f.start : f.end] for f in engine.scan(code, language, Profile.AUDIT).findings]


REFUSED = {
    "mode: join\npattern: f()": "`mode: join`",
    "match: {all: [f()]}": "`match` is not supported",
    "pattern: 'f(('": "cannot be read as python",
    "pattern: ''": "empty",
    "pattern: f()\npatterns: []": "exactly one",
    "patterns: []": "finds something",
    "patterns:\n- pattern-not: f()": "finds something",
    "patterns:\n- pattern: f()\n- focus-metavariable: $X": "binds $X",
    "patterns:\n- pattern: f($X)\n- metavariable-analysis: {metavariable: $X, analyzer: entropy}": (
        "`metavariable-analysis`"
    ),
    "patterns:\n- pattern: f($X)\n- metavariable-regex: {metavariable: $X, regex: '(?!a)b'}": (
        "super-linear"
    ),
    "pattern-regex: '(a+)\\1'": "super-linear",
    "patterns:\n- pattern: f($X)\n- metavariable-comparison: {comparison: '__import__(\"os\")'}": (
        "cannot call __import__"
    ),
    "patterns:\n- pattern: f($X)\n- metavariable-comparison: {comparison: '$X ** 9 > 1'}": "Pow",
    "patterns:\n- pattern: f($X)\n- pattern-where-python: x": "`pattern-where-python`",
    "mode: taint\npattern-sources: [{pattern: s()}]": "needs `pattern-sinks`",
    "mode: taint\npattern: f()\npattern-sources: []\npattern-sinks: []": "does not belong",
    "mode: taint\npattern-sources: [{pattern: s(), label: A}]\npattern-sinks: [{pattern: t()}]": (
        "`label`"
    ),
    "mode: taint\npattern-sources: [{pattern: s()}]\npattern-sinks: [{pattern: t()}]\n"
    "pattern-propagators: [{pattern: $A.f(), from: $B, to: $A}]": "binds $B",
    "r2c-internal-project-depends-on: {}\npattern: f()": "`r2c-internal-project-depends-on`",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_not_held_is_refused_by_the_id_of_the_rule(body: str) -> None:
    text = rule(body, "my-rule")
    with pytest.raises(ConfigError) as caught:
        load_text(text, "r.yaml")
    assert REFUSED[body] in str(caught.value)
    assert "'my-rule'" in str(caught.value)
    assert str(caught.value).startswith("r.yaml:")
    (verdict,) = verdicts_of(text, "r.yaml")
    assert (verdict.id, verdict.status, verdict.rule) == ("my-rule", Status.REFUSED, None)


def test_the_line_is_that_of_what_is_refused() -> None:
    text = rule("patterns:\n- pattern: f($X)\n- pattern-not: '((('")
    assert (
        text.split("\n")[verdicts_of(text, "r.yaml")[0].line - 1]
        .strip()
        .startswith("- pattern-not")
    )


DEGRADED = {
    "paths: {include: ['*.py']}\npattern: f()": "`paths`",
    "options: {symbolic_propagation: true}\npattern: f()": "symbolic_propagation",
    "patterns:\n- pattern: f($X)\n- metavariable-type: {metavariable: $X, type: Foo}": "types",
}


@pytest.mark.parametrize("body", DEGRADED)
def test_what_holds_in_part_is_told_and_used(body: str) -> None:
    text = rule(body)
    (verdict,) = verdicts_of(text, "r.yaml")
    assert verdict.status is Status.DEGRADED
    assert DEGRADED[body] in verdict.reasons[0]
    assert load_text(text, "r.yaml").rules


def test_a_language_without_a_grammar_is_refused_and_beside_others_told() -> None:
    alone = rule("pattern: f()").replace("[python]", "[scala]")
    both = rule("pattern: f()").replace("[python]", "[scala, python]")
    assert verdicts_of(alone, "r.yaml")[0].status is Status.REFUSED
    (verdict,) = verdicts_of(both, "r.yaml")
    assert verdict.status is Status.DEGRADED
    assert "scala" in verdict.reasons[0]


def test_a_regex_for_any_text_holds_in_every_language() -> None:
    text = rule("pattern-regex: 'internal-[0-9]+'").replace("[python]", "[generic]")
    assert found(text, "echo internal-12\n", "shell") == ["internal-12"]
    assert found(text, 'x = "internal-3"\n', "kotlin") == ["internal-3"]


def test_two_rules_with_one_id_are_an_error() -> None:
    text = rule("pattern: f()") + rule("pattern: g()").removeprefix("rules:\n")
    assert [v.status for v in verdicts_of(text, "r.yaml")] == [Status.EXACT, Status.REFUSED]


def test_severity_and_metadata_become_ours() -> None:
    text = rule(
        "pattern: f()\nmetadata:\n  cwe: ['CWE-79: XSS']\n  owasp: A03:2021\n"
        "  confidence: HIGH\n  references: ['https://example.com/a']"
    )
    (one,) = load_text(text, "r.yaml").rules
    assert (one.cwe, one.owasp, one.profile, str(one.severity)) == (
        "CWE-79",
        "A03:2021",
        Profile.BLOCK,
        "high",
    )
    assert (str(one.confidence), one.source) == ("high", "https://example.com/a")


def test_c_rules_hold_where_c_is_read_as_cpp() -> None:
    text = rule("pattern: gets(...);").replace("[python]", "[c]")
    assert found(text, "int main() { gets(b); }", "cpp") == ["gets(b)"]


def test_a_stack_takes_both_formats_from_its_own_directory(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "sg.yaml").write_text(rule("pattern: old_client(...)"))
    (tmp_path / "rules" / "own.yaml").write_text(
        "language: python\nrules:\n  - id: no-legacy\n    cwe: CWE-1104\n    severity: high\n"
        "    profile: block\n    message: legacy is gone\n    code: '\\blegacy\\b'\n"
        "    bad: ['legacy(x)']\n    good: ['new(x)']\n"
    )
    stack = tmp_path / "stack.yaml"
    stack.write_text(
        "agent:\n  postflight_guards:\n    - name: code_shield\n      block_classes: ['*']\n"
        "      options: {rules: [rules/sg.yaml, rules/own.yaml]}\n"
    )
    firewall = Firewall.from_stack(stack)
    for line in ("old_client(1)", "legacy(1)"):
        said = Message.assistant(f"Try:\n\n```python\n{line}\n```\n")
        assert firewall.scan_sync(said).effect is Effect.BLOCK
    fine = Message.assistant("Try:\n\n```python\nnew_client(1)\n```\n")
    assert firewall.scan_sync(fine).effect is Effect.ALLOW


def test_a_stack_with_a_refused_rule_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "sg.yaml").write_text(rule("mode: join\npattern: f()", "joined"))
    stack = tmp_path / "stack.yaml"
    stack.write_text(
        "agent:\n  postflight_guards:\n    - {name: code_shield, options: {rules: [sg.yaml]}}\n"
    )
    with pytest.raises(ConfigError, match="'joined' is refused"):
        Firewall.from_stack(stack)


def test_the_command_tells_of_each_rule(tmp_path: Path) -> None:
    fine, mixed = tmp_path / "fine.yaml", tmp_path / "mixed.yaml"
    fine.write_text(rule("pattern: f()"))
    mixed.write_text(rule("pattern: f()") + rule("mode: join", "two").removeprefix("rules:\n"))
    done = CliRunner().invoke(app, ["code", "rules", "validate", str(fine)])
    assert done.exit_code == 0
    assert f"{fine}:2: exact    one" in done.stdout
    done = CliRunner().invoke(app, ["code", "rules", "validate", str(mixed)])
    assert done.exit_code == 1
    assert f"{mixed}:11: refused  two: `mode: join` is not supported" in done.stdout
    own = tmp_path / "own.yaml"
    own.write_text("language: python\nrules:\n  - id: x\n")
    done = CliRunner().invoke(app, ["code", "rules", "validate", str(own)])
    assert done.exit_code == 1
    assert f"{own}:3: refused" in done.stdout


def test_the_command_scans_with_rules_in_semgreps_format(tmp_path: Path) -> None:
    (tmp_path / "sg.yaml").write_text(rule("pattern: old_client(...)", "no-old"))
    (tmp_path / "a.py").write_text("x = 1\nold_client(x)\n")
    arguments = ["code", "scan", "--rules", str(tmp_path / "sg.yaml"), str(tmp_path / "a.py")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "a.py:2:1:" in done.stdout
    assert "no-old" in done.stdout


HOSTILE = {
    "angles": ("csharp", "a<" * 20_000),
    "brackets": ("java", "f(" * 20_000),
    "braces": ("javascript", "{" * 50_000),
    "formats": ("python", "f'{" * 20_000),
    "arguments": ("python", f"alpha({', '.join(f'a{n}' for n in range(20_000))})"),
    "statements": ("python", "\n".join(f"v{n} = w{n}" for n in range(9_000))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_is_read_in_part_and_that_is_told(name: str) -> None:
    language, code = HOSTILE[name]
    text = (
        "rules:\n  - id: a\n"
        f"    languages: [{language}]\n    severity: ERROR\n    message: m\n"
        "    pattern-either:\n"
        "      - pattern: alpha(..., $X, ..., $X, ..., $Y, ..., $Y, ...)\n"
        "      - patterns: [{pattern: $X}, {pattern-not: $Y}]\n"
    )
    engine = Engine([load_text(text, "r.yaml")], builtin=False)
    assert engine.scan(code, language, Profile.AUDIT).coverage < 1.0


def test_without_the_grammars_rules_are_not_left_out_but_told(tmp_path: Path) -> None:
    (tmp_path / "sg.yaml").write_text(rule("pattern: f()"))
    (tmp_path / "rx.yaml").write_text(rule("pattern-regex: 'f'").replace("python", "generic"))
    code = (
        "import sys; sys.modules['tree_sitter'] = None\n"
        "from tyrian.cli.main import run\n"
        "sys.exit(run(['code', 'rules', 'validate', sys.argv[1]]))\n"
    )

    def validated(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, str(tmp_path / name)]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    done = validated("sg.yaml")
    assert done.returncode not in (0, 1)
    assert "tyrian[semgrep]" in done.stderr
    assert validated("rx.yaml").returncode == 0
