"""A view as the conversation that Llama Guard reads: user and agent in turn, the judged one last.

Turns of one seat in a row become one. What tools and retrieval gave is the user's side of the
conversation, because it is what the agent reads. The operator's words are context: they stand in
front of the first turn, and never in the turn that is judged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tyrian.core.detection import Stage, View
from tyrian.core.message import ImagePart, Message, Origin, Role, ToolCall

USER, AGENT = "user", "assistant"
NOTHING = "[no message]"
"""Stands for a turn that the model needs and the conversation lacks."""
IMAGE_LEFT_OUT = "[image]"
_GAP = "\n\n"
_FROM_MODEL = frozenset({Stage.OUTPUT, Stage.TOOL_CALL})


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says, with its images."""

    role: str
    text: str
    images: tuple[ImagePart, ...] = ()

    def joined(self, other: "Turn") -> "Turn":
        """Both as one turn, this one first."""
        text = _GAP.join(part for part in (self.text, other.text) if part)
        return replace(self, text=text, images=(*self.images, *other.images))


def judged_role(view: View) -> str:
    """The side that the judged message is on."""
    from_model = view.subject.origin is Origin.MODEL or view.stage in _FROM_MODEL
    return AGENT if from_model else USER


def context(view: View, neutral: Callable[[str], str], most: int) -> tuple[Turn, ...]:
    """What was said before, alternating, the user first, marks made harmless.

    Goes back until `most` characters. The last turn may be of the judged side: what was said
    directly before is part of its turn.
    """
    operator: list[str] = []
    turns: list[Turn] = []
    for message, words in _latest(view.trace.messages, most):
        text = neutral(words)
        if message.origin is Origin.OPERATOR or message.role in (Role.SYSTEM, Role.DEVELOPER):
            operator += [text] if text else []
        elif text or message.images:
            side = AGENT if message.origin is Origin.MODEL else USER
            turns.append(Turn(side, text, message.images))
    turns = alternating(turns)
    is_apart = len(turns) > 1 or (len(turns) == 1 and judged_role(view) != turns[-1].role)
    if operator and is_apart:
        system = _GAP.join(["(The operator's instructions to the agent)", *operator])
        turns[0] = Turn(USER, system).joined(turns[0])
    elif operator and judged_role(view) == AGENT:
        turns = [Turn(USER, _GAP.join(["(The operator's instructions to the agent)", *operator]))]
    return tuple(turns)


def _latest(messages: Sequence[Message], most: int) -> list[tuple[Message, str]]:
    """The last messages with their texts, up to `most` characters, in their order."""
    found: list[tuple[Message, str]] = []
    for message in reversed(messages):
        if most <= 0:
            break
        text = _text(message)
        found.append((message, text[-most:]))
        most -= len(text)
    return found[::-1]


def alternating(turns: Sequence[Turn]) -> list[Turn]:
    """The turns with neighbours of one side joined, and a user's turn at the head."""
    out: list[Turn] = []
    for turn in turns:
        if out and out[-1].role == turn.role:
            out[-1] = out[-1].joined(turn)
        else:
            out.append(turn)
    if out and out[0].role != USER:
        out.insert(0, Turn(USER, NOTHING))
    return out


def with_judged(before: Sequence[Turn], judged: Turn) -> list[Turn]:
    """The whole conversation, ending in the judged turn."""
    turns = alternating([*before, judged])
    turns[-1] = replace(turns[-1], text=turns[-1].text or NOTHING)
    return turns


def with_images(turns: Sequence[Turn], most: int) -> list[Turn]:
    """The turns with the last `most` images; each of the others leaves a word in its place."""
    out: list[Turn] = []
    room = most
    for turn in reversed(turns):
        kept = turn.images[max(len(turn.images) - room, 0) :] if room else ()
        room -= len(kept)
        words = [IMAGE_LEFT_OUT] * (len(turn.images) - len(kept))
        text = "\n".join(part for part in (*words, turn.text) if part)
        out.append(Turn(turn.role, text, kept))
    return out[::-1]


def _text(message: Message) -> str:
    """The text of an earlier message, with what kind of text it is where no seat says so."""
    said = []
    for part in message.parts:
        if isinstance(part, ToolCall):
            said.append(f"(call of the tool {part.name}) {part.arguments}")
        elif not isinstance(part, ImagePart):
            said.append(part.text)
    text = "\n".join(said)
    if message.origin is Origin.TOOL:
        return f"(result of the tool {message.name}) {text}" if text else ""
    if message.origin in (Origin.RETRIEVAL, Origin.MEMORY):
        return f"(document) {text}" if text else ""
    return text
