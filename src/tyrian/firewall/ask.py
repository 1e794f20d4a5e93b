"""Asking a person about a message whose effect is REVIEW, and what follows from the answer."""

from collections.abc import Callable
from dataclasses import replace

from tyrian.core.decision import Effect, Reason
from tyrian.core.detection import Stage
from tyrian.core.message import Message
from tyrian.firewall.decide import Judgement
from tyrian.firewall.judge import place_of
from tyrian.review.request import Parked, Reviewer, ReviewRequest

REVIEW = "review"
"""The name under which a person's answer stands among the reasons."""

Settled = tuple[Judgement, Message]


async def asked(
    reviewer: Reviewer,
    settled: Settled,
    again: Callable[[], Settled],
    *,
    stage: Stage,
    policy: str,
    trace_id: str,
) -> Settled:
    """What stands once a person was asked. Whatever fails on the way stops the message.

    `again` settles the message anew: between question and answer a link may be changed, and what
    was approved is the canonical form alone.
    """
    judgement, subject = settled
    request = ReviewRequest(subject, stage, judgement.reasons, judgement.calls, policy, trace_id)
    try:
        answer = await reviewer.ask(request)
    except Exception as error:  # noqa: BLE001 - a question that cannot be asked is no approval
        return _stopped(judgement, "error", f"nobody could be asked: {place_of(error)}"), subject
    if isinstance(answer, Parked):
        return replace(judgement, review=answer.id), subject
    if not answer.is_approved:
        return _stopped(judgement, "refused", "a person refused it", "refused"), subject
    now, subject_now = again()
    if now.effect > Effect.REVIEW or subject_now != subject:
        why = "it has changed while it waited for a person"
        return _stopped(judgement, "changed", why, "changed"), subject
    return approved(now), subject_now


async def recalled(
    reviewer: Reviewer, settled: Settled, *, stage: Stage, policy: str, trace_id: str
) -> Settled:
    """What stands of a call that was made already: it passes if a person approved it then."""
    judgement, subject = settled
    request = ReviewRequest(subject, stage, judgement.reasons, judgement.calls, policy, trace_id)
    try:
        answer = await reviewer.recall(request) or await reviewer.ask(request)
    except Exception as error:  # noqa: BLE001 - as above
        return _stopped(judgement, "error", f"nobody could be asked: {place_of(error)}"), subject
    if isinstance(answer, Parked):
        return replace(judgement, review=answer.id), subject
    if not answer.is_approved:
        return _stopped(judgement, "refused", "a person refused it", "refused"), subject
    return approved(judgement), subject


def approved(judgement: Judgement) -> Judgement:
    """The judgement of what a person let pass: noted, and no longer held."""
    lowered = tuple(
        replace(reason, effect=min(reason.effect, Effect.FLAG)) for reason in judgement.reasons
    )
    person = Reason(Effect.FLAG, f"{REVIEW}.approved", REVIEW, "a person let it pass", "approved")
    return replace(judgement, effect=Effect.FLAG, reasons=(person, *lowered), review="")


def _stopped(judgement: Judgement, kind: str, message: str, label: str = "") -> Judgement:
    reason = Reason(Effect.BLOCK, f"{REVIEW}.{kind}", REVIEW, message, label)
    return replace(judgement, effect=Effect.BLOCK, reasons=(reason, *judgement.reasons), marks=())
