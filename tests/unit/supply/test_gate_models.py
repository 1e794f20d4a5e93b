"""Locks, attestations and evaluations at the gate: each fault refused for its own reason."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import digest_of, files_of
from tyrian.supply.attest.keys import make_key, read_signer
from tyrian.supply.attest.materials import Evaluation, Material
from tyrian.supply.attest.regression import MeasureChange, Regression, Tolerance
from tyrian.supply.attest.training import Record, statement_of
from tyrian.supply.gate.gate import gate
from tyrian.supply.gate.report import GateReport, Verdict
from tyrian.supply.gate.settings import Settings
from tyrian.supply.lock.lock import LockedModel, ModelsLock, encode, locked_files
from tyrian.supply.lock.signature import sign_lock

TODAY = date(2026, 11, 22)
CODE = "c0de" * 10


def run(role: str) -> Evaluation:
    return Evaluation(
        role=role, place="x", benchmark="prompt-injection", model=role, files={"a": "00"}
    )


def change(tuned: float, p: float) -> MeasureChange:
    return MeasureChange(
        benchmark="prompt-injection",
        measure="injected",
        better="lower",
        base=0.10,
        tuned=tuned,
        difference=tuned - 0.10,
        low=0.0,
        high=0.2,
        p=p,
        n=400,
    )


def compared(tuned: float = 0.10, p: float = 1.0) -> Regression:
    return Regression(base="base", tuned="tuned", changes=(change(tuned, p),))


class Scene:
    """A repository with a tuned model, its lock, its attestation and a key."""

    def __init__(self, root: Path) -> None:
        self.root = root / "repository"
        self.base, self.model = root / "base", self.root / "tuned"
        for folder, text in ((self.base, b"old"), (self.model, b"new")):
            folder.mkdir(parents=True)
            (folder / "w.safetensors").write_bytes(text)
            (folder / "config.json").write_text("{}")
        make_key(root / "key")
        self.signer, self.key = read_signer(root / "key"), root / "key.pub"
        self.lock = self.root / "models.lock"
        self.attestation = self.root / "tuned.attestation.json"
        self.approve()
        self.attest()

    def approve(self, expires: str = "", *, is_signed: bool = True) -> None:
        model = LockedModel(
            name="tuned",
            directory="tuned",
            approver="Ada",
            approved_at="2026-11-01T00:00:00Z",
            expires=expires,
            files=locked_files(files_of(self.model)),
        )
        data = encode(ModelsLock(models=(model,)))
        self.lock.write_bytes(data)
        if is_signed:
            sign_lock(self.lock, data, self.signer)

    def attest(
        self,
        *roles: str,
        comparison: Regression | None = None,
    ) -> None:
        record = Record(
            base=Material(name="base", digest=digest_of(self.base)),
            datasets=(Material(name="train", digest="sha256:00"),),
            parameters={"epochs": 1},
            seeds={"seed": 1},
            environment={"python": "3"},
            code={"commit": CODE},
            evaluations=tuple(run(role) for role in roles or ("base", "tuned")),
            comparison=comparison or (None if roles else compared()),
        )
        statement = statement_of(record, files_of(self.model))
        self.attestation.write_bytes(dsse.encode(dsse.seal(statement, self.signer)))

    def report(self, **changes: Any) -> GateReport:
        settings = replace(Settings(keys=(self.key,)), **changes)
        return gate(self.root, settings, TODAY)

    def rules(self, **changes: Any) -> set[str]:
        return {one.rule for one in self.report(**changes).findings}

    def why(self, **changes: Any) -> str:
        return "\n".join(one.why for one in self.report(**changes).findings)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_tuned_model_with_everything_passes(scene: Scene) -> None:
    report = scene.report()
    assert (report.findings, report.verdict) == ((), Verdict.PASS)
    assert report.counts.models == 1


def test_a_changed_byte_is_named(scene: Scene) -> None:
    (scene.model / "w.safetensors").write_bytes(b"New")
    assert scene.rules() == {"lock-mismatch", "attestation-mismatch"}
    assert "tuned/w.safetensors is modified" in scene.why()
    assert "model/w.safetensors: attested" in scene.why()


def test_a_model_that_is_kept_elsewhere_is_judged_by_its_papers(scene: Scene) -> None:
    for path in sorted(scene.model.iterdir()):
        path.unlink()
    scene.model.rmdir()
    assert scene.rules() == set()


def test_a_lock_that_was_edited_is_refused(scene: Scene) -> None:
    text = scene.lock.read_text()
    scene.lock.write_text(text.replace('"Ada"', '"Eve"'))
    assert "lock-edited" in scene.rules()


def test_a_lock_of_another_version_was_not_examined(scene: Scene) -> None:
    scene.lock.write_text('{"format": 9}')
    assert scene.report().verdict is Verdict.NOT_EXAMINED


def test_a_lock_without_the_trusted_signature_is_refused(scene: Scene) -> None:
    scene.lock.with_name("models.lock.sig").unlink()
    assert scene.rules() == {"lock-signature"}
    scene.approve()
    make_key(scene.root.parent / "other")
    assert scene.rules(keys=(scene.root.parent / "other.pub",)) == {
        *("lock-signature", "attestation-mismatch"),
    }


def test_a_signature_that_nobody_checks_is_told(scene: Scene) -> None:
    assert scene.rules(keys=()) == {"lock-signature", "attestation-unverified"}


def test_an_approval_ends_on_its_day(scene: Scene) -> None:
    scene.approve("2026-11-22")
    assert scene.rules() == set()
    scene.approve("2026-11-21")
    assert scene.rules() == {"approval-expired"}
    assert "the approval by Ada ended on 2026-11-21" in scene.why()


def test_a_model_of_ones_own_needs_an_attestation(scene: Scene) -> None:
    scene.attestation.unlink()
    assert scene.rules() == {"attestation-missing"}


def test_an_attestation_that_is_none_was_not_examined(scene: Scene) -> None:
    scene.attestation.write_text("{}")
    assert scene.report().verdict is Verdict.NOT_EXAMINED


@pytest.mark.parametrize("role", ["base", "tuned"])
def test_a_tuned_model_needs_runs_of_both(scene: Scene, role: str) -> None:
    scene.attest(role)
    assert scene.rules() == {"evaluation-missing"}
    other = {"base": "tuned", "tuned": "base"}[role]
    assert f"no run of the {other} model is attested" in scene.why()


def test_runs_without_a_comparison_are_refused(scene: Scene) -> None:
    scene.attest("base", "tuned")
    assert scene.rules() == {"evaluation-not-compared"}


def test_a_significant_loss_is_refused_and_told_with_its_figures(scene: Scene) -> None:
    scene.attest(comparison=compared(0.18, p=0.001))
    assert scene.rules() == {"evaluation-worse"}
    assert "prompt-injection.injected 0.1 -> 0.18" in scene.why()


def test_a_loss_that_chance_explains_passes(scene: Scene) -> None:
    scene.attest(comparison=compared(0.12, p=0.4))
    assert scene.rules() == set()
    assert scene.rules(tolerance=Tolerance(only_significant=False)) == {"evaluation-worse"}


def test_a_loss_within_the_tolerance_passes_and_one_beyond_does_not(scene: Scene) -> None:
    scene.attest(comparison=compared(0.115, p=0.01))
    allowed = Tolerance(measures={"prompt-injection.injected": 0.02})
    assert scene.rules(tolerance=allowed) == set()
    scene.attest(comparison=compared(0.125, p=0.01))
    assert scene.rules(tolerance=allowed) == {"evaluation-worse"}


def test_a_tolerance_of_what_was_not_compared_is_refused(scene: Scene) -> None:
    allowed = Tolerance(measures={"mitre.helped": 0.02})
    assert scene.rules(tolerance=allowed) == {"evaluation-not-compared"}


def test_a_comparison_beside_the_attestation_is_read(scene: Scene) -> None:
    scene.attest("base", "tuned")
    beside = scene.root / "tuned.comparison.json"
    told = {"base": 0.1, "tuned": 0.3, "low": 0.1, "high": 0.3, "p": 0.001, "n": 400}
    measure = {"name": "injected", "better": "lower"}
    row = {"benchmark": "prompt-injection", "measure": measure, "compared": told}
    beside.write_text(json.dumps({"base": "a", "tuned": "b", "changes": [row]}))
    assert scene.rules() == {"evaluation-worse"}
    beside.write_text(json.dumps({"changes": []}))
    assert scene.report().verdict is Verdict.NOT_EXAMINED


def test_a_reference_is_held_to_the_lock(tmp_path: Path) -> None:
    model = LockedModel(
        name="a/b", repository="a/b", commit="1" * 40, approver="Ada", approved_at="", files=()
    )
    (tmp_path / "models.lock").write_bytes(encode(ModelsLock(models=(model,))))
    load = 'from transformers import AutoModel\nAutoModel.from_pretrained("a/b", revision="{}")\n'
    (tmp_path / "load.py").write_text(load.format("1" * 40))
    assert gate(tmp_path, Settings(), TODAY).findings == ()
    (tmp_path / "load.py").write_text(load.format("2" * 40))
    found = gate(tmp_path, Settings(), TODAY).findings
    assert [one.rule for one in found] == ["model-not-as-locked"]
