"""Any model behind our firewall: what an application that uses the stack would get.

Every message of others than the operator that is new since the model last spoke is judged before it
is asked, and its answer and tool calls before they are given on. What is blocked is answered by a
refusal, as the gateway's users would see it. It counts as an answer, so that blocked attacks are
failed attacks and blocked harmless requests are refused ones; `reason` names the rules that did it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tyrian.core.decision import Decision, Effect
from tyrian.core.message import ImagePart, Message, Origin, Role, TextPart, ToolCall, Trace
from tyrian.evals.exchange import Reply, Request, Turn
from tyrian.evals.exchange import ToolCall as AskedCall
from tyrian.evals.models.model import Model, account_of
from tyrian.evals.models.openai_wire import data_url
from tyrian.firewall.firewall import Firewall

BLOCKED: Final = "I'm sorry, but I can't help with that: a guard of this application stopped it."
DEFENDED: Final = "+defended"
"""What the name of a defended model ends in."""
_STOPPED = frozenset({Effect.BLOCK, Effect.REVIEW})


class DefendedModel:
    """A model with a firewall around it; what needs a person counts as stopped."""

    def __init__(self, inner: Model, firewall: Firewall) -> None:
        self.name = inner.name + DEFENDED
        self.identity = f"{inner.identity}|firewall:{firewall.digest}"
        self.account = account_of(inner)
        self._inner = inner
        self._firewall = firewall

    async def reply(self, request: Request) -> Reply:
        """The answer that may leave, or a refusal."""
        messages = [message_of(turn) for turn in request.turns]
        turns = list(request.turns)
        for at in range(_first_new(request.turns), len(turns)):
            if messages[at].origin is Origin.OPERATOR:
                continue
            decision = await self._firewall.scan(messages[at], trace=Trace(tuple(messages[:at])))
            if decision.effect in _STOPPED:
                return _refusal(decision)
            messages[at] = decision.subject
            turns[at] = replace(turns[at], text=_text(decision.subject))
        reply = await self._inner.reply(replace(request, turns=tuple(turns)))
        if not reply.is_answer:
            return reply
        return await self._outgoing(reply, Trace(tuple(messages)))

    async def _outgoing(self, reply: Reply, trace: Trace) -> Reply:
        calls = [ToolCall(call.id, call.name, call.arguments) for call in reply.calls]
        message = Message.assistant(reply.text, calls=calls)
        decision = await self._firewall.scan(message, trace=trace)
        if decision.effect in _STOPPED:
            return replace(_refusal(decision), usage=reply.usage)
        subject = decision.subject
        return replace(
            reply,
            text=_text(subject),
            calls=tuple(AskedCall(c.id, c.name, c.arguments) for c in subject.tool_calls),
        )

    async def close(self) -> None:
        """Close the model and the firewall."""
        await self._inner.close()
        await self._firewall.close()


def message_of(turn: Turn) -> Message:
    """The turn as the firewall reads it."""
    parts: list[TextPart | ImagePart | ToolCall] = [TextPart(turn.text)] if turn.text else []
    parts += [ImagePart(data_url(image.media_type, image.data)) for image in turn.images]
    parts += [ToolCall(call.id, call.name, call.arguments) for call in turn.calls]
    return Message.of(Role(turn.role), parts, tool_call_id=turn.call_id)


def _first_new(turns: Sequence[Turn]) -> int:
    """Where the turns begin that came after the model last spoke."""
    spoken = [at for at, turn in enumerate(turns) if turn.role == "assistant"]
    return spoken[-1] + 1 if spoken else 0


def _text(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, TextPart))


def _refusal(decision: Decision) -> Reply:
    rules = sorted({reason.rule for reason in decision.reasons if reason.effect in _STOPPED})
    return Reply(BLOCKED, reason="blocked:" + ",".join(rules), finish_reason="content_filter")
