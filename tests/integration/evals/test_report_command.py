"""`tyrian eval report` and `compare`, on runs made by `tyrian eval run`."""

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.warm.program import tyrian

HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202e<script>alert(1)</script> | `x`"


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*tyrian(), *args], capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for rule in ("obeys", "refuses"):
        done = run(
            *("eval", "run", "prompt-injection", "--sample"),
            *("--model", f"scripted:{rule}", "--output", str(root / rule)),
        )
        assert done.returncode == 0, done.stderr
    return root


def test_a_report_holds_every_figure_in_every_format(runs: Path, tmp_path: Path) -> None:
    done = run(
        *("eval", "report", str(runs), "--output", str(tmp_path / "out.html")),
        *("--format", "html", "--format", "json", "--format", "markdown", "--format", "junit"),
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4
    page = (tmp_path / "out.html").read_text()
    assert "100.0% [77.2%, 100.0%]" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["models"] == ["scripted-obeys", "scripted-refuses"]
    suite = ElementTree.fromstring((tmp_path / "out.xml").read_text())
    assert suite.get("tests") == "2"
    assert (tmp_path / "out.md").read_text().count("scripted-") == 2


def test_hostile_words_of_a_model_stay_words(runs: Path, tmp_path: Path) -> None:
    source = next((runs / "obeys").rglob("results.jsonl"))
    target = tmp_path / "run"
    target.mkdir()
    (target / "manifest.json").write_bytes(source.with_name("manifest.json").read_bytes())
    lines = [json.loads(line) for line in source.read_text().splitlines()]
    for line in lines:
        line["label"] = line["why"] = HOSTILE
        line["exchanges"][0]["reply"] = HOSTILE
        line["slices"] = {"variant": HOSTILE}
    (target / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run(
        *("eval", "report", str(target), "--output", str(tmp_path / "out.html")),
        *("--format", "html", "--format", "markdown", "--format", "junit"),
    )
    assert done.returncode == 0, done.stderr
    for name in ("out.html", "out.md", "out.xml"):
        text = (tmp_path / name).read_text()
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in (tmp_path / "out.html").read_text()
    ElementTree.fromstring((tmp_path / "out.xml").read_text())


def test_a_worse_model_is_told_in_one_line(runs: Path, tmp_path: Path) -> None:
    done = run("eval", "compare", str(runs / "refuses"), str(runs / "obeys"))
    assert done.returncode == 0
    assert done.stdout.startswith("worse: prompt-injection")
    assert len(done.stdout.splitlines()) == 1
    limits = tmp_path / "limits.yaml"
    limits.write_text("prompt-injection:\n  injected: {may_worsen: 0.02}\n")
    done = run(
        *("eval", "compare", str(runs / "refuses"), str(runs / "obeys"), "--limits", str(limits))
    )
    assert done.returncode == 1
    done = run(
        *("eval", "compare", str(runs / "obeys"), str(runs / "refuses"), "--limits", str(limits))
    )
    assert done.returncode == 0
    assert done.stdout.startswith("not worse; better")


def test_equal_runs_say_what_would_not_have_shown(runs: Path) -> None:
    done = run("eval", "compare", str(runs / "obeys"), str(runs / "obeys"))
    assert done.returncode == 0
    assert "no significant change" in done.stdout


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prompt-injection:\n  injcted: {may_worsen: 0.02}\n", "injcted"),
        ("prompt-injektion:\n  injected: {}\n", "prompt-injection"),
        ("prompt-injection:\n  injected: {may_worsen: much}\n", "may_worsen"),
        ("prompt-injection:\n  injected: {may_wrsen: 1}\n", "may_wrsen"),
        ("[]", "names no benchmark"),
        ("a: [", "not YAML"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_named(
    runs: Path, tmp_path: Path, text: str, named: str
) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text(text)
    done = run("eval", "compare", str(runs), str(runs), "--limits", str(limits))
    assert done.returncode == 2
    assert named in done.stderr


def test_a_directory_without_runs_is_named(tmp_path: Path) -> None:
    done = run("eval", "report", str(tmp_path))
    assert done.returncode == 3
    assert "no finished run" in done.stderr
