"""Messages of a client's JSON: what the firewall reads of them, and where their strings stand."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tyrian.adapters.conversation import RefusedError
from tyrian.core.detection import Stage
from tyrian.core.message import ImagePart, Message, Origin, Part, Role, TextPart, ToolCall, Trace
from tyrian.errors import BlockedError, InputError
from tyrian.firewall.firewall import Firewall

Json = dict[str, Any]

_JUDGED = {
    (Role.USER, Origin.USER): (Stage.INPUT, "the user's message"),
    (Role.USER, Origin.RETRIEVAL): (Stage.DOCUMENT, "the document"),
    (Role.TOOL, Origin.TOOL): (Stage.TOOL_RESULT, "what a tool gave"),
}
"""What is judged of a request; the rest is the operator's, or was judged when it was answered."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one string; `is_json` where JSON of it stands there as an object."""

    holder: Any
    key: Any
    is_json: bool = False

    def put(self, text: str) -> None:
        """Write a string to the place."""
        self.holder[self.key] = json.loads(text) if self.is_json else text


@dataclass(slots=True)
class Wired:
    """One message, collected part by part with the places of its strings."""

    role: Role
    origin: Origin | None = None
    name: str = ""
    call_id: str = ""
    parts: list[Part] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    def text(self, holder: Any, key: Any, place: str) -> None:
        """Take in the text at a key."""
        if not isinstance(holder[key], str):
            raise InputError(f"{place}: must be a string")
        self.parts.append(TextPart(holder[key]))
        self.slots.append(Slot(holder, key))

    def call(self, call_id: str, name: str, holder: Any, key: Any) -> None:
        """Take in a tool call whose arguments stand at a key, as JSON text or as an object."""
        given = holder[key]
        is_json = not isinstance(given, str)
        self.parts.append(ToolCall(call_id, name, json.dumps(given) if is_json else given))
        self.slots.append(Slot(holder, key, is_json))

    def image(self, url: str) -> None:
        """Take in an image."""
        self.parts.append(ImagePart(url))

    @property
    def message(self) -> Message:
        """The message as the firewall reads it."""
        return Message.of(
            self.role,
            self.parts,
            origin=self.origin,
            name=self.name,
            tool_call_id=self.call_id,
        )

    def write(self, message: Message) -> None:
        """Put the strings of a message in the places of this one's."""
        for slot, was, text in zip(
            self.slots, self.message.segments, message.segments, strict=True
        ):
            if text != was:
                slot.put(text)


def named(messages: Iterable[Wired]) -> Iterator[Wired]:
    """The same messages, tool results with the names of the tools that were called."""
    names: dict[str, str] = {}
    for wired in messages:
        names |= {call.id: call.name for call in wired.parts if isinstance(call, ToolCall)}
        wired.name = wired.name or names.get(wired.call_id, "")
        yield wired


async def screen(
    firewall: Firewall, messages: Iterable[Wired], *, judges_calls: bool = True
) -> Trace:
    """Judge a request and write it back as it may go on; the conversation that it makes.

    RefusedError for the first message that may not. The model's earlier tool calls pass the tool
    policy again, since nobody knows who answered them; leave that out with `judges_calls` where
    each was judged before it was made.
    """
    wired = list(named(messages))
    said = Trace(tuple(one.message for one in wired))
    async for _, decision in firewall.check_history(said if judges_calls else Trace()):
        if not decision.may_pass:
            raise RefusedError(decision, "an earlier call")
    trace = Trace()
    for one, message in zip(wired, said.messages, strict=True):
        judged = _JUDGED.get((message.role, message.origin))
        if judged is not None:
            stage, what = judged
            decision = await firewall.scan(message, trace=trace, stage=stage)
            if not decision.may_pass:
                raise RefusedError(decision, what)
            one.write(decision.subject)
            message = decision.subject
        trace = trace.append(message)
    return trace


async def screen_answer(firewall: Firewall, answer: Wired, trace: Trace) -> bool:
    """Judge a whole answer and write it back; True where it was changed, or RefusedError."""
    message = answer.message
    decision = await firewall.scan(message, trace=trace)
    if not decision.may_pass:
        raise RefusedError(decision, "the answer")
    try:
        answer.write(decision.subject)
    except ValueError as error:
        raise BlockedError("a tool call could not be written in canonical form") from error
    return decision.subject != message


def objects(value: object, place: str) -> Iterator[tuple[str, Json]]:
    """The objects of a list, each with its place; InputError for anything else."""
    if not isinstance(value, list):
        raise InputError(f"{place}: must be a list")
    for index, one in enumerate(value):
        if not isinstance(one, dict):
            raise InputError(f"{place}[{index}]: must be an object")
        yield f"{place}[{index}]", one


def role_of(fields: Mapping[str, Any], place: str) -> Role:
    """The role of a message; InputError for one that is unknown."""
    try:
        return Role(str(fields.get("role")))
    except ValueError:
        known = ", ".join(Role)
        raise InputError(f"{place}.role: unknown role; known: {known}") from None
