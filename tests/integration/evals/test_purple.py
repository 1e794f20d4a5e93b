"""The same attacks against a vulnerable agent, bare and behind the firewall, in one report."""

import json
import subprocess
from pathlib import Path

from tests.warm.program import tyrian


def run(*args: str) -> str:
    done = subprocess.run([*tyrian(), *args], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_firewall_keeps_attacks_out_and_tasks_in(tmp_path: Path) -> None:
    common = ("eval", "run", "agents", "--sample", "--model", "scripted:agent")
    run(*common, "--output", str(tmp_path / "runs"))
    run(*common, "--defended", "default", "--output", str(tmp_path / "runs"))
    out = tmp_path / "report.json"
    run("eval", "report", str(tmp_path / "runs"), "--format", "json", "--output", str(out))
    (purple,) = json.loads(out.read_text())["purple"]
    changes = {change["measure"]["name"]: change["compared"] for change in purple["changes"]}
    assert changes["hijacked"]["base"] == 1.0
    assert changes["hijacked"]["high"] < -0.4
    assert changes["twin_done"]["base"] == 1.0
    assert changes["twin_done"]["tuned"] >= 0.9
    page = tmp_path / "report.html"
    run("eval", "report", str(tmp_path / "runs"), "--output", str(page))
    assert "Behind the firewall: scripted-agent" in page.read_text()
