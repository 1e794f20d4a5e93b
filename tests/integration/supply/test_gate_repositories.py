"""The eight example repositories, by the command and by the script of the GitHub Action."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from tyrian.cli.main import run
from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import digest_of, files_of
from tyrian.supply.attest.keys import make_key, read_signer
from tyrian.supply.attest.materials import Evaluation, Material, dataset
from tyrian.supply.attest.regression import MeasureChange, Regression
from tyrian.supply.attest.training import Record, statement_of
from tyrian.supply.lock.lock import LockedModel, ModelsLock, encode, locked_files
from tyrian.supply.lock.signature import sign_lock

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "tests" / "corpus" / "supply" / "gate" / "repositories"
TYRIAN = Path(sys.executable).with_name("tyrian")
SCRIPT = ROOT / "deploy" / "ci" / "gate.sh"
SCHEMA = ROOT / "tests" / "data" / "sarif" / "sarif-schema-2.1.0.json"

GUARDED = ["guarded_client", "guarded_graph", "guarded_deployment", "guarded_tuned"]
MISSING = {
    "missing_input_guard": ("input-unguarded", "client.chat.completions.create()"),
    "missing_tool_output_guard": ("stack-no-tool-output-guard", "no tool_output_guards"),
    "missing_pin": ("model-floating", "serves example/assistant at 'main'"),
    "missing_evaluation": ("evaluation-missing", "no run of the base model is attested"),
}


def repository(name: str, tmp_path: Path) -> Path:
    """A copy of an example, with its model where it is of a tuned one."""
    root = tmp_path / name
    shutil.copytree(EXAMPLES / name, root, ignore=shutil.ignore_patterns("__pycache__"))
    if name in ("guarded_tuned", "missing_evaluation"):
        roles = ("base", "tuned") if name == "guarded_tuned" else ("tuned",)
        tune(root, tmp_path / "made", roles)
    return root


def tune(root: Path, made: Path, roles: tuple[str, ...]) -> None:
    """A tuned model with lock and attestation, as `tyrian model lock` and `attest create` do."""
    base, model = made / "base", root / "tuned"
    for folder, weights in ((base, b"old"), (model, b"new")):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"model_type": "llama"}')
        (folder / "model.safetensors").write_bytes(weights)
    (made / "train.jsonl").write_text('{"text": "a"}\n')
    make_key(made / "training")
    shutil.copy(made / "training.pub", root)
    signer = read_signer(made / "training")
    locked = LockedModel(
        name="tuned",
        directory="tuned",
        licence="apache-2.0",
        approver="Ada Lovelace",
        approved_at="2026-11-01T09:00:00Z",
        files=locked_files(files_of(model)),
    )
    data = encode(ModelsLock(models=(locked,)))
    (root / "models.lock").write_bytes(data)
    sign_lock(root / "models.lock", data, signer)
    change = MeasureChange(
        benchmark="prompt-injection",
        measure="injected",
        better="lower",
        base=0.20,
        tuned=0.21,
        difference=0.01,
        low=0.001,
        high=0.019,
        p=0.03,
        n=800,
    )
    record = Record(
        base=Material(name="example/base", digest=digest_of(base)),
        datasets=(dataset("train", made / "train.jsonl"),),
        parameters={"epochs": 1},
        seeds={"seed": 42},
        environment={"python": "3.13"},
        code={"commit": "c0de" * 10},
        evaluations=tuple(
            Evaluation(
                role=role,
                place="prompt-injection",
                benchmark="prompt-injection",
                model=role,
                files={"summary.json": "0" * 64},
            )
            for role in roles
        ),
        comparison=Regression(base="base", tuned="tuned", changes=(change,)),
    )
    statement = statement_of(record, files_of(model))
    envelope = dsse.encode(dsse.seal(statement, signer))
    (root / "tuned.attestation.json").write_bytes(envelope)


def environment(**more: str | Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("TYRIAN_", "GITHUB_"))
    }
    return {**kept, **{key: str(value) for key, value in more.items()}}


def gate(root: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """The exit code of `tyrian gate`, and its report."""
    capfd.readouterr()
    code = run(["gate", str(root), "--format", "json", "--quiet"])
    report: dict[str, Any] = json.loads(capfd.readouterr().out)
    return code, report


def script(root: Path, **variables: str | Path) -> subprocess.CompletedProcess[str]:
    """The Action's step, as a runner starts it."""
    return subprocess.run(
        ["bash", str(SCRIPT)],
        cwd=root,
        env=environment(TYRIAN=TYRIAN, **variables),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", GUARDED)
def test_a_guarded_repository_passes(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, report = gate(repository(name, tmp_path), capfd)
    assert (code, report["verdict"], report["findings"]) == (0, "pass", [])
    assert sum(report["examined"][key] for key in ("agents", "stacks", "models")) >= 1


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_refused_for_that_reason_alone(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, report = gate(repository(name, tmp_path), capfd)
    assert (code, report["verdict"]) == (1, "refuse")
    (found,) = report["findings"]
    rule, why = MISSING[name]
    assert found["rule"] == rule
    assert why in found["why"]
    assert found["reason"]
    assert found["fix"]
    assert found["reference"].startswith("https://")


@pytest.mark.parametrize("name", [*GUARDED, *MISSING])
def test_the_script_of_the_action_decides_alike(name: str, tmp_path: Path) -> None:
    root = repository(name, tmp_path)
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    done = script(
        root,
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=summary,
        GITHUB_OUTPUT=output,
        TYRIAN_GATE_JUNIT="gate.xml",
    )
    code = 0 if name in GUARDED else 1
    assert done.returncode == code, done.stdout + done.stderr
    assert output.read_text().splitlines() == [f"exit-code={code}", "sarif=tyrian-gate.sarif"]
    log = json.loads((root / "tyrian-gate.sarif").read_text())
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(log)
    rules = [one["ruleId"] for one in log["runs"][0]["results"]]
    suite = ElementTree.parse(root / "gate.xml").getroot()
    if code:
        rule = MISSING[name][0]
        assert rules == [rule]
        assert f"title={rule}::" in done.stdout
        assert rule in summary.read_text()
        assert suite.get("failures") == "1"
    else:
        assert (rules, done.stdout, suite.get("failures")) == ([], "", "0")
        assert "may pass" in summary.read_text()


def test_the_action_runs_the_script_that_is_tested() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    install, step = action["runs"]["steps"]
    assert "deploy/ci/install.sh" in install["run"]
    assert step["run"] == 'bash "$GITHUB_ACTION_PATH/deploy/ci/gate.sh"'
    known = SCRIPT.read_text()
    for name, value in step["env"].items():
        assert name in known
        assert value.removeprefix("${{ inputs.").removesuffix(" }}") in action["inputs"]
    # inputs reach the script as variables: put into `run`, they would be code
    assert "${{" not in install["run"] + step["run"]
    template = yaml.safe_load((ROOT / "deploy" / "ci" / "gitlab.yml").read_text())
    assert "deploy/ci/gate.sh" in template["tyrian-gate"]["script"][-1]


def test_a_change_cannot_allow_itself(tmp_path: Path) -> None:
    root = repository("missing_input_guard", tmp_path)

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch", "main")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    (root / "tyrian-gate.yaml").write_text("version: 1\nlevel: advise\n")
    assert script(root).returncode == 0
    done = script(root, TYRIAN_GATE_BASE="HEAD")
    assert done.returncode == 1, done.stderr
    git("add", "tyrian-gate.yaml")
    git("commit", "--quiet", "--message", "two")
    assert script(root, TYRIAN_GATE_BASE="HEAD").returncode == 0
    assert script(root, TYRIAN_GATE_BASE="nowhere").returncode == 2
