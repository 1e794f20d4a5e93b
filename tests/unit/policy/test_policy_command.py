"""`tyrian policy` reads rows, writes decisions, and keeps to the exit codes."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tyrian.cli.main import run

POLICY = """
version: 1
cwd: /workspace
tools:
  read_file: {path: fs:read}
  send_email: {to: email}
fs: {read: ["/workspace/**"]}
email: {domains: [corp.com]}
flow:
  - {if_called: read_file, then: ask, tools: [send_email]}
cases:
  - {tool: read_file, args: {path: a.txt}, world: {}, expect: allow, why: inside}
  - {id: out, tool: read_file, args: {path: /etc/passwd}, expect: deny, why: outside}
"""
READ = {"id": "r", "tool": "read_file", "args": {"path": "x/../a.txt"}, "world": {}}
MAIL = {"id": "m", "tool": "send_email", "args": {"to": "A@CORP.com"}}
EVIL = {"id": "e", "tool": "read_file", "raw_args": '{"path":"/etc/passwd"}'}


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return str(file)


def calls(tmp_path: Path, *rows: object) -> str:
    file = tmp_path / "calls.jsonl"
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    file.write_text("\n".join(texts) + "\n")
    return str(file)


def decisions(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_check_writes_the_canonical_call_in_order(
    tmp_path: Path, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["policy", "check", calls(tmp_path, READ, MAIL), "--policy", policy])
    first, second = decisions(capsys)
    assert code == 0
    assert first["id"] == "r"
    assert first["canonical"] == {"tool": "read_file", "args": {"path": "/workspace/a.txt"}}
    assert second["canonical"] == {"tool": "send_email", "args": {"to": "A@corp.com"}}
    assert set(first) == {"id", "effect", "rule", "reason", "canonical"}


def test_a_refused_call_exits_1_and_a_row_that_cannot_be_read_exits_3_refused(
    tmp_path: Path, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policy", "check", calls(tmp_path, READ, EVIL), "-p", policy]) == 1
    assert [row["effect"] for row in decisions(capsys)] == ["allow", "block"]
    rows: list[object] = ["{", "[]", {"id": "w", "tool": "x", "args": {}, "world": {"nope": 1}}]
    assert run(["policy", "check", calls(tmp_path, *rows, MAIL), "-p", policy]) == 3
    found = decisions(capsys)
    assert [row["effect"] for row in found] == ["block", "block", "block", "allow"]
    assert all("error" in row for row in found[:3])
    assert found[2]["id"] == "w"


@pytest.mark.parametrize("value", [None, 7, "x", {}, {"id": 1}, {"tool": "read_file"}])
def test_a_row_that_says_too_little_is_never_allowed(
    tmp_path: Path, policy: str, capsys: pytest.CaptureFixture[str], value: object
) -> None:
    assert run(["policy", "check", calls(tmp_path, json.dumps(value)), "-p", policy]) in (1, 3)
    (row,) = decisions(capsys)
    assert row["effect"] == "block"


def test_rows_of_one_trace_remember_each_other(
    tmp_path: Path, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = calls(tmp_path, MAIL, READ, MAIL)
    assert run(["policy", "check", rows, "-p", policy, "--trace"]) == 1
    assert [row["effect"] for row in decisions(capsys)] == ["allow", "allow", "review"]


def test_ten_megabytes_of_arguments_are_refused(
    tmp_path: Path, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = calls(tmp_path, {**MAIL, "args": {"to": "a" * 10_000_000}})
    assert run(["policy", "check", rows, "-p", policy]) == 1
    assert decisions(capsys)[0]["rule"] == "json.too-long"


def test_the_cases_of_a_policy_run_with_those_beside_it(
    tmp_path: Path, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policy", "test", policy]) == 0
    assert "2 of 2 cases right" in capsys.readouterr().out
    beside = tmp_path / "policy.cases.yaml"
    beside.write_text("cases:\n  - {tool: x, args: {}, expect: allow, why: wrong}\n")
    assert run(["policy", "test", policy, "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [case["ok"] for case in found] == [True, True, False]


def test_a_policy_without_cases_is_not_a_passed_test(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("tools: {}\n")
    assert run(["policy", "test", str(file)]) == 2


def test_explain_names_the_rule_the_canonical_value_and_the_change(
    policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policy", "explain", policy, json.dumps(EVIL)]) == 1
    text = capsys.readouterr().out
    assert "fs.outside" in text
    assert "add a glob for it to fs.read" in text
    assert run(["policy", "explain", policy, json.dumps(READ), "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["facts"]["path"]["path"] == "/workspace/a.txt"
    assert run(["policy", "explain", policy, "not json"]) == 3


def test_a_faulty_policy_exits_2_and_checks_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("tols: {}\n")
    assert run(["policy", "check", calls(tmp_path, READ), "-p", str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did you mean 'tools'?" in captured.err
    assert run(["policy", "lint", str(file)]) == 2


def test_lint_writes_sarif(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "lint", policy]) == 0
    Path(policy).write_text(POLICY + "default: allow\n")
    capsys.readouterr()
    assert run(["policy", "lint", policy, "--format", "sarif"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["ruleId"] == "open-default"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 14


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "schema"]) == 0
    assert "tools" in json.loads(capsys.readouterr().out)["properties"]


def test_check_reads_standard_input(policy: str) -> None:
    program = "import sys; from tyrian.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program, "policy", "check", "-", "--policy", policy]
    text = json.dumps(MAIL)
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["effect"] == "allow"


ASKING = {
    "tools": {"mail": {"to": "email"}, "fetch": {}},
    "email": {"domains": ["corp.com"]},
    "flow": [{"id": "careful", "if_called": "fetch", "then_ask": "mail"}],
}
CALLS = '{"tool": "fetch", "args": {}}\n{"tool": "mail", "args": {"to": "A@CORP.com"}}\n'


def at_a_terminal(tmp_path: Path, says: bytes) -> tuple[int, list[dict[str, Any]], str]:
    """Run the command with a terminal of its own; exit code, rows, and what the person saw."""
    policy, calls, rows = (tmp_path / name for name in ("policy.yaml", "calls.jsonl", "rows"))
    policy.write_text(json.dumps(ASKING))
    calls.write_text(CALLS)
    ours, theirs = pty.openpty()
    program = [sys.executable, "-c", "from tyrian.cli.main import main; main()"]
    arguments = ["policy", "check", str(calls), "--trace", "--ask", "--policy", str(policy)]
    with rows.open("w") as output:
        process = subprocess.Popen(
            [*program, *arguments], stdin=theirs, stdout=output, stderr=theirs
        )
        os.close(theirs)
        os.write(ours, says)
        seen = b""
        with contextlib.suppress(OSError):
            while data := os.read(ours, 4096):
                seen += data
        code = process.wait(60)
    os.close(ours)
    return code, [json.loads(line) for line in rows.read_text().splitlines()], seen.decode()


@pytest.mark.parametrize(
    ("says", "effect", "rule"),
    [(b"yes\n", "flag", "review.approved"), (b"y\n", "block", "review.refused")],
)
def test_a_person_at_the_terminal_is_asked(
    tmp_path: Path, says: bytes, effect: str, rule: str
) -> None:
    code, rows, seen = at_a_terminal(tmp_path, says)
    assert code == 1
    assert [row["effect"] for row in rows] == ["allow", effect]
    assert rows[1]["rule"] == rule
    assert "A@corp.com" in seen
    assert "careful" in seen


def test_nobody_is_asked_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, calls = tmp_path / "policy.yaml", tmp_path / "calls.jsonl"
    policy.write_text(json.dumps(ASKING))
    calls.write_text(CALLS)
    assert run(["policy", "check", str(calls), "--ask", "--policy", str(policy)]) == 2
    assert "no terminal" in capsys.readouterr().err
