"""What a benchmark asks of a model, and what comes back: plain values, no input or output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Part(StrEnum):
    """Who is asked: each part of a benchmark may be played by another model."""

    TARGET = "target"
    JUDGE = "judge"
    EXPANDER = "expander"
    ATTACKER = "attacker"
    VICTIM = "victim"


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a turn: its bytes as they are in the file."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model wants made; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation: role `system`, `user`, `assistant` or `tool`."""

    role: str
    text: str
    images: tuple[Image, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    """Of a `tool` turn: which call it answers."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model is to choose words; None leaves it to the server.

    The defaults are CyberSecEval's: temperature 0.6, top_p 0.9, 2,048 tokens.
    """

    temperature: float | None = 0.6
    top_p: float | None = 0.9
    max_tokens: int = 2048
    seed: int | None = None


GREEDY = Sampling(temperature=0.0, top_p=None)
"""For judges: the likeliest word at each place."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the model that plays a part."""

    part: Part
    turns: tuple[Turn, ...]
    sampling: Sampling = Sampling()
    schema: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """JSON Schema of the answer; empty where any text will do."""
    tools: tuple[Mapping[str, object], ...] = ()
    """In the form of OpenAI's `tools`."""


class ReplyStatus(StrEnum):
    """Whether there is an answer, and if not, why."""

    OK = "ok"
    FILTERED = "filtered"
    """The provider's or the firewall's content filter stopped the question or the answer."""
    EMPTY = "empty"
    FAILED = "failed"
    """No answer after all tries."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the server counts them."""

    prompt: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `text` is empty where the status is not OK."""

    text: str
    status: ReplyStatus = ReplyStatus.OK
    reason: str = ""
    """Why there is no answer: a word for counting, such as `timeout` or `rate_limit`."""
    calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""
    usage: Usage = Usage()

    @property
    def is_answer(self) -> bool:
        """Whether the model said something that can be judged."""
        return self.status is ReplyStatus.OK


def ask(text: str, *, system: str = "", part: Part = Part.TARGET, **more: object) -> Request:
    """A request of one user turn, with a system prompt where one is given."""
    head = (Turn("system", system),) if system else ()
    return Request(part, (*head, Turn("user", text)), **more)  # type: ignore[arg-type]
