"""What of a judged message may go on: redacted, within the tool policy, approved by a person."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage, stage_of
from tyrian.core.message import Message, ToolCall, Trace
from tyrian.firewall.ask import Settled, asked, recalled
from tyrian.firewall.decide import Judgement
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.redact import CannotRedactError, redact
from tyrian.firewall.tool_gate import ToolGate, ruled
from tyrian.review.request import Reviewer

READ_ASIDE = 64_000
"""Characters of a trace from which on the tool policy does not read it on the event loop."""


class Settler:
    """Settles judgements: what follows from the guards' word, the tool policy's and a person's."""

    def __init__(self, gate: ToolGate | None, reviewer: Reviewer | None, policy: str) -> None:
        """`policy` is the digest that a person is told; `reviewer` asks where no other is named."""
        self.gate = gate
        self.reviewer = reviewer
        self._policy = policy

    async def settle(
        self,
        message: Message,
        judgement: Judgement,
        pseudonyms: Pseudonyms | None = None,
        said: Trace | None = None,
        *,
        stage: Stage | None = None,
        reviewer: Reviewer | None = None,
    ) -> Settled:
        """The judgement that stands, and the message as it may go on.

        `said` is what was said before it, as the tool policy reads it. What needs a person is
        brought to `reviewer`, or to the settler's own one; without any it stays held.
        """
        if self.gate is not None and said is not None and message.tool_calls:
            await self._read(self.gate, said)
        settled = self._settled(message, judgement, pseudonyms, said)
        reviewer = reviewer or self.reviewer
        if settled[0].effect is not Effect.REVIEW or reviewer is None:
            return settled
        return await asked(
            reviewer,
            settled,
            lambda: self._settled(message, judgement, pseudonyms, said),
            stage=stage or stage_of(message),
            policy=self._policy,
            trace_id=said.id if said is not None else "",
        )

    async def history(
        self, trace: Trace, reviewer: Reviewer | None = None
    ) -> AsyncGenerator[tuple[int, Settled], None]:
        """The places of the messages in a conversation with tool calls, and what stands of them.

        Nothing for a beginning that went through before. What a person approved then passes.
        """
        if self.gate is None:
            return
        rulings = self.gate.history(trace)
        reviewer = reviewer or self.reviewer
        is_long = self.gate.states.unread(trace.messages) > READ_ASIDE
        while found := (
            await asyncio.to_thread(next, rulings, None) if is_long else next(rulings, None)
        ):
            index, ruling = found
            settled = ruled(Judgement(), ruling), ruling.message
            if reviewer is not None and settled[0].effect is Effect.REVIEW:
                settled = await recalled(
                    reviewer,
                    settled,
                    stage=Stage.TOOL_CALL,
                    policy=self._policy,
                    trace_id=trace.id,
                )
            yield index, settled

    async def _read(self, gate: ToolGate, said: Trace) -> None:
        """Read a long trace for the tool policy in a thread, before it is asked."""
        if gate.states.unread(said.messages) > READ_ASIDE:
            # A fault in it comes again, and is told, where the message is settled.
            with contextlib.suppress(Exception):
                await asyncio.to_thread(gate.states.of, said.messages)

    def _settled(
        self,
        message: Message,
        judgement: Judgement,
        pseudonyms: Pseudonyms | None,
        said: Trace | None,
    ) -> Settled:
        """The message redacted, its tool calls canonical and within the policy.

        The policy judges the calls as they would leave, with pseudonyms turned back into values.
        """
        subject = message
        if judgement.marks and judgement.effect in (Effect.REDACT, Effect.REVIEW):
            try:
                subject = redact(message, judgement.marks, pseudonyms=pseudonyms)
            except CannotRedactError as error:
                judgement = judgement.escalated(error.message)
        if self.gate is None or not message.tool_calls:
            return judgement, subject
        ruling = self.gate.judge(_restored(subject, pseudonyms), said)
        judgement = ruled(judgement, ruling)
        return judgement, message if judgement.effect is Effect.BLOCK else ruling.message


def _restored(message: Message, pseudonyms: Pseudonyms | None) -> Message:
    """The message with the pseudonyms in its tool calls turned back into values."""
    if pseudonyms is None or not len(pseudonyms):
        return message
    parts = (
        replace(part, arguments=pseudonyms.restore(part.arguments, in_json=True))
        if isinstance(part, ToolCall)
        else part
        for part in message.parts
    )
    return replace(message, parts=tuple(parts))
