"""Runs the cases that stand beside a policy."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tyrian.core.decision import Effect
from tyrian.errors import InputError
from tyrian.policy.call import CallDecision, ProposedCall
from tyrian.policy.load import load_cases
from tyrian.policy.schema import CaseSpec
from tyrian.policy.tool import ToolPolicy

WORDS = {
    Effect.ALLOW: "allow",
    Effect.FLAG: "flag",
    Effect.REDACT: "flag",
    Effect.REVIEW: "ask",
    Effect.BLOCK: "deny",
}
"""What cases call the effects."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came out of one case."""

    case: CaseSpec
    name: str
    decision: CallDecision

    @property
    def found(self) -> str:
        """The effect in the words of cases."""
        return WORDS[self.decision.effect]

    @property
    def is_right(self) -> bool:
        """Whether the effect is the expected one, and the rule too where one is expected."""
        rule = self.case.rule
        return self.found == self.case.expect and rule in (None, self.decision.rule)


def run_cases(policy: ToolPolicy, cases: Iterable[CaseSpec]) -> list[CaseResult]:
    """The result of each case, in order; InputError where a case's `world` is not one."""
    results = []
    for number, case in enumerate(cases, 1):
        name = case.id or f"case {number}"
        call = ProposedCall(case.tool, case.args, case.raw_args, name)
        try:
            decision = policy.decide(call, world=case.world)
        except InputError as error:
            raise InputError(f"{name}: {error.message}") from None
        results.append(CaseResult(case, name, decision))
    return results


def cases_beside(path: Path, policy: ToolPolicy) -> tuple[CaseSpec, ...]:
    """The cases in a policy file, and those in `NAME.cases.yaml` beside it."""
    beside = path.with_suffix(".cases" + path.suffix)
    return policy.spec.cases + (load_cases(beside) if beside.is_file() else ())
