"""A person at the terminal decides on a call. Never where nobody sits there."""

import asyncio
import sys

import typer

from tyrian.core.decision import CallReport, Effect, Reason
from tyrian.core.detection import Stage
from tyrian.core.message import Message, ToolCall
from tyrian.policy.call import CallDecision
from tyrian.policy.row import RowAnswer
from tyrian.review.request import ReviewAnswer, ReviewRequest
from tyrian.review.text import as_text

NOBODY = "standard input is no terminal, so nobody can be asked"


def is_somebody_there() -> bool:
    """True where both what is asked and what is answered go through a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class TerminalReviewer:
    """Shows the request on standard error and reads `yes`; all else refuses."""

    async def ask(self, request: ReviewRequest) -> ReviewAnswer:
        """The person's answer; a refusal where there is no terminal."""
        if not is_somebody_there():
            typer.echo(f"{request.id}: refused, because {NOBODY}", err=True)
            return ReviewAnswer(False)
        return ReviewAnswer(await asyncio.to_thread(self._asked, request), "terminal")

    async def recall(self, request: ReviewRequest) -> ReviewAnswer | None:
        """Nothing is remembered."""
        return None

    def _asked(self, request: ReviewRequest) -> bool:
        typer.echo(as_text(request), err=True)
        typer.echo("Let it pass? Type yes, anything else refuses: ", nl=False, err=True)
        return sys.stdin.readline().strip().lower() == "yes"


def answered(answer: RowAnswer, policy: str) -> RowAnswer:
    """The answer to a row once a person was asked, where its effect is `review`."""
    decision = answer.decision
    if decision is None or decision.effect is not Effect.REVIEW or decision.canonical is None:
        return answer
    said = asyncio.run(TerminalReviewer().ask(_request(decision, policy)))
    effect = Effect.FLAG if said.is_approved else Effect.BLOCK
    rule = "review.approved" if said.is_approved else "review.refused"
    reason = "a person let it pass" if said.is_approved else "nobody let it pass"
    return RowAnswer({**answer.data, "effect": str(effect), "rule": rule, "reason": reason}, effect)


def _request(decision: CallDecision, policy: str) -> ReviewRequest:
    tool = str(decision.canonical["tool"]) if decision.canonical else ""
    call = ToolCall(str(decision.id or ""), tool, decision.canonical_arguments)
    report = CallReport(
        call,
        decision.effect,
        decision.rule,
        decision.reason,
        canonical=decision.canonical,
        sources=tuple(sorted(decision.derived.sources)),
        labels=tuple(sorted(decision.derived.labels)),
    )
    reason = Reason(decision.effect, decision.rule, "policy", decision.reason)
    message = Message.assistant(calls=[call])
    return ReviewRequest(message, Stage.TOOL_CALL, (reason,), (report,), policy)
