"""Judging what passes through in one request."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tyrian.core.decision import Decision, Effect, Reason
from tyrian.core.detection import Stage
from tyrian.core.message import Message, Role, Trace
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.stream import StreamGuard
from tyrian.firewall.tool_gate import POLICY
from tyrian.gateway.chat_request import ChatRequest
from tyrian.gateway.context import RequestContext
from tyrian.gateway.errors import ApiError
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.wire import Json, write_back

if TYPE_CHECKING:  # the store brings the database along
    from tyrian.gateway.reviews import Reviews

NoteOfRequest = Callable[[RequestContext, Decision], None]
"""Hears of every decision, with the request that it belongs to."""

_STAGE_OF_ROLE = {Role.USER: Stage.INPUT, Role.TOOL: Stage.TOOL_RESULT}


class StoppedError(Exception):
    """A guard stopped a message; the request is answered with the decision."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"stopped at stage {decision.stage}")
        self.decision = decision


def is_guard_failure(decision: Decision) -> bool:
    """True where nothing was found: a guard could not judge, and that is never an allow."""
    greatest = [r for r in decision.reasons if r.effect is decision.effect]
    return bool(greatest) and not any(reason.label for reason in greatest)


def guard_unavailable(decision: Decision) -> ApiError:
    """503 for a guard that could not judge."""
    names = ", ".join(sorted({r.detector for r in decision.reasons if r.effect is decision.effect}))
    return ApiError(
        503,
        f"The request could not be judged (guard: {names}), so it was not let through.",
        code="guard_unavailable",
        extra={"tyrian": decision_fields(decision)},
    )


def decision_fields(decision: Decision) -> Json:
    """A decision for clients; it never quotes the text."""
    return {
        **({"review": decision.review} if decision.review else {}),
        "effect": str(decision.effect),
        "stage": decision.stage.value,
        "decision": decision.id,
        "policy": decision.policy,
        "reasons": [
            {
                "effect": str(reason.effect),
                "rule": reason.rule,
                "detector": reason.detector,
                "label": reason.label,
                "score": round(reason.score, 4),
                "message": reason.message,
            }
            for reason in decision.reasons
        ],
    }


def refusal_text(decision: Decision) -> str:
    """What the user reads in place of what was stopped."""
    found = decision.reasons[0] if decision.reasons else None
    what = f": {_told(found)}" if found else ""
    if decision.effect is Effect.REVIEW:
        if decision.review:
            return f"Held by Tyrian until a person has looked at it ({decision.review}){what}."
        return f"Held for review by Tyrian, and nobody is there to approve it{what}."
    return f"Blocked by Tyrian{what}."


def _told(reason: Reason) -> str:
    if reason.detector == POLICY:
        return f"{reason.message} ({reason.rule})"
    return f"{reason.label or reason.rule} ({reason.detector})"


class Firewalled:
    """A firewall, or none, with the stages at which it has guards."""

    def __init__(self, firewall: Firewall | None, on_decision: NoteOfRequest | None = None) -> None:
        self.firewall = firewall
        self.on_decision = on_decision
        stages = {stage for stage, _ in firewall.infos()} if firewall else set()
        self.stages = frozenset(stages)
        self.judges_answers = bool(stages & {Stage.OUTPUT, Stage.TOOL_CALL})
        infos = firewall.infos() if firewall else ()
        self.reads_images = any(stage is Stage.INPUT and info.reads_images for stage, info in infos)
        """True where a guard of the input reads images."""


class Screen:
    """Judges the messages of one request, in both directions."""

    def __init__(
        self,
        guarded: Firewalled,
        metrics: Metrics,
        context: RequestContext,
        reviews: "Reviews | None" = None,
    ) -> None:
        self._guarded = guarded
        self._metrics = metrics
        self._context = context
        self._greatest = Effect.ALLOW
        self.decisions: list[Decision] = []
        """What was decided of the request's messages."""
        self.pseudonyms = Pseudonyms()
        self._reviewer = reviews.reviewer(context.key_id, self.pseudonyms) if reviews else None
        self.trace = Trace()
        """What the model is told; the answer is judged in its light."""
        self.said = Trace()
        """The conversation as it came, for the tool policy."""

    @property
    def judges_answers(self) -> bool:
        """True where an answer must be read before it may leave: to judge or to restore it."""
        return self._guarded.judges_answers or len(self.pseudonyms) > 0

    async def request(self, request: ChatRequest) -> list[Json] | None:
        """The messages as they may go on, None where they may go on as they came.

        StoppedError for the first one that may not; system and developer messages are the
        operator's own, and the model's earlier turns were judged when they left. The tool calls in
        them pass the tool policy again, since nobody knows who answered them.
        """
        # The audit log names a record by its trace: with the request's id it can be found again.
        self.trace = self.said = replace(request.trace, id=self._context.id)
        firewall = self._guarded.firewall
        if firewall is None:
            return None
        if firewall.gate is not None:
            async for i, decision in firewall.check_history(self.said, reviewer=self._reviewer):
                self.note(decision, i)
                if not decision.may_pass:
                    raise StoppedError(decision)
        self.pseudonyms.reserve(*(s for m in request.trace.messages for s in m.segments))
        messages = list(request.trace.messages)
        changed: dict[int, Json] = {}
        for i, message in enumerate(messages):
            stage = _STAGE_OF_ROLE.get(message.role)
            if stage is None or stage not in self._guarded.stages:
                continue
            before = Trace(tuple(messages[:i]), self._context.id)
            decision = await firewall.scan(
                message,
                trace=before,
                stage=stage,
                pseudonyms=self.pseudonyms,
                reviewer=self._reviewer,
            )
            self.note(decision, i)
            if not decision.may_pass:
                raise StoppedError(decision)
            if decision.subject != message:
                messages[i] = decision.subject
                changed[i] = write_back(request.messages[i], decision.subject)
        if not changed:
            return None
        self.trace = replace(self.trace, messages=tuple(messages))
        return [changed.get(i, obj) for i, obj in enumerate(request.messages)]

    async def answer(self, message: Message) -> Decision:
        """Judge a whole answer of the model."""
        firewall = self._guarded.firewall
        if firewall is None:
            raise AssertionError("answers are judged only where there is a firewall")
        decision = await firewall.scan(
            message,
            trace=self.trace,
            pseudonyms=self.pseudonyms,
            said=self.said,
            reviewer=self._reviewer,
        )
        self.note(decision)
        return decision

    def stream(self) -> StreamGuard:
        """A guard for one streamed answer."""
        firewall = self._guarded.firewall
        if firewall is None:
            raise AssertionError("streams are judged only where there is a firewall")
        return firewall.stream(
            self.trace, pseudonyms=self.pseudonyms, said=self.said, reviewer=self._reviewer
        )

    @property
    def greatest(self) -> Effect:
        """The greatest effect so far."""
        return self._greatest

    def back_to(self, effect: Effect) -> None:
        """Take back what was noted of an answer that does not leave."""
        self._greatest = effect
        self._context.effect = str(effect)

    def note(self, decision: Decision, index: int | None = None) -> None:
        """Count a decision; the greatest effect of a request stands in its headers.

        `index` is the place of the message in the request, None for an answer.
        """
        self._metrics.decision(decision)
        if index is not None:
            self.decisions.append(decision)
        if self._guarded.on_decision is not None:
            self._guarded.on_decision(self._context, decision)
        if self._context.on_decision is not None:
            self._context.on_decision(decision, index)
        self._greatest = max(self._greatest, decision.effect)
        self._context.effect = str(self._greatest)
