"""Every case of the corpus: what is unguarded is found for the reason given, its twin passes."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tyrian.cli.gate_secrets import secret_judge
from tyrian.supply.gate.gate import gate
from tyrian.supply.gate.report import GateReport, Verdict
from tyrian.supply.gate.rules import RULES
from tyrian.supply.gate.settings import CONFIG_NAME, Settings, read_settings

CASES = sorted((Path(__file__).parent / "cases").glob("*.txt"))
TODAY = date(2026, 11, 22)
_FILE = re.compile(r"^-- (\S+) --$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """A case as its file has it: `bad/` and `good/` are two repositories."""

    rules: set[str]
    why: str
    files: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Case":
        head, *parts = _FILE.split(path.read_text())
        told = dict(line.split(": ", 1) for line in head.splitlines() if not line.startswith("#"))
        files = dict(zip(parts[::2], (text.lstrip("\n") for text in parts[1::2]), strict=True))
        return cls(set(told["rule"].split(", ")), told["why"], files)

    def judged(self, side: str, root: Path) -> GateReport:
        for name, text in self.files.items():
            if name.startswith(f"{side}/"):
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        config = root / side / CONFIG_NAME
        settings = read_settings(config, CONFIG_NAME) if config.exists() else Settings()
        return gate(root / side, settings, TODAY, secret_judge())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_unguarded_is_found_for_its_reason(path: Path, tmp_path: Path) -> None:
    case = Case.read(path)
    report = case.judged("bad", tmp_path)
    assert {one.rule for one in report.findings} == case.rules, report.findings
    assert any(case.why in one.why for one in report.findings), report.findings
    assert report.verdict is not Verdict.PASS
    for one in report.findings:
        lines = (tmp_path / "bad" / one.path).read_text().splitlines()
        assert 1 <= one.line <= max(1, len(lines))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_its_guarded_twin_passes(path: Path, tmp_path: Path) -> None:
    case = Case.read(path)
    report = case.judged("good", tmp_path)
    assert report.findings == ()
    assert report.verdict is Verdict.PASS


def test_every_rule_is_shown_by_a_case_or_by_a_test_of_models() -> None:
    shown = set().union(*(Case.read(path).rules for path in CASES))
    of_models = {
        rule for rule in RULES if rule.startswith(("lock-", "attestation-", "evaluation-"))
    }
    elsewhere = {"approval-expired", "model-not-as-locked"}
    assert set(RULES) - shown <= of_models | elsewhere
