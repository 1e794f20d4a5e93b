"""`tyrian gate` as people and pipelines call it."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from tyrian.cli.main import run as run_command
from tyrian.supply.gate.rules import RULES

ROOT = Path(__file__).resolve().parents[3]
TYRIAN = Path(sys.executable).with_name("tyrian")
REFERENCE = ROOT / "docs" / "reference" / "gate-rules.md"
SCHEMA = ROOT / "tests" / "data" / "sarif" / "sarif-schema-2.1.0.json"
BARE = """\
from openai import OpenAI

client = OpenAI()


def answer(text):
    return client.responses.create(model="m", input=text)
"""
WAIVER = """\
version: 1
waivers:
  - rule: input-unguarded
    path: agent.py
    owner: ada@example.com
    reason: a prototype that only its owner can reach
    expires: 2027-01-31
"""
STACK = """\
agent:
  preflight_guards:
    - {name: prompt_guard_2, threshold: 0.5}
    - {name: content_guard}
"""


@dataclass(frozen=True)
class Done:
    """What a command gave."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs `tyrian gate` in a directory, without the second that a new Python takes."""

    def call(root: Path, *arguments: str | Path) -> Done:
        monkeypatch.chdir(root)
        capfd.readouterr()
        code = run_command(["gate", *map(str, arguments)])
        told = capfd.readouterr()
        return Done(code, told.out, told.err)

    return call


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "agent.py").write_text(BARE)
    return tmp_path


def test_a_finding_is_told_with_place_reason_and_remedy(run: Run, root: Path) -> None:
    done = run(root)
    assert done.returncode == 1
    assert done.stdout.startswith("agent.py:7: high: ")
    for word in ("= seen: client.responses.create()", "= why:  ", "= fix:  ", "OWASP LLM01"):
        assert word in done.stdout
    assert "refused: 1 finding (1 high)" in done.stderr


def test_the_program_ends_with_the_verdict(root: Path) -> None:
    command = [str(TYRIAN), "gate", "--quiet"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "[input-unguarded]" in done.stdout


def test_advice_passes(run: Run, root: Path) -> None:
    done = run(root, "--level", "advise")
    assert done.returncode == 0
    assert "advice: 1 finding" in done.stderr
    assert "input-unguarded" in done.stdout


def test_a_waiver_holds_until_its_day(run: Run, root: Path) -> None:
    (root / "tyrian-gate.yaml").write_text(WAIVER)
    done = run(root, "--date", "2027-01-31")
    assert done.returncode == 0, done.stdout
    assert "waived until 2027-01-31 by ada@example.com" in done.stdout
    assert "1 waived" in done.stderr
    done = run(root, "--date", "2027-02-01")
    assert done.returncode == 1
    assert "tyrian-gate.yaml:3: high: a waiver is over" in done.stdout


def test_waivers_of_another_file_count_too(run: Run, root: Path) -> None:
    (root / "leave.yaml").write_text(WAIVER)
    assert run(root, "--date", "2027-01-01", "--waivers", "leave.yaml").returncode == 0


def test_a_waiver_that_nothing_needs_is_told(run: Run, root: Path) -> None:
    (root / "tyrian-gate.yaml").write_text(WAIVER)
    (root / "agent.py").write_text("")
    done = run(root, "--date", "2027-01-01")
    assert done.returncode == 0
    assert "nothing needs this waiver" in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (WAIVER.replace("    owner: ada@example.com\n", ""), "the waiver has no owner"),
        (WAIVER.replace("2027-01-31", "soon"), "expires is no date"),
        (WAIVER.replace("input-unguarded", "input-ungarded"), "did you mean 'input-unguarded'?"),
        (WAIVER.replace("input-unguarded", "lock-edited"), "lock-edited cannot be waived"),
        ("version: 1\nlevle: advise\n", "did you mean 'level'?"),
        ("version: 2\n", "this Tyrian reads version 1"),
        ("version: 1\nlevel: loud\n", "level is one of enforce, advise"),
        ("version: 1\ntolerance: {may_worsen: -1}\n", "a number from 0"),
        ("version: 1\nkeys: [none.pub]\n", "none.pub"),
        ("version: 1\nbaseline: none.json\n", "none.json"),
        ("a: [", "tyrian-gate.yaml"),
    ],
)
def test_a_configuration_that_cannot_be_used_names_its_fault(
    run: Run, root: Path, text: str, told: str
) -> None:
    (root / "tyrian-gate.yaml").write_text(text)
    done = run(root)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_path_that_is_not_there_is_a_usage_error(run: Run, root: Path) -> None:
    assert run(root, "nowhere").returncode == 2


