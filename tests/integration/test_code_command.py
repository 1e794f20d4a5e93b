"""`tyrian code`, run as its users run it, on real files and real git repositories."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tyrian.cli.code_git import parse_diff
from tyrian.cli.main import run
from tyrian.detectors.code_shield.languages import SYNTAXES

BAD = 'import os\n\n\ndef ping(host):\n    os.system("ping " + host)\n'
GOOD = 'import subprocess\n\nsubprocess.run(["ping", "-c", "1", "localhost"], check=True)\n'
BAD_C = "#include <stdio.h>\nint main() { char b[8]; gets(b); return 0; }\n"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("TYRIAN_", "GIT_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "good.py").write_text(GOOD)
    return tmp_path


def git(folder: Path, *args: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *args], cwd=folder, check=True, capture_output=True)


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_finding_tells_its_place_line_caret_reason_and_fix(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["code", "scan", "bad.py"]) == 1
    out = capfd.readouterr().out.splitlines()
    assert out[0].startswith("bad.py:5:5: critical: ")
    assert "[CWE-78, code.python." in out[0]
    assert out[1].endswith('os.system("ping " + host)')
    caret = out[2]
    assert out[1][caret.index("^") : caret.rindex("^") + 1] == 'os.system("ping " + host)'
    assert "fix: " in out[3]


def test_clean_code_exits_with_zero(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["code", "scan", "good.py", "-q"]) == 0
    assert capfd.readouterr() == ("", "")


def test_standard_input_is_read_in_the_named_language(tree: Path) -> None:
    command = "from tyrian.cli.main import main; main()"
    for text, options in ((BAD, ["--language", "py"]), (f"Run:\n```python\n{BAD}```\n", [])):
        done = subprocess.run(
            [sys.executable, "-c", command, "code", "scan", "-", "--format", "jsonl", *options],
            input=text.encode(),
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert {row["cwe"] for row in rows(done.stdout.decode())} == {"CWE-78"}


def test_a_directory_gives_its_code_in_order_whatever_the_number_of_processes(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(6):
        (tree / f"part{number}.c").write_text(BAD_C + "// " + "x" * 200_000 + "\n")
    (tree / "notes.txt").write_text(BAD)
    (tree / "picture.png").write_bytes(b"\x89PNG\0\0")
    (tree / "tool").write_text("#!/usr/bin/env python3\n" + BAD)
    found = []
    for jobs in ("1", "2"):
        assert run(["code", "scan", ".", "--format", "jsonl", "--jobs", jobs]) == 1
        found.append(rows(capfd.readouterr().out))
    assert found[0] == found[1]
    files = list(dict.fromkeys(row["file"] for row in found[0]))
    assert files == ["bad.py", *(f"part{number}.c" for number in range(6)), "tool"]


def test_what_git_ignores_is_left_out(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    git(tree, "init", "-q")
    (tree / ".gitignore").write_text("bad.py\n")
    assert run(["code", "scan", "."]) == 0
    assert run(["code", "scan", "bad.py"]) == 1
    (tree / "build").mkdir()
    (tree / "build" / "made.py").write_text(BAD)
    (tree / ".gitignore").write_text("bad.py\nbuild/\n")
    assert run(["code", "scan", "."]) == 0
    assert run(["code", "scan", "build"]) == 1


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_judged(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tree / "binary.py").write_bytes(b"\0\1\2")
    assert run(["code", "scan", "missing.py", "binary.py", "bad.py", "--format", "json"]) == 3
    done = capfd.readouterr()
    assert "missing.py: No such file" in done.err
    assert "binary.py: not a text" in done.err
    files = [row["file"] for row in json.loads(done.out)]
    assert list(dict.fromkeys(files)) == ["missing.py", "binary.py", "bad.py"]


def test_since_reports_changed_lines_only(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    git(tree, "init", "-q")
    (tree / "deep").mkdir()
    (tree / "deep" / "d\u00e9j\u00e0 vu.py").write_text(BAD)
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "one")
    assert run(["code", "scan", ".", "--since", "HEAD"]) == 0
    (tree / "deep" / "d\u00e9j\u00e0 vu.py").write_text(BAD + "\n    os.popen('ls ' + host)\n")
    git(tree, "mv", "bad.py", "renamed.py")
    (tree / "new.py").write_text(BAD)
    capfd.readouterr()
    assert run(["code", "scan", ".", "--since", "HEAD", "--format", "jsonl"]) == 1
    found = {(row["file"], row["line"]) for row in rows(capfd.readouterr().out)}
    assert found == {("deep/d\u00e9j\u00e0 vu.py", 7), ("new.py", 5)}
    assert run(["code", "scan", "renamed.py", "missing.py", "--since", "HEAD"]) == 3
    assert run(["code", "scan", "renamed.py", "--since", "HEAD"]) == 0


def test_since_needs_a_repository_and_a_known_revision(tree: Path) -> None:
    assert run(["code", "scan", ".", "--since", "HEAD"]) == 2
    git(tree, "init", "-q")
    assert run(["code", "scan", ".", "--since", "nowhere"]) == 2
    assert run(["code", "scan", ".", "--since", "--output=x"]) == 2
    assert not (tree / "x").exists()


def test_a_diff_is_read_by_its_counts_not_by_what_lines_look_like() -> None:
    diff = (
        b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/y\n-@@ -1 +9 @@\n"
        b"+++ b/z\n+@@ -1 +9 @@\n@@ -8 +8,0 @@\n-gone\n@@ -20,0 +19,3 @@\n+a\n+b\n+c\n"
        b'diff --git a/q b/q\n--- /dev/null\n+++ "b/a\\"\\303\\251"\n@@ -0,0 +1 @@\n+a\n'
        b"diff --git a/r b/r\n--- a/r\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
    )
    assert list(parse_diff(diff)) == [("x", ((1, 2), (19, 21))), ('a"\u00e9', ((1, 1),))]


def test_sarif_has_the_structure_that_code_hosts_read(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tree / "a b.py").write_text(BAD)
    assert run(["code", "scan", "a b.py", "missing.c", "--format", "sarif"]) == 3
    log = json.loads(capfd.readouterr().out)
    assert (log["version"], set(log)) == ("2.1.0", {"$schema", "version", "runs"})
    (sarif,) = log["runs"]
    driver = sarif["tool"]["driver"]
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    assert sarif["results"]
    for result in sarif["results"]:
        rule = driver["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert any(tag.startswith("external/cwe/cwe-") for tag in rule["properties"]["tags"])
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"].endswith(".")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "a%20b.py"}
        region = place["region"]
        assert region["startLine"] == 5
        assert region["endColumn"] > region["startColumn"] >= 1
    (invocation,) = sarif["invocations"]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 1


def test_sarif_is_valid_against_the_official_schema(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    schema = json.loads((ROOT / "tests/data/sarif/sarif-schema-2.1.0.json").read_text())
    (tree / "a b.py").write_text(BAD)
    (tree / "\N{SNOWMAN}.c").write_text(BAD_C)
    assert run(["code", "scan", ".", "missing.c", "--profile", "audit", "--format", "sarif"]) == 3
    log = json.loads(capfd.readouterr().out)
    assert len(log["runs"][0]["results"]) >= 3
    checker = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in checker.iter_errors(log)] == []
    assert list(checker.iter_errors({**log, "version": "2.0.0"}))


def test_clean_sarif_is_complete_as_well(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["code", "scan", "good.py", "--format", "sarif"]) == 0
    (sarif,) = json.loads(capfd.readouterr().out)["runs"]
    assert sarif["results"] == []
    assert sarif["invocations"][0]["executionSuccessful"] is True


def test_each_row_gives_a_result_in_order(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [
        json.dumps({"id": "a", "code": 'os.system("ping " + host)', "language": "python"}),
        json.dumps({"id": 2, "code": GOOD, "language": "python"}),
        json.dumps({"id": "c", "code": f"Try this:\n```c\n{BAD_C}```\n"}),
    ]
    (tree / "rows.jsonl").write_text("\n".join(lines))
    assert run(["code", "scan", "--input", "rows.jsonl"]) == 1
    found = rows(capfd.readouterr().out)
    assert [row["id"] for row in found] == ["a", 2, "c"]
    assert [row["effect"] for row in found] == ["block", "allow", "block"]
    assert set(found[0]) == {"id", "effect", "findings", "elapsed_s"}
    finding = found[2]["findings"][0]
    keys = {"rule", "cwe", "severity", "line", "end_line", "message", "language"}
    assert set(finding) == keys
    assert (finding["line"], finding["end_line"]) == (4, 4)


def test_a_row_that_cannot_be_read_is_told_and_the_rest_goes_on(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = ["{", '{"id": "b"}', '{"id": "c", "code": "x", "language": "klingon"}']
    lines.append(json.dumps({"id": "d", "code": GOOD, "language": "py"}))
    (tree / "rows.jsonl").write_text("\n".join(lines))
    assert run(["code", "scan", "--input", "rows.jsonl", "--format", "json"]) == 3
    found = json.loads(capfd.readouterr().out)
    assert [row["id"] for row in found] == [1, "b", "c", "d"]
    assert ["error" in row for row in found] == [True, True, True, False]


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["-", "bad.py"],
        ["bad.py", "--input", "rows.jsonl"],
        ["bad.py", "--language", "klingon"],
        ["bad.py", "--rules", "missing.yaml"],
        ["--input", "missing.jsonl"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(tree: Path, args: list[str]) -> None:
    assert run(["code", "scan", *args]) == 2


def test_on_a_terminal_findings_are_coloured_and_stand_apart_from_the_bar(tree: Path) -> None:
    main, side = os.openpty()
    command = "from tyrian.cli.main import main; main()"
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        [sys.executable, "-c", command, "code", "scan", "bad.py"],
        stdin=subprocess.DEVNULL,
        stdout=side,
        stderr=side,
        env=environment,
        timeout=60,
    )
    os.close(side)
    shown = os.read(main, 1 << 16).decode()
    os.close(main)
    assert done.returncode == 1
    bar, _, findings = shown.rpartition("\x1b[2K")
    assert "code scan" in bar
    assert "bad.py" not in bar
    assert findings.startswith("\x1b[1mbad.py:5:5\x1b[0m: ")
    assert "1 file: 1 finding" in findings


def test_a_terminal_is_not_steered_by_what_is_shown(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tree / "bad.py").write_text('import os\nos.system("\x1b]0;x\x07" + host)\n')
    assert run(["code", "scan", "bad.py"]) == 1
    assert "\x1b" not in capfd.readouterr().out


def test_a_rule_of_ones_own_begins_works_and_is_used(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["code", "rules", "new", "python", "old-client", "-o", "own.yaml"]) == 0
    assert run(["code", "rules", "new", "python", "old-client", "-o", "own.yaml"]) == 2
    assert run(["code", "rules", "test", "own.yaml"]) == 0
    (tree / "client.py").write_text("old_client(1)\n")
    assert run(["code", "scan", "client.py"]) == 0
    assert run(["code", "scan", "client.py", "--rules", "own.yaml"]) == 1
    ignored = ["--ignore", "code.python.old-client"]
    assert run(["code", "scan", "client.py", "--rules", "own.yaml", *ignored]) == 0
    capfd.readouterr()
    (tree / "own.yaml").write_text(
        (tree / "own.yaml").read_text().replace("new_client(", "old_client(")
    )
    assert run(["code", "rules", "test", "own.yaml"]) == 1
    assert "code.python.old-client: good example 1 is found" in capfd.readouterr().out


@pytest.mark.parametrize("language", SYNTAXES)
def test_a_begun_rule_holds_in_every_language(
    tree: Path, language: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["code", "rules", "new", language, "one", "-o", "own.yaml"]) == 0
    assert run(["code", "rules", "test", "own.yaml"]) == 0


def test_rules_are_listed_and_shown(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["code", "rules", "list", "--cwe", "78", "--format", "json"]) == 0
    listed = json.loads(capfd.readouterr().out)
    assert {rule["cwe"] for rule in listed} == {"CWE-78"}
    assert run(["code", "rules", "show", listed[0]["id"]]) == 0
    out = capfd.readouterr().out
    assert listed[0]["message"] in out
    assert "\nfound:\n" in out
    assert run(["code", "rules", "show", "nothing"]) == 2


def test_the_hooks_for_pre_commit_run_in_a_repository(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both hooks as pre-commit runs them: a local repository with our own hook definitions."""
    (tree / "bad.py").write_text("x = 1\n")
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    for hook in hooks:
        hook["language"] = "system"  # the program is installed here already
        hook["entry"] = f"{Path(sys.executable).parent}/{hook['entry']}"
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (tree / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git(tree, "init", "-q")
    git(tree, "add", ".")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tree / ".cache"))

    def pre_commit(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", *args]
        return subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)

    git(tree, "commit", "-q", "-m", "first")
    assert pre_commit("install").returncode == 0
    assert pre_commit("run", "--all-files").returncode == 0
    (tree / "bad.py").write_text(BAD)
    git(tree, "add", "bad.py")
    done = pre_commit("run")
    assert done.returncode == 1
    assert done.stdout.count("bad.py:5:5: critical: ") == 2
    with pytest.raises(subprocess.CalledProcessError):
        git(tree, "commit", "-q", "-m", "second")
