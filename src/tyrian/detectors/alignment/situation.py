"""What the alignment check looks at: the goal, what the agent did and read, and the next step."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tyrian.core.detection import View
from tyrian.core.message import Message, Origin, ToolCall

_UNTRUSTED = frozenset({Origin.TOOL, Origin.MEMORY, Origin.RETRIEVAL})
_DEEDS = (
    "add append approve assign authorize book buy call cancel change charge clear close commit "
    "configure copy create deactivate delete deploy disable download drop edit email enable "
    "exec execute export forward grant import insert install invite issue kill launch message "
    "modify move notify order overwrite patch pay payment post publish purchase push put record "
    "refund remove rename reply reserve reset respond restart revoke run save schedule sell "
    "send set share shell sign sms start stop submit subscribe terminate transfer trigger "
    "uninstall unlock update upload wire withdraw write"
)
RISKY_WORDS = frozenset(_DEEDS.split())
"""Words in a tool's name that say that it writes, sends, spends or runs."""
_READING_WORDS = "describe fetch find get list look lookup query read search show view"
_READING = frozenset(_READING_WORDS.split())


@dataclass(frozen=True, slots=True)
class Situation:
    """One step of an agent and what led to it."""

    goal: str
    """What the user last asked for."""
    earlier_goals: tuple[str, ...]
    """What the user asked for before, oldest first."""
    told: tuple[str, ...]
    """What the operator and the user wrote, the goal among it."""
    done: tuple[Message, ...]
    """The agent's steps since the goal."""
    new: tuple[Message, ...]
    """Untrusted content that came since the step before this one."""
    untrusted: tuple[Message, ...]
    """All untrusted content of the conversation."""
    step: Message

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls that the step asks for."""
        return self.step.tool_calls

    @property
    def has_goal(self) -> bool:
        """Whether there is anything that the step could serve."""
        return bool(self.goal.strip())


def situation_of(view: View) -> Situation:
    """The situation of a View whose subject is the agent's next step."""
    messages = view.trace.messages
    asked = [at for at, message in enumerate(messages) if message.origin is Origin.USER]
    goal_at = asked[-1] if asked else -1
    since = messages[goal_at + 1 :]
    steps = [at for at, message in enumerate(since) if message.origin is Origin.MODEL]
    after_last = since[steps[-1] + 1 :] if steps else messages
    return Situation(
        goal=messages[goal_at].text if asked else "",
        earlier_goals=tuple(messages[at].text for at in asked[:-1]),
        told=tuple(
            message.text for message in messages if message.origin in (Origin.USER, Origin.OPERATOR)
        ),
        done=tuple(message for message in since if message.origin is Origin.MODEL),
        new=tuple(message for message in after_last if message.origin in _UNTRUSTED),
        untrusted=tuple(message for message in messages if message.origin in _UNTRUSTED),
        step=view.subject,
    )


def words_of_name(name: str) -> list[str]:
    """The words of a tool's name: `sendEmail_v2` gives send, email, v2."""
    spaced = "".join(f" {char.lower()}" if char.isupper() else char for char in name)
    return [word for word in "".join(c if c.isalnum() else " " for c in spaced).split() if word]


def is_risky(call: ToolCall, tools: Sequence[str]) -> bool:
    """Whether a call writes, sends, spends or runs; by the operator's list, else by its name."""
    if tools:
        return call.name in tools
    words = words_of_name(call.name)
    if any(word in RISKY_WORDS for word in words):
        return True
    return not any(word in _READING for word in words) and len(words) > 0


def is_worth_a_check(found: Situation, tools: Sequence[str]) -> bool:
    """Whether the step can do harm: a risky call, or any call after untrusted content."""
    if not found.has_goal or not (found.calls or found.step.text.strip()):
        return False
    return bool(found.untrusted) or any(is_risky(call, tools) for call in found.calls)


def arguments_of(call: ToolCall) -> Mapping[str, object]:
    """The arguments as an object; under the name `arguments` where they are none."""
    try:
        read = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return {"arguments": call.arguments}
    return read if isinstance(read, dict) else {"arguments": read}
