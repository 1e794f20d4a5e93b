"""Every known evasion and every benign twin of one, as the policy must decide it."""

import json
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tyrian.core.decision import Effect
from tyrian.policy.call import ProposedCall
from tyrian.policy.case import WORDS, run_cases
from tyrian.policy.schema import CaseSpec
from tyrian.policy.tool import ToolPolicy, load_policy, policy_of

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("TYRIAN_SHARED", HERE.parents[2].parent / "shared"))
CASES = SHARED / "data" / "policy" / "cases_dev.jsonl"


@cache
def policy(file: Path) -> ToolPolicy:
    return load_policy(file)


def corpus() -> list[tuple[Path, CaseSpec]]:
    files = sorted(HERE.glob("*.yaml"))
    return [(file, case) for file in files for case in policy(file).spec.cases]


@pytest.mark.parametrize(("file", "case"), corpus(), ids=lambda value: getattr(value, "id", ""))
def test_a_case_is_decided_as_it_says(file: Path, case: CaseSpec) -> None:
    if file.name == "sql.yaml" and find_spec("sqlglot") is None:
        pytest.skip("needs the extra 'sql'")
    (result,) = run_cases(policy(file), [case])
    assert result.is_right, f"{case.why}: {result.found} by {result.decision.rule}"
    assert case.why


def test_case_ids_are_unique_and_each_class_has_attacks_and_controls() -> None:
    cases = corpus()
    assert len({case.id for _, case in cases}) == len(cases) > 600
    for file in HERE.glob("*.yaml"):
        expected = {case.expect for case in policy(file).spec.cases}
        assert {"allow", "deny"} <= expected, file.name


@cache
def shared_policy(text: str) -> ToolPolicy:
    return policy_of(json.loads(text))


def test_the_shared_development_cases_are_all_decided_right() -> None:
    if not CASES.is_file():
        pytest.skip("the shared cases are not there")
    wrong = []
    for line in CASES.read_text("utf-8").splitlines():
        row = json.loads(line)
        call = row["call"]
        proposed = ProposedCall(call["tool"], call.get("args"), call.get("raw_args"), row["id"])
        judge = shared_policy(json.dumps(row["policy"], sort_keys=True))
        decision = judge.decide(proposed, world=call.get("world"))
        if WORDS[decision.effect] != row["expected"]:
            wrong.append((row["id"], decision.rule))
    assert wrong == []


def test_a_refused_call_never_has_the_effect_of_one_that_may_run() -> None:
    for file, case in corpus():
        if case.expect == "deny" and (file.name != "sql.yaml" or find_spec("sqlglot")):
            (result,) = run_cases(policy(file), [case])
            assert result.decision.effect is Effect.BLOCK
            assert not result.decision.may_run
