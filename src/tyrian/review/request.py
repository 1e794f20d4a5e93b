"""What a person is asked about, what they answer, and whoever carries both."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Protocol

from tyrian.core.decision import CallReport, Effect, Reason
from tyrian.core.detection import Stage
from tyrian.core.message import ImagePart, Message, TextPart, ToolCall


def new_review_id() -> str:
    """An id that cannot be guessed."""
    return f"rev_{os.urandom(12).hex()}"


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """A message that waits for a person."""

    message: Message
    """What goes on if it is approved: calls in canonical form, redacted."""
    stage: Stage
    reasons: tuple[Reason, ...]
    calls: tuple[CallReport, ...]
    """One for each tool call, with rule, canonical form and tainted sources."""
    policy: str
    """Digest of the policy that asks."""
    trace_id: str = ""
    id: str = field(default_factory=new_review_id)

    @property
    def asked(self) -> tuple[CallReport, ...]:
        """The calls that a rule wants a person to look at."""
        return tuple(call for call in self.calls if call.effect is Effect.REVIEW)

    @property
    def digest(self) -> bytes:
        """Identity of what is asked: the canonical message under this policy.

        An answer is good for this and nothing else. Ids of calls are left out: they are new each
        time that a model asks for the same.
        """
        parts: list[list[str]] = []
        for part in self.message.parts:
            match part:
                case TextPart(text=text):
                    parts.append(["text", text])
                case ToolCall(name=name, arguments=arguments):
                    parts.append(["call", name, arguments])
                case ImagePart(url=url):
                    parts.append(["image", url])
        plain = [self.policy, self.stage.value, self.message.origin.value, parts]
        return hashlib.sha256(json.dumps(plain).encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What a person said."""

    is_approved: bool
    by: str = ""
    """Who it was, as far as that is known."""


@dataclass(frozen=True, slots=True)
class Parked:
    """The request is kept, and the answer will come later."""

    id: str
    """Of the review; an older one where the same was asked before."""


class Reviewer(Protocol):
    """Brings requests to a person."""

    async def ask(self, request: ReviewRequest) -> ReviewAnswer | Parked:
        """The answer, or word that there is none yet. May raise: the message is then stopped."""

    async def recall(self, request: ReviewRequest) -> ReviewAnswer | None:
        """An answer that was given before to the same request, for what was done already."""
