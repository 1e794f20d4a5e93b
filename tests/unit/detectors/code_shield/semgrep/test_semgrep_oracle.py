"""Rules in Semgrep's format find what Semgrep itself finds; `record.py` asks it."""

import json
from pathlib import Path

import pytest

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.languages import language_of_tag
from tyrian.detectors.code_shield.rule import Profile
from tyrian.detectors.code_shield.rule_file import load_file

CASES = Path(__file__).with_name("cases")
RECORDED: dict[str, dict[str, list[list[int]]]] = json.loads((CASES / "expected.json").read_text())
_OTHERS = {
    ("taint", "flow"): {31},  # what a loop's end brings to its beginning
    ("go", "import"): {3, 4},  # we tell the line of the package, Semgrep that of `import (`
}
"""Lines on which we differ, by rule."""


def _found(name: str) -> dict[str, list[list[int]]]:
    code_file = next(CASES.glob(f"{name}.*.txt"))
    code = code_file.read_text()
    language = language_of_tag(code_file.name.split(".")[1])
    assert language is not None
    engine = Engine([load_file(CASES / f"{name}.yaml")], builtin=False)
    found: dict[str, set[tuple[int, int]]] = {}
    budget = Budget(work=10_000_000, time_s=60.0).start()
    scan = engine.scan(code, language, Profile.AUDIT, budget=budget)
    assert scan.coverage == 1.0
    for one in scan.findings:
        lines = code.count("\n", 0, one.start) + 1, code.count("\n", 0, one.end) + 1
        found.setdefault(one.rule.id, set()).add(lines)
    return {rule: [list(pair) for pair in sorted(places)] for rule, places in found.items()}


def _are_same(ours: list[list[int]], theirs: list[list[int]], others: set[int]) -> bool:
    """One finding per place is kept, where Semgrep tells one per way in which the rule fits."""
    starts = {first for first, _ in ours} ^ {first for first, _ in theirs}
    return starts <= others and all(place in theirs for place in ours if place[0] not in others)


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_what_is_found_is_what_semgrep_finds(name: str) -> None:
    ours, theirs = _found(name), RECORDED[name]
    rules = {rule.id for rule in load_file(CASES / f"{name}.yaml").rules}
    differing = {
        rule: (ours.get(rule, []), theirs.get(rule, []))
        for rule in rules
        if not _are_same(ours.get(rule, []), theirs.get(rule, []), _OTHERS.get((name, rule), set()))
    }
    assert not differing


def test_every_case_has_been_recorded() -> None:
    assert {file.name.partition(".")[0] for file in CASES.glob("*.txt")} == set(RECORDED)
