"""LlamaFirewall's messages, roles and results, by their own names and shapes (version 1.0.3)."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias


class ScannerType(Enum):
    """The scanners that come along."""

    CODE_SHIELD = "code_shield"
    PROMPT_GUARD = "prompt_guard"
    AGENT_ALIGNMENT = "agent_alignment"
    HIDDEN_ASCII = "hidden_ascii"
    PII_DETECTION = "pii_detection"
    REGEX = "regex"


class ScanDecision(Enum):
    """What follows from a scan."""

    ALLOW = "allow"
    HUMAN_IN_THE_LOOP_REQUIRED = "human_in_the_loop_required"
    BLOCK = "block"


class ScanStatus(Enum):
    """How a scan went; one that failed blocks."""

    SUCCESS = "success"
    ERROR = "error"
    SKIPPED = "skipped"


class Role(Enum):
    """Who speaks."""

    TOOL = "tool"
    USER = "user"
    ASSISTANT = "assistant"
    MEMORY = "memory"
    SYSTEM = "system"


@dataclass
class ScanResult:
    """The outcome of a scan; `score` is 0..1."""

    decision: ScanDecision
    reason: str
    score: float
    status: ScanStatus = ScanStatus.SUCCESS


@dataclass
class Message:
    """One message; `tool_calls` are in the OpenAI shape."""

    role: Role
    content: str
    tool_calls: list[dict[str, Any]] | None = None

    def __str__(self) -> str:
        return f"{self.role}: {self.content}"


class SystemMessage(Message):
    """What the operator tells the model."""

    def __init__(self, content: str) -> None:
        super().__init__(Role.SYSTEM, content)


class UserMessage(Message):
    """What the user writes."""

    def __init__(self, content: str) -> None:
        super().__init__(Role.USER, content)


class AssistantMessage(Message):
    """What the model answers."""

    def __init__(self, content: str, tool_calls: list[dict[str, Any]] | None = None) -> None:
        super().__init__(Role.ASSISTANT, content, tool_calls)


class ToolMessage(Message):
    """What a tool returned."""

    def __init__(self, content: str) -> None:
        super().__init__(Role.TOOL, content)


class MemoryMessage(Message):
    """What the agent remembered."""

    def __init__(self, content: str) -> None:
        super().__init__(Role.MEMORY, content)


Trace: TypeAlias = list[Message]