def test_nothing_to_look_at_is_no_pass(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 3
    assert "nothing was examined" in done.stderr


def test_files_and_directories_can_be_named(run: Run, root: Path) -> None:
    (root / "other").mkdir()
    (root / "other" / "fine.py").write_text("x = 1\n")
    assert run(root, "other").returncode == 0
    assert run(root, "other/fine.py").returncode == 0
    done = run(root, "other", "agent.py")
    assert done.returncode == 1
    assert done.stdout.startswith("agent.py:7: ")


def test_excluded_paths_and_tests_are_not_looked_at(run: Run, root: Path) -> None:
    (root / "tests").mkdir()
    (root / "agent.py").rename(root / "tests" / "agent.py")
    (root / "demo").mkdir()
    (root / "demo" / "demo.py").write_text(BARE)
    (root / "tyrian-gate.yaml").write_text("version: 1\nexclude: [demo]\n")
    assert run(root).returncode == 0


def test_the_json_is_the_same_wherever_it_is_made(run: Run, root: Path, tmp_path: Path) -> None:
    first = run(root, "--format", "json", "-q").stdout
    copy = tmp_path / "elsewhere" / "deep"
    copy.mkdir(parents=True)
    (copy / "agent.py").write_text(BARE)
    assert run(copy, copy, "--format", "json", "-q").stdout == first
    report = json.loads(first)
    digest = report.pop("digest")
    plain = json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest == f"sha256:{hashlib.sha256(plain.encode()).hexdigest()}"


def test_the_sarif_is_valid_and_has_what_is_waived(run: Run, root: Path) -> None:
    (root / "tyrian-gate.yaml").write_text(WAIVER)
    (root / "broken.py").write_text("import openai\nif\n")
    (root / "load.py").write_text(
        "from transformers import AutoModel\nAutoModel.from_pretrained('a/b')\n"
    )
    done = run(root, "--format", "sarif", "--output", "out.sarif", "--date", "2027-01-01")
    assert (done.returncode, done.stdout) == (1, "")
    log = json.loads((root / "out.sarif").read_text())
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(log)
    (only,) = log["runs"]
    assert [one["ruleId"] for one in only["results"]] == ["model-floating", "input-unguarded"]
    floating, waived = only["results"]
    assert floating["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    assert waived["suppressions"][0]["status"] == "accepted"
    (note,) = only["invocations"][0]["toolExecutionNotifications"]
    assert "broken.py" in note["message"]["text"]


def test_a_baseline_is_written_and_held(run: Run, root: Path) -> None:
    (root / "agent.py").unlink()
    (root / "stack.yaml").write_text(STACK)
    assert run(root, "--write-baseline", "baseline.json").returncode == 0
    first = (root / "baseline.json").read_bytes()
    assert run(root, "--baseline", "baseline.json").returncode == 0
    (root / "stack.yaml").write_text(STACK.replace("0.5", "0.7"))
    done = run(root, "--baseline", "baseline.json")
    assert done.returncode == 1
    assert "stack.yaml:3: high: " in done.stdout
    assert "threshold of * was 0.5, and is 0.7" in done.stdout
    (root / "stack.yaml").write_text(STACK)
    run(root, "--write-baseline", "baseline.json")
    assert (root / "baseline.json").read_bytes() == first


def test_a_stack_that_does_not_load_is_no_baseline(run: Run, root: Path) -> None:
    (root / "stack.yaml").write_text(STACK.replace("threshold", "treshold"))
    assert run(root, "--write-baseline", "baseline.json").returncode == 2
    assert not (root / "baseline.json").exists()


def test_a_gateway_of_the_command_line_counts(run: Run, root: Path) -> None:
    (root / "agent.py").write_text(BARE.replace("()", '(base_url="https://llm.example/v1")', 1))
    assert run(root).returncode == 1
    assert run(root, "--gateway", "llm.example").returncode == 0
    assert run(root, "--gateway", "https://llm.example:443/v1").returncode == 0
    assert run(root, "--gateway", "llm.example:8080").returncode == 1


def test_names_that_steer_a_terminal_are_shown_harmless(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m.py").write_text(BARE)
    done = run(tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout


def test_every_rule_has_its_place_in_the_reference(run: Run) -> None:
    text = REFERENCE.read_text()
    for rule in RULES.values():
        assert f"### {rule.id}\n" in text
        assert rule.title in text
    listed = run(ROOT, "--rules").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(RULES)
