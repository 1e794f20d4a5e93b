"""A guarded conversation: what every adapter tells the firewall, and gets back.

Each step is judged after all that came before it, and what goes on is what the firewall lets
through: redacted text, canonical calls. A step that may not go on raises `RefusedError`, and does
not become part of the conversation.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import Stage, stage_of
from tyrian.core.message import Message, Origin, Part, ToolCall, Trace
from tyrian.errors import BlockedError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.sync import BACKGROUND

T = TypeVar("T")

_Words = tuple[Origin, tuple[Part, ...]]


class RefusedError(BlockedError):
    """A step that may not go on, or that waits for a person."""

    def __init__(self, decision: Decision, what: str) -> None:
        rules = ", ".join(dict.fromkeys(reason.rule for reason in decision.reasons[:3]))
        told = "waits for a person" if decision.effect is Effect.REVIEW else "is refused"
        super().__init__(f"{what} {told}: {rules or 'no reason given'}")
        self.decision = decision

    @property
    def explanation(self) -> str:
        """What a model may be told in the place of what was refused; quotes nothing of it."""
        return f"[{self.message}]"


@dataclass(slots=True)
class Conversation:
    """One conversation with an agent. Its steps are judged one after another."""

    firewall: Firewall
    trace: Trace = field(default_factory=Trace)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    """Of calls made at once each is judged in the light of those before it."""
    _known: dict[_Words, Message] = field(default_factory=dict, init=False, repr=False)
    """What was said, by its words as they came, in the form in which it went on."""
    _counted: int = field(default=0, init=False, repr=False)

    async def system(self, text: str) -> str:
        """Take in what the operator tells the model; it is not judged."""
        self.trace = self.trace.append(Message.system(text))
        return text

    async def user(self, text: str) -> str:
        """Judge what the user writes."""
        return (await self._passed(Message.user(text), Stage.INPUT, "the user's message")).text

    async def document(self, text: str, *, name: str = "") -> str:
        """Judge what retrieval or memory gives."""
        message = Message.document(text, name=name)
        return (await self._passed(message, Stage.DOCUMENT, "the document")).text

    async def answer(self, text: str) -> str:
        """Judge what the model answers."""
        return (await self._passed(Message.assistant(text), Stage.OUTPUT, "the answer")).text

    async def call(
        self, name: str, arguments: Mapping[str, Any] | str, *, call_id: str = ""
    ) -> dict[str, Any]:
        """Judge a tool call; the arguments in canonical form, with which it is to be made.

        `arguments` may be the model's own JSON text, which is judged as it stands.
        """
        text = arguments if isinstance(arguments, str) else json.dumps(dict(arguments))
        message = Message.assistant(calls=[ToolCall(call_id, name, text)])
        passed = await self._passed(message, Stage.TOOL_CALL, f"the call of {name}")
        try:
            given = json.loads(passed.tool_calls[0].arguments or "{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise BlockedError(f"the arguments of {name} are no JSON object")
        return given

    async def result(self, text: str, *, name: str = "", call_id: str = "") -> str:
        """Judge what a tool returned."""
        message = Message.tool(text, name=name, tool_call_id=call_id)
        return (
            await self._passed(message, Stage.TOOL_RESULT, f"what {name or 'a tool'} gave")
        ).text

    async def take(self, message: Message) -> Message:
        """Take in a message of a history, judged where it is a user's, a tool's or a document.

        The model's own were judged when they were made. What is known already is not taken twice.
        """
        for one in self.trace.messages[self._counted :]:
            self._known[_words(one)] = one
        self._counted = len(self.trace.messages)
        if known := self._known.get(_words(message)):
            return known
        if message.origin in (Origin.OPERATOR, Origin.MODEL):
            self.trace = self.trace.append(message)
            return message
        stage = stage_of(message)
        return await self._passed(message, stage, f"a message at stage {stage.value}")

    async def run(
        self,
        name: str,
        arguments: Mapping[str, Any] | str,
        tool: Callable[..., Coroutine[Any, Any, object]],
        *,
        call_id: str = "",
    ) -> str:
        """Judge a call, make it in its canonical form, and judge what it gives."""
        given = await self.call(name, arguments, call_id=call_id)
        found = await tool(**given)
        text = found if isinstance(found, str) else json.dumps(found, default=str)
        return await self.result(text, name=name, call_id=call_id)

    def sync(self, step: Coroutine[Any, Any, T]) -> T:
        """Run a step from code that cannot await: `talk.sync(talk.user(text))`."""
        return BACKGROUND.run(step)

    async def _passed(self, message: Message, stage: Stage, what: str) -> Message:
        async with self._turn:
            decision = await self.firewall.scan(message, trace=self.trace, stage=stage)
            if not decision.may_pass:
                raise RefusedError(decision, what)
            self._known[_words(message)] = decision.subject
            self.trace = self.trace.append(decision.subject)
        return decision.subject


def _words(message: Message) -> _Words:
    return message.origin, message.parts
