"""Messages, their parts, and the Trace that holds them in order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self


class Role(StrEnum):
    """The seat a message has on the wire."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Origin(StrEnum):
    """Who wrote the bytes. Trust follows the origin, never the wire role."""

    OPERATOR = "operator"
    USER = "user"
    MODEL = "model"
    TOOL = "tool"
    MEMORY = "memory"
    RETRIEVAL = "retrieval"


_ORIGIN_OF_ROLE = {
    Role.SYSTEM: Origin.OPERATOR,
    Role.DEVELOPER: Origin.OPERATOR,
    Role.USER: Origin.USER,
    Role.ASSISTANT: Origin.MODEL,
    Role.TOOL: Origin.TOOL,
}


@dataclass(frozen=True, slots=True)
class TextPart:
    """A run of text."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image, by `data:` or http(s) URL."""

    url: str
    detail: str = "auto"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for; `arguments` is its JSON text, exactly as written."""

    id: str
    name: str
    arguments: str


Part = TextPart | ImagePart | ToolCall

SEGMENT_GAP = "\n"
"""What stands between two segments in `Message.text`."""


def _segment(part: Part) -> str | None:
    match part:
        case TextPart(text=text):
            return text
        case ToolCall(arguments=arguments):
            return arguments
        case ImagePart():
            return None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Its *segments* are the strings in it (text parts and tool-call arguments, in order); `text` is
    the segments joined by `SEGMENT_GAP`, and every span of a Finding counts characters of `text`.
    """

    role: Role
    parts: tuple[Part, ...]
    origin: Origin
    name: str = ""
    tool_call_id: str = ""

    @classmethod
    def of(
        cls,
        role: Role,
        content: str | Iterable[Part],
        *,
        origin: Origin | None = None,
        name: str = "",
        tool_call_id: str = "",
    ) -> Self:
        """A message of any role; the origin follows from the role unless it is given."""
        parts = (TextPart(content),) if isinstance(content, str) else tuple(content)
        return cls(role, parts, origin or _ORIGIN_OF_ROLE[role], name, tool_call_id)

    @classmethod
    def system(cls, content: str | Iterable[Part]) -> Self:
        """What the operator tells the model."""
        return cls.of(Role.SYSTEM, content)

    @classmethod
    def user(cls, content: str | Iterable[Part]) -> Self:
        """What the user writes."""
        return cls.of(Role.USER, content)

    @classmethod
    def assistant(
        cls, content: str | Iterable[Part] = "", *, calls: Iterable[ToolCall] = ()
    ) -> Self:
        """What the model answers: text, tool calls, or both."""
        parts: tuple[Part, ...] = (
            ((TextPart(content),) if content else ())
            if isinstance(content, str)
            else tuple(content)
        )
        return cls.of(Role.ASSISTANT, (*parts, *calls))

    @classmethod
    def tool(cls, content: str | Iterable[Part], *, tool_call_id: str = "", name: str = "") -> Self:
        """What a tool returned."""
        return cls.of(Role.TOOL, content, tool_call_id=tool_call_id, name=name)

    @classmethod
    def document(cls, content: str | Iterable[Part], *, name: str = "") -> Self:
        """What retrieval put into the context."""
        return cls.of(Role.USER, content, origin=Origin.RETRIEVAL, name=name)

    @property
    def segments(self) -> tuple[str, ...]:
        """Every string in the message, in order."""
        return tuple(s for s in map(_segment, self.parts) if s is not None)

    @property
    def text(self) -> str:
        """All segments, joined by `SEGMENT_GAP`."""
        return SEGMENT_GAP.join(self.segments)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls in the message."""
        return tuple(p for p in self.parts if isinstance(p, ToolCall))

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The images in the message."""
        return tuple(p for p in self.parts if isinstance(p, ImagePart))

    def with_segments(self, segments: Sequence[str]) -> Self:
        """The same message with its strings replaced, one for one; ValueError if counts differ."""
        given = iter(segments)
        if len(segments) != len(self.segments):
            raise ValueError(f"{len(segments)} segments given, {len(self.segments)} needed")
        parts: list[Part] = []
        for part in self.parts:
            match part:
                case TextPart():
                    parts.append(TextPart(next(given)))
                case ToolCall():
                    parts.append(replace(part, arguments=next(given)))
                case ImagePart():
                    parts.append(part)
        return replace(self, parts=tuple(parts))


@dataclass(frozen=True, slots=True)
class Trace:
    """An immutable conversation: what has been said so far, oldest first."""

    messages: tuple[Message, ...] = ()
    id: str = field(default="", compare=False)

    def append(self, *messages: Message) -> Self:
        """A new Trace with these messages at its end."""
        return replace(self, messages=(*self.messages, *messages))

    def __len__(self) -> int:
        return len(self.messages)
