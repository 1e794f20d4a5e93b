"""Effects, reasons, and the Decision that they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from tyrian.core.detection import DetectorRun, Stage
from tyrian.core.message import Message, ToolCall


class Effect(IntEnum):
    """What happens to a message. The order is the meaning: the greatest stands."""

    ALLOW = 0
    FLAG = 1
    REDACT = 2
    REVIEW = 3
    BLOCK = 4

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, name: str) -> Self:
        """The effect of that name; ValueError for any other word."""
        try:
            return cls[name.upper()]
        except KeyError:
            known = ", ".join(str(e) for e in cls)
            raise ValueError(f"unknown effect {name!r}; known: {known}") from None

    @classmethod
    def greatest(cls, effects: Iterable["Effect"]) -> "Effect":
        """The greatest of the effects, ALLOW where there is none."""
        return max(effects, default=Effect.ALLOW)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an effect was asked for; its text never quotes the message."""

    effect: Effect
    rule: str
    """Stable id, `<detector>.<label>` or `<detector>.<status>`."""
    detector: str
    message: str
    label: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class CallReport:
    """What the tool policy says of one call of a message."""

    call: ToolCall
    """As it was judged."""
    effect: Effect
    rule: str
    """Stable id of what decided, such as `fs.outside`."""
    reason: str
    """Never quotes the call."""
    hint: str = ""
    """What would have to change for the call to pass."""
    canonical: Mapping[str, object] | None = None
    """`{"tool", "args"}` and, after a look-up, `"addresses"`: only this may be made."""
    sources: tuple[str, ...] = ()
    """Untrusted sources that its arguments quote, where the policy looks at that."""
    labels: tuple[str, ...] = ()
    """Labels of values seen before that its arguments hold, such as `secret`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The firewall's answer for one message at one stage."""

    id: str
    effect: Effect
    stage: Stage
    reasons: tuple[Reason, ...]
    runs: tuple[DetectorRun, ...]
    policy: str
    """Digest of the policy that decided."""
    subject: Message
    """The message as it may go on: redacted, and with tool calls in their canonical form.

    For REVIEW it is what may go on once a person has said so; for BLOCK the message as it came.
    """
    elapsed_s: float = 0.0
    is_cached: bool = False
    calls: tuple[CallReport, ...] = ()
    """One for each tool call, in order, where a tool policy judged them."""
    review: str = ""
    """Id of the review that the message waits for; empty where it waits for none."""

    @property
    def may_pass(self) -> bool:
        """True for ALLOW, FLAG and REDACT: `subject` may go on."""
        return self.effect <= Effect.REDACT
