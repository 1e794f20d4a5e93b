"""The error of faces that cannot return a Decision."""

from tyrian.core.decision import Decision
from tyrian.errors import BlockedError


class GuardedStreamError(BlockedError):
    """A guarded stream was blocked; `decision` says why."""

    def __init__(self, decision: Decision) -> None:
        rules = ", ".join(reason.rule for reason in decision.reasons) or "no rule"
        super().__init__(
            f"the answer was stopped with effect {decision.effect} ({rules})",
            hint="the decision's reasons say which guard asked for it",
        )
        self.decision = decision
